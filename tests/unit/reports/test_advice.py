from __future__ import annotations

from msgspec.structs import replace

from jumar.core.agent import NOTHING_LEFT
from jumar.core.ledger import Condition
from jumar.core.outcome import Measured
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


def test_a_claim_that_left_it_open_says_why_and_is_to_be_measured_again() -> None:
    assert STUDY.claim is not None
    claim = replace(STUDY.claim, certified=False, reason="the interval reaches zero")
    advice = said(summarise(replace(STUDY, claim=claim), RECORDS, CONTRACT))
    assert "still uncertified (the interval reaches zero)" in advice and "jumar certify" in advice
    assert "merge its branch" not in advice


def test_a_self_reported_study_is_told_so_first() -> None:
    summary = summarise(*make_study(30, shape=Shape(self_reported=True)))
    assert "self-reported" in summary.advice[0].words


def test_many_failures_name_the_most_frequent_and_an_example() -> None:
    summary = summarise(*make_study(40, keeps=0, shape=Shape(failed=0.9, invalid=0.0)))
    worst = summary.failures[0]
    assert worst.why in said(summary)
    assert f"jumar show {worst.examples[-1]}" in said(summary)


def test_a_finished_study_is_not_told_to_run_on_but_how_it_can() -> None:
    advice = said(summarise(STUDY, RECORDS, CONTRACT))
    assert (
        "raise the limit in [limits] of jumar.toml and say `jumar run`. To build on what it found, merge"
        in advice
    )
    assert "still finding gains" not in advice
    resting = replace(STUDY, condition=Condition.RESTING, reason="interrupted")
    advice = said(summarise(resting, RECORDS, CONTRACT))
    assert "still finding gains when it stopped. Let it go on. jumar run" in advice
    assert "limit" not in advice


def test_a_finished_study_that_kept_nothing_has_nothing_to_merge() -> None:
    advice = said(summarise(*make_study(12, keeps=0)))
    assert "A limit of the contract was reached" in advice
    assert "merge" not in advice and "jumar certify" not in advice


def test_a_study_without_ideas_is_not_told_to_run_on() -> None:
    resting = replace(STUDY, condition=Condition.RESTING, reason=NOTHING_LEFT)
    summary = summarise(resting, RECORDS, CONTRACT)
    assert summary.advice[0].words.startswith("The agent has nothing left to propose: every value")
    assert "Let it go on" not in said(summary)
    others = [replace(one, experiment=replace(one.experiment, agent="replay")) for one in RECORDS]
    assert "tuner" not in summarise(resting, others, CONTRACT).advice[0].words
    first = summarise(resting, RECORDS[:1], CONTRACT).advice[0]
    assert first.words.startswith("The agent had nothing to propose. The tuner turns values that")


def test_a_metric_that_never_changes_is_called_that() -> None:
    shape = Shape(noise=0.0, failed=0.0, invalid=0.0)
    study, records, contract = make_study(13, keeps=0, shape=shape)
    same = Measured(value=shape.start)
    flat = [replace(r, runs=tuple(replace(run, outcome=same) for run in r.runs)) for r in records]
    advice = summarise(study, flat, contract).advice[0]
    assert advice.words.startswith("The metric never changed in 13 experiments: does the edit reach")
    assert (advice.command, advice.stops) == ("jumar diff 13", True)
    assert "never changed" not in said(summarise(study, [*flat[:-1], records[-1]], contract))
    assert "never changed" not in said(summarise(study, flat[:3], contract))


def test_a_long_drought_is_a_reason_to_look_elsewhere() -> None:
    assert "Nothing was kept in the last 50" in said(summarise(*make_study(50, keeps=0)))
