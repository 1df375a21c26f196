from __future__ import annotations

import pytest

from jumar.core.outcome import Why
from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.imports.results_tsv import read_results
from jumar.imports.row import MOST_ROWS, number_in

HEAD = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
KNOWN = (
    HEAD
    + "a1b2c3d\t0.997900\t44.0\tkeep\tbaseline\n"
    + "b2c3d4e\t0.993200\t44.2\tkeep\tincrease LR to 0.04\n"
    + "c3d4e5f\t1.005000\t44.0\tdiscard\tswitch to GeLU activation\n"
    + "d4e5f6g\t0.000000\t0.0\tcrash\tdouble model width (OOM)\n"
)


def test_the_example_of_program_md_is_read_and_its_crash_has_no_number() -> None:
    found = read_results(KNOWN)
    assert (found.metric, found.direction, found.notes) == ("val_bpb", None, ())
    assert [row.value for row in found.rows] == [0.9979, 0.9932, 1.005, None]
    assert [row.decision.value for row in found.rows] == ["kept", "kept", "discarded", "failed"]
    assert found.rows[0].memory_bytes == 44 << 30 and found.rows[3].why is Why.CRASHED


def test_a_file_without_its_header_and_one_from_windows_are_read_alike() -> None:
    assert read_results(KNOWN.removeprefix(HEAD)).rows == read_results(KNOWN).rows
    assert read_results(KNOWN.replace("\n", "\r\n")).rows == read_results(KNOWN).rows


def test_columns_are_found_by_name_in_any_order_and_the_metric_may_be_named() -> None:
    text = "status\ttrain_s\tval_loss\tcommit\tdescription\nkeep\t3\t2.5\tabc1234\tstart\n"
    assert read_results(text).metric == "train_s"
    found = read_results(text, metric="val_loss")
    assert (found.metric, found.rows[0].value, found.rows[0].commit) == ("val_loss", 2.5, "abc1234")


def test_what_is_not_understood_is_told_and_nothing_is_invented() -> None:
    found = read_results(HEAD + "a\t1\t0\tmaybe\tx\nb\tnan\t0\tkeep\ty\nc\n")
    assert [row.value for row in found.rows] == [1.0, None]
    assert found.rows[0].decision is Decision.DISCARDED
    said = "\n".join(found.notes)
    assert "row 1 has the status maybe" in said and "row 2 was kept without a number" in said
    assert "row 3 has too few columns" in said


@pytest.mark.parametrize(
    "word", ["nan", "inf", "-inf", "1e400", "0x10", "1_000", "１", "=1+1", "", "1e200", "1,5"]
)
def test_what_cannot_be_reckoned_with_is_no_number(word: str) -> None:
    assert number_in(word) is None


def test_tabs_in_a_description_stay_in_it_and_nothing_in_it_moves_a_terminal() -> None:
    (row,) = read_results(HEAD + "a\t1\t0\tkeep\tone\ttwo\x1b[2J<script>\n").rows
    assert row.description == "one two<script>"


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a\tb\nc\td\n", "\t".join(["x"] * 1_000_000), "commit,val_bpb,status\na,1,keep\n"]
)
def test_a_file_that_is_none_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(Usage) as refused:
        read_results(text)
    assert len(str(refused.value)) < 500


def test_very_long_files_are_cut_and_that_is_told() -> None:
    found = read_results(HEAD + "a\t1\t0\tkeep\tx\n" * (MOST_ROWS + 5))
    assert len(found.rows) == MOST_ROWS and "10,005 rows" in found.notes[0]
