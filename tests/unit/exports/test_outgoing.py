from __future__ import annotations

import csv
import io
import json

import pytest
from msgspec.structs import replace

from jumar.core.curve import Point
from jumar.core.experiment import ExperimentRecord
from jumar.errors import LedgerUnfit, Usage
from jumar.exports.formats import as_text
from jumar.exports.outgoing import MOST_POINTS, Outgoing, counted, course, named, sheets
from jumar.exports.table import as_csv
from jumar.testing.records import make_study

RECORD, EXPERIMENTS, CONTRACT = make_study(30, seed=5)
CURVE = b"\n".join(b'{"progress": %f, "loss": %f, "step": %d}' % (n / 5000, 5000 - n, n) for n in range(5000))


def outgoing(*experiments: ExperimentRecord) -> Outgoing:
    return Outgoing(
        record=RECORD,
        experiments=experiments or EXPERIMENTS,
        contract=CONTRACT,
        diff=lambda number: f"diff of {number}\n",
        artefact=lambda digest: CURVE if digest == "curve" else b"said\n",
        hide=lambda text: text.replace("secret", "[hidden]"),
    )


def kept(**changes: object) -> ExperimentRecord:
    record = next(one for one in EXPERIMENTS[1:] if one.is_kept)
    return replace(record, experiment=replace(record.experiment, **changes))


def with_artefacts(record: ExperimentRecord) -> ExperimentRecord:
    runs = tuple(replace(run, artefacts={"curve": "curve", "log": "log"}) for run in record.runs)
    return replace(record, runs=runs)


def test_every_judged_experiment_has_a_sheet_and_no_other() -> None:
    unjudged = replace(EXPERIMENTS[2], verdict=None)
    found = [sheet.number for sheet in sheets(outgoing(*EXPERIMENTS[:2], unjudged, *EXPERIMENTS[3:]))]
    assert found == [one.number for one in EXPERIMENTS if one.number != 2]


def test_a_sheet_says_what_was_turned_and_what_came_of_it() -> None:
    record = kept(details={"changed": {"train.py:LR": [0.1, 0.2], "bad": "no pair", "../../x": [1, "y"]}})
    (sheet,) = sheets(outgoing(record))
    assert sheet.knobs == {"train.py:LR": 0.2, "_/_/x": "y"}
    assert sheet.words["decision"] == "kept" and sheet.words["commit"] == record.experiment.commit
    assert CONTRACT.measure.metric.name in sheet.figures and sheet.figures["gain"] > 0


def test_a_sheet_that_says_something_else_bears_another_mark() -> None:
    (one,), (same,) = sheets(outgoing(kept())), sheets(outgoing(kept()))
    (other,) = sheets(outgoing(replace(kept(), refuted="worse on fresh seeds")))
    assert one.mark == same.mark != other.mark
    assert other.decision == "refuted"


def test_long_curves_are_thinned_and_keep_both_ends() -> None:
    (sheet,) = sheets(outgoing(with_artefacts(kept())))
    own = [run for run in sheet.record.runs if run.run.commit == sheet.record.experiment.commit]
    curves = dict(sheet.curves())
    assert len(curves) == len(own) > 1 and "curve/loss" in curves
    points = [step for step, _ in counted(curves["curve/loss"])]
    assert len(points) == MOST_POINTS and (points[0], points[-1]) == (0, 4999)


def test_points_without_steps_are_counted_in_thousandths_of_the_budget() -> None:
    assert [step for step, _ in counted((Point(0.5, 2.0), Point(1.0, 1.0)))] == [500, 1000]


def test_what_cannot_be_read_is_left_out() -> None:
    def broken(_: object) -> bytes:
        raise LedgerUnfit("gone", fix="look for it")

    study = replace(outgoing(with_artefacts(kept())), artefact=broken, diff=broken)
    (sheet,) = sheets(study)
    assert (sheet.curves(), sheet.papers()) == ((), {})


def test_secrets_are_hidden_in_every_word() -> None:
    study = replace(outgoing(kept(hypothesis="the secret idea")), diff=lambda _: "+ secret\n")
    (sheet,) = sheets(study)
    assert sheet.words["hypothesis"] == "the [hidden] idea" and "[hidden] idea" in sheet.name
    assert sheet.papers()["change.diff"] == "+ [hidden]\n"
    assert "the [hidden] idea" in as_csv(study)


def test_the_course_is_the_staircase_with_every_value() -> None:
    told = course(outgoing())
    levels = [step.champion for step in told.steps if step.champion is not None]
    assert levels[0] > levels[-1] and len(told.steps) == len(EXPERIMENTS)
    assert told.words["result"].startswith(("1", "2")) and "certified_relative_gain" in told.figures


@pytest.mark.parametrize(
    ("name", "made"),
    [("val_bpb", "val_bpb"), ("a/../../b", "a/_/_/b"), ("/etc", "etc"), ("", "unnamed"), ("x\n<b>", "x _b_")],
)
def test_names_become_no_path_that_leads_elsewhere(name: str, made: str) -> None:
    assert named(name) == made


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "＝cmd()", "\t=cmd()"])
def test_no_cell_is_a_formula(text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(outgoing(kept(hypothesis=text))))))
    assert rows[0]["hypothesis"].startswith("'")


def test_a_cell_stays_one_whatever_is_written_in_it() -> None:
    odd = 'a,"b"\n\t\x1b[31mc\x00'
    (row,) = csv.DictReader(io.StringIO(as_csv(outgoing(kept(hypothesis=odd)))))
    assert row["hypothesis"] == 'a,"b" c\\x00'


def test_runs_have_a_row_each_with_all_that_they_measured() -> None:
    table = list(csv.DictReader(io.StringIO(as_csv(outgoing(), runs=True))))
    assert len(table) == sum(len(one.runs) for one in EXPERIMENTS)
    failed = [row for row in table if not row["value"]]
    assert failed and all(row["outcome"] != "measured" for row in failed)
    assert all(json.loads(row["others"]) for row in table if row["others"])


def test_forms_that_are_no_text_say_where_to() -> None:
    with pytest.raises(Usage, match="cannot be printed"):
        as_text(outgoing(), "parquet")
    with pytest.raises(Usage, match="--runs is for tables"):
        as_text(outgoing(), "json", runs=True)
