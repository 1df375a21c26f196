from __future__ import annotations

from msgspec.structs import replace

from jumar.cli.live import champion_words, tick_words
from jumar.reports.summary import summarise
from jumar.study.tick import Tick
from jumar.testing.records import make_study

STUDY, RECORDS, CONTRACT = make_study(60, seed=1)
SUMMARY = summarise(STUDY, RECORDS, CONTRACT)
TICK = Tick(
    running=(),
    queued=0,
    judged=60,
    kept=8,
    held=0,
    champion=STUDY.champion,
    value=SUMMARY.champion.value,
    baseline=SUMMARY.baseline.value,
    active_s=60.0,
    time_left_s=None,
    doing="searching",
)


def test_what_runs_is_told_the_gain_in_the_words_of_status() -> None:
    assert champion_words(TICK, CONTRACT, STUDY.claim).endswith(SUMMARY.sentence)
    assert "certified on the holdout" in tick_words(TICK, CONTRACT, STUDY.claim)
    without = summarise(replace(STUDY, claim=None), RECORDS, CONTRACT).sentence
    assert champion_words(TICK, CONTRACT, None).endswith(f"  {without}")
    assert "uncertified" in without


def test_a_claim_about_an_earlier_champion_is_said_to_be_that() -> None:
    later = replace(TICK, champion=STUDY.champion + 1)
    assert f"as of experiment {STUDY.champion}; now " in champion_words(later, CONTRACT, STUDY.claim)
