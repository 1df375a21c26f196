from __future__ import annotations

import io

import pandas as pd
from msgspec.structs import replace

from jumar.core.experiment import ExperimentRecord
from jumar.reports.tsv import results_tsv
from jumar.testing.records import Shape, make_study

_, RECORDS, CONTRACT = make_study(40, seed=3)


def described(record: ExperimentRecord, hypothesis: str) -> ExperimentRecord:
    return replace(record, experiment=replace(record.experiment, hypothesis=hypothesis))


def test_the_header_is_the_well_known_one_with_the_metric_of_the_contract() -> None:
    assert results_tsv([], CONTRACT) == "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


def test_pandas_reads_every_experiment_back_and_a_crash_has_no_number() -> None:
    table = pd.read_csv(io.StringIO(results_tsv(RECORDS, CONTRACT)), sep="\t")
    assert len(table) == 41
    assert set(table["status"]) == {"keep", "discard", "crash"}
    assert table.loc[0, "status"] == "keep"
    crashed = table[table["status"] == "crash"]
    assert len(crashed) > 0
    assert crashed["val_bpb"].isna().all()
    assert crashed["memory_gb"].isna().all()
    assert table[table["status"] != "crash"]["val_bpb"].notna().all()


def test_a_description_cannot_break_the_line_or_the_columns() -> None:
    odd = described(RECORDS[1], 'two\tcolumns\nand "lines"\r\x1b[31m')
    lines = results_tsv([odd], CONTRACT).splitlines()
    assert len(lines) == 2
    assert lines[1].split("\t")[4] == "two columns and 'lines'"


def test_a_description_that_opens_with_a_quote_stays_one_field() -> None:
    text = results_tsv([described(RECORDS[1], '"quoted" idea'), RECORDS[2]], CONTRACT)
    assert len(pd.read_csv(io.StringIO(text), sep="\t")) == 2


def test_a_description_cannot_become_a_formula() -> None:
    text = results_tsv([described(RECORDS[1], "=HYPERLINK(1)")], CONTRACT)
    assert text.splitlines()[1].endswith("\t'=HYPERLINK(1)")


def test_a_keep_that_was_taken_back_is_no_keep() -> None:
    kept = next(record for record in RECORDS[1:] if record.is_kept)
    (line,) = results_tsv([replace(kept, refuted="worse on fresh seeds")], CONTRACT).splitlines()[1:]
    assert line.split("\t")[3] == "discard"


def test_open_experiments_are_not_listed() -> None:
    assert results_tsv([replace(RECORDS[1], verdict=None)], CONTRACT).count("\n") == 1


def test_large_and_tiny_values_keep_their_digits() -> None:
    _, records, contract = make_study(
        1, keeps=0, shape=Shape(start=3.25e-7, noise=0.0, failed=0.0, invalid=0.0)
    )
    assert "\t3.25e-07\t" in results_tsv(records, contract)
