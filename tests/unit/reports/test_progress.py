from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.contract import Direction
from jumar.core.outcome import Measured, Outcome, Stopped
from jumar.core.verdict import Decision, Verdict
from jumar.reports.progress import Mark, Progress, progress_of, view
from jumar.testing.records import Shape, make_study

STUDY, RECORDS, CONTRACT = make_study(60, seed=1)
PROGRESS = progress_of(STUDY, RECORDS, CONTRACT)
MAXIMIZED = Shape(direction=Direction.MAXIMIZE, metric="accuracy", start=0.5)


def test_every_judged_experiment_is_shown_once() -> None:
    numbers = [mark.number for mark in (*PROGRESS.kept, *PROGRESS.others)] + list(PROGRESS.without_value)
    assert sorted(numbers) == list(range(61))


def changed(decision: Decision | None, outcome: Outcome | None) -> Progress:
    """The course of a study whose last experiment has this verdict, and this outcome in all its runs."""
    last = RECORDS[-1]
    runs = tuple(replace(run, outcome=outcome) for run in last.runs[:1])
    verdict = Verdict(decision=decision, reason="so it is") if decision else None
    return progress_of(STUDY, (*RECORDS[:-1], replace(last, runs=runs, verdict=verdict)), CONTRACT)


def test_an_experiment_that_was_stopped_early_is_not_shown_as_failed() -> None:
    progress = changed(Decision.DISCARDED, Stopped(progress=0.3, detail="hopeless"))
    assert progress.stopped == (60,)
    assert 60 not in progress.without_value


@pytest.mark.parametrize("outcome", [None, Measured(value=2.5)])
def test_an_open_experiment_is_shown_as_open_and_counted(outcome: Outcome | None) -> None:
    progress = changed(None, outcome)
    shown = [*progress.unmeasured, *(mark.number for mark in progress.undecided)]
    assert shown == [60]
    assert "1 open" in progress.title
    assert 60 not in {*progress.without_value, *(mark.number for mark in progress.others)}


def test_the_title_counts_and_claims() -> None:
    kept = STUDY.decisions[next(iter(STUDY.decisions))]
    assert PROGRESS.title == f"60 experiments, {kept} kept, 21.0 % better (certified)"


def test_without_certification_the_title_says_uncertified_and_there_is_no_band() -> None:
    progress = progress_of(replace(STUDY, claim=None), RECORDS, CONTRACT)
    assert progress.title.endswith("better (uncertified)")
    assert progress.band is None


def test_a_claim_about_an_earlier_champion_does_not_certify_todays_title() -> None:
    assert STUDY.claim is not None
    claim = replace(STUDY.claim, champion="0" * 40, experiment=3)
    progress = progress_of(replace(STUDY, claim=claim), RECORDS, CONTRACT)
    assert progress.title.endswith("(uncertified)")
    assert progress.band is not None and "certified at experiment 3" in progress.band.label


def test_a_self_reported_study_says_so_in_its_title() -> None:
    assert "self-reported" in progress_of(*make_study(9, shape=Shape(self_reported=True))).title


def test_the_band_lies_where_the_certified_gain_would_put_the_champion() -> None:
    band, base = PROGRESS.band, PROGRESS.staircase[0]
    assert band is not None and STUDY.claim is not None
    assert band.level == pytest.approx(base * (1 - STUDY.claim.relative))
    assert band.low < band.level < band.high


def test_the_staircase_falls_for_a_minimised_metric_and_rises_for_a_maximised_one() -> None:
    assert PROGRESS.staircase[-1] < PROGRESS.staircase[0]
    rising = progress_of(*make_study(60, shape=MAXIMIZED)).staircase
    assert rising[-1] > rising[0]


@pytest.mark.parametrize("shape", [Shape(), MAXIMIZED])
@pytest.mark.parametrize(("experiments", "keeps"), [(5, 2), (200, 14), (80, 0), (0, 0)])
def test_the_view_holds_the_whole_staircase_and_no_disaster(
    shape: Shape, experiments: int, keeps: int
) -> None:
    progress = progress_of(*make_study(experiments, keeps=keeps, shape=shape))
    low, high = view(progress)
    assert all(low < value < high for value in progress.staircase)
    assert high - low < 0.6 * abs(progress.staircase[0])


def test_the_view_leaves_room_for_the_certified_band_and_around_the_worst_dot() -> None:
    assert STUDY.claim is not None
    gain = STUDY.claim.relative
    wide = replace(STUDY.claim, relative_interval=(0.6 * gain, 1.4 * gain))
    progress = progress_of(replace(STUDY, claim=wide), RECORDS, CONTRACT)
    low, high = view(progress)
    assert progress.band is not None
    assert (progress.band.low - low) > 0.08 * (high - low)
    shown = max(mark.value for mark in progress.others if mark.value <= high)
    assert high - shown > 0.005 * (high - low)


def test_a_study_of_failures_has_nothing_but_its_baseline_to_show() -> None:
    progress = progress_of(*make_study(12, keeps=0, shape=Shape(failed=1.0, invalid=0.0)))
    assert len(progress.without_value) == 12
    assert progress.others == ()
    assert view(progress)[0] < progress.staircase[0] < view(progress)[1]


@pytest.mark.parametrize("shape", [Shape(), MAXIMIZED])
def test_the_view_holds_what_was_better_than_the_champion_and_not_kept(shape: Shape) -> None:
    progress = progress_of(*make_study(60, seed=1, shape=shape))
    base, best = progress.staircase[0], progress.staircase[-1]
    beside = Mark(number=61, value=base + 1.4 * (best - base), label="taken back, or not confirmed")
    for changed in (
        replace(progress, others=(*progress.others, beside)),
        replace(progress, refuted=(beside,)),
        replace(progress, undecided=(beside,)),
    ):
        low, high = view(changed)
        assert low < beside.value < high
