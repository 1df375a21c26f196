from __future__ import annotations

import sys

import pytest

from jumar.errors import EnvironmentUnfit
from jumar.reports.frame import frame
from jumar.reports.summary import summarise
from jumar.testing.records import make_study

STUDY, RECORDS, CONTRACT = make_study(40, seed=3)


def test_a_frame_has_a_row_for_each_experiment_and_nan_where_nothing_was_measured() -> None:
    table = frame(RECORDS, CONTRACT)
    assert list(table.index) == list(range(41))
    assert table.attrs == {"metric": "val_bpb", "direction": "minimize"}
    without_number = table["decision"].isin(["failed", "invalid"])
    assert without_number.any()
    assert table["value"].isna().equals(without_number)
    assert str(table["judged_at"].dtype).startswith("datetime64")


def test_gains_stand_in_the_metrics_unit_and_as_shares_like_what_was_predicted() -> None:
    table, report = frame(RECORDS, CONTRACT), summarise(STUDY, RECORDS, CONTRACT)
    assert report.keeps
    for keep in report.keeps:
        line = table.loc[keep.experiment]
        assert line["gain_share"] == pytest.approx(keep.gain)
        if keep.interval:
            assert (line["gain_share_low"], line["gain_share_high"]) == pytest.approx(keep.interval)
    assert table["gain_share"].isna().equals(table["gain"].isna())


def test_a_frame_of_nothing_has_its_columns() -> None:
    table = frame([], CONTRACT)
    assert len(table) == 0
    assert {"value", "hypothesis", "cost_usd"} <= set(table.columns)


def test_without_pandas_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(EnvironmentUnfit, match=r"pip install 'jumar\[frames\]'"):
        frame(RECORDS, CONTRACT)
