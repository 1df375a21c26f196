from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from rich.console import Console

from jumar.cli import render
from jumar.cli.render import without_secret
from jumar.cli.views import (
    diff_text,
    experiment_grid,
    experiments_table,
    outcome_words,
    staircase,
)
from jumar.core.contract import Metric
from jumar.core.event import Asked, Entry, Event, Judged, Noticed, Proposed, Rested, StudyStarted, Wish
from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.run import Purpose, Run, RunRecord
from jumar.core.verdict import Decision, Verdict
from jumar.reports.happenings import entry_words
from jumar.reports.values import Values
from jumar.rules.contract_file import read_contract
from jumar.rules.plain import plain

EVIL = "\x1b[2J[bold]rate\x1b]0;owned\x07 \u202eback\rover"
METRIC = Metric(name="loss")
CONTRACT = read_contract(
    '[target]\nname = "t"\neditable = ["a.py"]\n[run]\ncommand = ["python", "a.py"]\nbudget = "1s"\n'
    '[measure]\nmetric = "loss"\n'
)


def run_of(number: int, outcome: Outcome | None) -> RunRecord:
    purpose = Purpose.SCREEN if number else Purpose.BASELINE
    run = Run(key=f"{number}-1", experiment=number, commit=f"{number}" * 40, seed=7, purpose=purpose)
    return RunRecord(run=run, started_at=1.0, ended_at=2.0 if outcome else None, outcome=outcome)


def record_of(number: int, value: float, decision: Decision, hypothesis: str = "idea") -> ExperimentRecord:
    experiment = Experiment(
        number=number, parent="p", commit=f"{number}" * 40, tree="t", hypothesis=hypothesis, agent="tuner"
    )
    verdict = Verdict(decision=decision, reason=hypothesis, gain=0.1, evidence={"why": hypothesis})
    return ExperimentRecord(
        experiment=experiment,
        proposed_at=0.0,
        runs=(run_of(number, Measured(value=value)),),
        verdict=verdict,
    )


def drawn(*things: object, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    console.print(*things)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def said(event: Event) -> str | None:
    return entry_words(Entry(seq=1, at=0.0, study="s", event=event, digest=""), CONTRACT)


def test_what_agents_wrote_neither_moves_the_cursor_nor_becomes_markup() -> None:
    record = record_of(1, 1.0, Decision.KEPT, EVIL)
    verdict = record.verdict
    assert verdict is not None
    texts = [
        drawn(experiments_table([record], Values([record]), METRIC)),
        drawn(experiment_grid(record, Values([record]), METRIC)),
        drawn(diff_text(f"+{EVIL}\n-old\n")),
        said(Proposed(experiment=record.experiment)) or "",
        said(Judged(experiment=1, verdict=verdict)) or "",
        said(Noticed(words=EVIL)) or "",
        said(Rested(reason=EVIL, finished=False)) or "",
        outcome_words(run_of(1, Failed(why=Why.CRASHED, detail=EVIL))),
        outcome_words(run_of(1, Stopped(progress=0.4, detail=EVIL))),
    ]
    for text in texts:
        assert "[bold]rate" in text
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)


def test_a_gain_is_called_uncertified_once() -> None:
    for reason in ("better by 0.1, 95 % interval 0.05 to 0.15, uncertified", "simpler: 9 fewer nodes"):
        verdict = Verdict(decision=Decision.KEPT, reason=reason, gain=0.1)
        words = said(Judged(experiment=1, verdict=verdict)) or ""
        assert "#1 kept +0.1" in words and words.count("uncertified") == 1


def test_every_wish_is_told_when_it_is_heard() -> None:
    told = {wish: said(Asked(wish=wish)) for wish in Wish}
    assert all(told.values())
    assert said(Asked(wish=Wish.TELL, words=f"mind {EVIL}")) == f"told: mind {plain(EVIL)}"
    assert "asked to pause" in (told[Wish.PAUSE] or "")


def test_the_numbers_of_a_table_stay_readable_on_a_narrow_terminal() -> None:
    records = [record_of(123, 1.23456, Decision.DISCARDED, "a long hypothesis " * 20)]
    text = drawn(experiments_table(records, Values(records), METRIC), width=80)
    assert "123  discarded  1.23456         +0.1  a long" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_where_numbers_leave_no_room_for_words_these_stand_below_them() -> None:
    record = record_of(123, 1.23456, Decision.DISCARDED, "a wider layer " * 20)
    lines = drawn(experiments_table([record], Values([record]), METRIC), width=40).splitlines()
    assert lines[1].split() == ["123", "discarded", "1.23456", "+0.1"]
    assert all(line.startswith("   a wider layer") and line.rstrip().endswith("…") for line in lines[2:])
    assert len(lines) == 4 and all(len(line) <= 40 for line in lines)


def test_the_staircase_moves_with_keeps_alone() -> None:
    decisions = [Decision.KEPT, Decision.DISCARDED, Decision.KEPT, Decision.FAILED]
    records = [
        record_of(number, 4.0 - number, decision) for number, decision in enumerate(decisions)
    ]  # fmt: skip
    assert staircase(records, Values(records)) == [4.0, 4.0, 2.0, 2.0]


def test_the_staircase_has_no_step_that_was_taken_back() -> None:
    records = [record_of(number, 4.0 - number, Decision.KEPT) for number in range(3)]
    records[1] = replace(records[1], refuted="worse on fresh seeds")
    assert staircase(records, Values(records)) == [4.0, 4.0, 2.0]


def test_an_open_experiment_without_a_number_is_shown_as_open() -> None:
    experiment = record_of(1, 1.0, Decision.KEPT).experiment
    record = ExperimentRecord(experiment=experiment, proposed_at=0.0, runs=(run_of(1, None),))
    text = drawn(experiments_table([record], Values([record]), METRIC))
    assert "open" in text
    assert "kept" not in text


def test_a_secret_is_never_shown_however_deep_it_lies() -> None:
    started = StudyStarted(
        base="b", contract="c", scale="s", agent="a", secret="0123", sandbox="x"
    )  # fmt: skip
    entry = Entry(seq=1, at=0.0, study="s", event=started, digest="")
    shown = without_secret({"entries": entry})["entries"]
    assert shown.event.secret == ""
    assert without_secret(started).secret == ""


@pytest.mark.parametrize("print_json", [render.data, render.line])
def test_json_is_the_same_value_in_characters_that_no_terminal_obeys(
    print_json: Callable[[object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"words": f"{EVIL} \x9b31m \x7f \u2028 größer 😀"}
    print_json(value)
    said = capsys.readouterr().out
    assert json.loads(said) == value
    assert said.isascii() and said.replace("\n", "").isprintable()
