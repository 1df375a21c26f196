from __future__ import annotations

from msgspec.structs import replace

from jumar.reports.summary import Summary, summarise
from jumar.testing.records import Shape, make_study

STUDY, RECORDS, CONTRACT = make_study(60, seed=1)


def said(summary: Summary) -> str:
    return "\n".join(f"{one.words} {one.command}" for one in summary.advice)


def test_a_certified_study_is_to_be_read_and_merged() -> None:
    advice = said(summarise(STUDY, RECORDS, CONTRACT))
    assert "git diff" in advice
    assert "jumar certify" not in advice


def test_a_gain_without_a_claim_or_with_an_old_one_is_to_be_certified() -> None:
    assert "jumar certify" in said(summarise(replace(STUDY, claim=None), RECORDS, CONTRACT))
    assert "has moved" in said(summarise(replace(STUDY, champion_commit="f" * 40), RECORDS, CONTRACT))


def test_a_claim_that_did_not_hold_says_why() -> None:
    assert STUDY.claim is not None
    claim = replace(STUDY.claim, certified=False, reason="the interval reaches zero")
    assert "did not hold (the interval reaches zero)" in said(
        summarise(replace(STUDY, claim=claim), RECORDS, CONTRACT)
    )


def test_a_self_reported_study_is_told_so_first() -> None:
    summary = summarise(*make_study(30, shape=Shape(self_reported=True)))
    assert "self-reported" in summary.advice[0].words


def test_many_failures_name_the_most_frequent_and_an_example() -> None:
    summary = summarise(*make_study(40, keeps=0, shape=Shape(failed=0.9, invalid=0.0)))
    worst = summary.failures[0]
    assert worst.why in said(summary)
    assert f"jumar show {worst.examples[-1]}" in said(summary)


def test_a_long_drought_is_a_reason_to_look_elsewhere() -> None:
    assert "Nothing was kept in the last 50" in said(summarise(*make_study(50, keeps=0)))
