from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jumar.core.by_seed import BySeed
from jumar.core.contract import Direction, Guard, Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing, Want
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.run import Purpose
from jumar.core.verdict import Decision, Verdict
from jumar.rules.judge import MOST_SPOILED, judge

CHAMPION = Standing(value=2.5, by_seed=BySeed({1: 2.49, 2: 2.51, 3: 2.50}), runs=3)
NOISE = Noise(run_sd=0.01, pair_sd=0.015, runs=9)
EXACT = Noise(run_sd=0.0, pair_sd=0.0, runs=3, deterministic=True)
CRASH = Failed(why=Why.CRASHED, detail="exit code 1")
UNSEEN = Evidence(
    metric=Metric(name="val_bpb"),
    noise=NOISE,
    baseline=CHAMPION,
    champion=CHAMPION,
    screen_seed=1,
    largest_gain=0.5,  # so that nothing here is too good to be believed; test_quarantine.py has what is
)


def seen(value: float | Outcome, **others: Any) -> Evidence:
    screen = Measured(value=value) if isinstance(value, float) else value
    return replace(UNSEEN, screen=screen, **others)


def pairs(*values: tuple[float | Outcome, float | Outcome]) -> tuple[Pair, ...]:
    def outcome(value: float | Outcome) -> Outcome:
        return Measured(value=value) if isinstance(value, float) else value

    return tuple(
        Pair(seed=100 + n, candidate=outcome(new), reference=outcome(old))
        for n, (new, old) in enumerate(values)
    )


LARGE = pairs((2.0, 2.5), (1.99, 2.5))


def verdict(evidence: Evidence) -> Verdict:
    answer = judge(evidence)
    assert isinstance(answer, Verdict), answer
    return answer


def wanted(evidence: Evidence) -> Purpose:
    answer = judge(evidence)
    assert isinstance(answer, Want), answer
    return answer.purpose


def test_what_never_ran_is_screened() -> None:
    assert wanted(UNSEEN) is Purpose.SCREEN


def test_a_screen_that_failed_is_a_failure_and_never_a_number() -> None:
    found = verdict(seen(CRASH))
    assert (found.decision, found.reason, found.gain) == (Decision.FAILED, "crashed: exit code 1", None)


def test_a_run_that_was_stopped_early_is_never_kept() -> None:
    found = verdict(seen(Stopped(progress=0.41, detail="loss 5.1, the champion had 3.9"), noise=EXACT))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("stopped at 41% of the budget")


@pytest.mark.parametrize("value", [2.6, 2.5, 2.495])
def test_one_run_that_is_not_promising_ends_it(value: float) -> None:
    found = verdict(seen(value))
    assert found.decision is Decision.DISCARDED
    assert found.gain == pytest.approx(2.5 - value)
    assert re.search(r"than the champion; \S+ better earns a second look$", found.reason)


def test_a_promising_one_is_confirmed_pair_by_pair() -> None:
    assert wanted(seen(2.4)) is Purpose.CONFIRM
    assert wanted(seen(2.47, pairs=pairs((2.475, 2.50)))) is Purpose.CONFIRM


def test_a_large_gain_is_kept_after_two_pairs_and_a_small_one_after_several() -> None:
    assert wanted(seen(2.0, pairs=pairs((2.0, 2.5)))) is Purpose.CONFIRM
    assert verdict(seen(2.0, pairs=LARGE)).decision is Decision.KEPT
    small = [(2.475, 2.5), (2.477, 2.5), (2.474, 2.5), (2.473, 2.5), (2.476, 2.5), (2.472, 2.5)]
    assert wanted(seen(2.47, pairs=pairs(*small[:3]))) is Purpose.CONFIRM
    assert verdict(seen(2.47, pairs=pairs(*small))).decision is Decision.KEPT


def test_earlier_keeps_pay_for_later_ones_and_earlier_tests_cost() -> None:
    four = pairs((2.475, 2.5), (2.477, 2.5), (2.474, 2.5), (2.473, 2.5))
    assert wanted(seen(2.47, pairs=four, test=3)) is Purpose.CONFIRM
    assert verdict(seen(2.47, pairs=four, test=3, keeps=30)).decision is Decision.KEPT
    assert wanted(seen(2.47, pairs=four, test=300, keeps=30)) is Purpose.CONFIRM
    assert wanted(seen(2.47, pairs=four, test=3, keeps=30, false_keeps=0.001)) is Purpose.CONFIRM


def test_one_lucky_seed_written_down_is_no_gain_and_a_gain_beyond_luck_is() -> None:
    varying = [2.49, 2.51, 2.50, 2.505, 2.495, 2.5]
    frozen = pairs(*[(2.46, value) for value in varying])
    found = verdict(seen(2.46, pairs=frozen))
    assert found.decision is Decision.DISCARDED
    assert "does not follow JUMAR_SEED" in found.reason
    assert verdict(seen(2.0, pairs=pairs((2.0, 2.49), (2.0, 2.51)))).decision is Decision.KEPT


def test_where_the_metric_is_positive_noise_shrinks_with_the_value() -> None:
    """A program made fifty times faster can be made twice as fast again."""
    noise = Noise(run_sd=0.03, pair_sd=0.04, runs=9, relative=True)
    champion = Standing(value=40.0, by_seed=BySeed({1: 40.0}), runs=3)
    found = verdict(
        seen(20.0, noise=noise, champion=champion, pairs=pairs((20.2, 40.1), (19.5, 39.8), (19.9, 40.4)))
    )
    assert found.decision is Decision.KEPT
    assert found.interval is not None
    assert 0 < found.interval[0] < found.interval[1] < 40.4
    assert found.evidence["run_sd"] == pytest.approx(1.2)


def test_a_keep_carries_gain_interval_and_all_its_numbers_as_json() -> None:
    found = verdict(seen(2.0, pairs=LARGE))
    assert found.gain == pytest.approx(0.505)
    assert found.interval is not None
    assert 0 < found.interval[0] < 0.5 < found.interval[1]
    assert json.loads(msgspec.json.encode(found.evidence)) == found.evidence
    assert found.evidence["pairs"][0]["candidate"] == 2.0
    assert found.evidence["pairs"][1]["log_evidence"] >= found.evidence["keep_at"]
    assert found.evidence["screen"]["value"] == 2.0


def test_pairs_after_the_decision_change_nothing() -> None:
    assert verdict(seen(2.0, pairs=(*LARGE, *pairs((9.0, 2.5))))) == verdict(seen(2.0, pairs=LARGE))


def test_a_lucky_screen_that_does_not_hold_is_dropped_at_once() -> None:
    found = verdict(seen(2.4, pairs=pairs((2.52, 2.5))))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("did not hold")


def test_what_the_last_pair_leaves_undecided_is_discarded_as_a_near_miss() -> None:
    close = pairs(*[(2.489, 2.5), (2.485, 2.5)] * 4)
    assert wanted(seen(2.4, pairs=close[:-1])) is Purpose.CONFIRM
    found = verdict(seen(2.4, pairs=close))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("undecided")
    assert found.evidence["near_miss"] is True


def test_a_metric_to_be_raised_is_judged_the_other_way_round() -> None:
    score = Metric(name="score", direction=Direction.MAXIMIZE)
    assert verdict(seen(2.0, metric=score)).decision is Decision.DISCARDED
    assert verdict(seen(3.0, metric=score, pairs=pairs((3.0, 2.5), (3.01, 2.5)))).decision is Decision.KEPT


def test_a_candidate_that_fails_in_a_pair_failed() -> None:
    found = verdict(seen(2.0, pairs=pairs((CRASH, 2.5))))
    assert found.decision is Decision.FAILED
    assert found.evidence["run"] == "pair with seed 100"


def test_a_champion_that_fails_in_a_pair_is_not_held_against_the_candidate() -> None:
    assert wanted(seen(2.0, pairs=pairs((2.0, CRASH)))) is Purpose.CONFIRM
    assert wanted(seen(2.0, pairs=pairs((CRASH, CRASH)))) is Purpose.CONFIRM
    assert verdict(seen(2.0, pairs=(*pairs((2.0, CRASH)), *LARGE))).decision is Decision.KEPT


def test_a_champion_that_goes_on_failing_ends_it_undecided() -> None:
    found = verdict(seen(2.0, pairs=pairs(*[(2.0, CRASH)] * MOST_SPOILED)))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("undecided: the champion's own run")


def test_without_noise_one_run_decides_and_a_keep_is_repeated_on_another_seed() -> None:
    assert wanted(seen(2.499999999, noise=EXACT)) is Purpose.CONFIRM
    again = pairs((2.499999999, 2.5))
    assert verdict(seen(2.499999999, noise=EXACT, pairs=again)).decision is Decision.KEPT
    assert verdict(seen(2.4, noise=EXACT, pairs=pairs((2.4, 2.5)))).interval == pytest.approx((0.1, 0.1))
    for value in (2.5, 2.5 - 1e-15, 2.51):
        assert verdict(seen(value, noise=EXACT)).decision is Decision.DISCARDED


def test_without_noise_a_world_that_became_better_is_no_gain() -> None:
    """The champion gives 2.4 now as well, beside the candidate, whatever it gave before."""
    found = verdict(seen(2.4, noise=EXACT, pairs=pairs((2.4, 2.4))))
    assert found.decision is Decision.DISCARDED
    assert "equal to the champion's 2.4" in found.reason
    assert verdict(seen(2.4, noise=EXACT, pairs=pairs((2.4, 2.3)))).decision is Decision.DISCARDED
    better = verdict(seen(2.4, noise=EXACT, pairs=pairs((2.4, 2.45))))
    assert better.decision is Decision.KEPT
    assert better.gain == pytest.approx(0.05)


def test_without_noise_a_pair_without_the_champion_does_not_count_either() -> None:
    """Else a champion that no longer runs would let a world that became better be kept."""
    lone = [(2.4, CRASH)]
    assert wanted(seen(2.4, noise=EXACT, pairs=pairs(*lone))) is Purpose.CONFIRM
    assert verdict(seen(2.4, noise=EXACT, pairs=pairs(*lone, (2.4, 2.5)))).decision is Decision.KEPT
    found = verdict(seen(2.4, noise=EXACT, pairs=pairs(*lone * MOST_SPOILED)))
    assert (found.decision, found.reason[:9]) == (Decision.DISCARDED, "undecided")


def test_an_edit_that_brings_noise_to_a_metric_without_any_keeps_no_lucky_draw() -> None:
    found = verdict(seen(2.4, noise=EXACT, pairs=pairs((2.45, 2.5))))
    assert found.decision is Decision.DISCARDED
    assert "on another" in found.reason


MEMORY = Guard(name="peak_memory_mb", at_most=True, bound=100.0, relative=False)


def measured(value: float, memory_mb: float | None) -> Measured:
    return Measured(value=value, others={} if memory_mb is None else {"peak_memory_mb": memory_mb})


@pytest.mark.parametrize("memory_mb", [101.0, None])
@pytest.mark.parametrize("noise", [NOISE, EXACT])
def test_a_broken_guard_discards_however_good_the_value(memory_mb: float | None, noise: Noise) -> None:
    found = verdict(seen(measured(1.0, memory_mb), guards=(MEMORY,), noise=noise))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("guard peak_memory_mb")


def test_a_guard_has_to_hold_in_the_pairs_too() -> None:
    screen = measured(2.0, 90.0)
    good = pairs((measured(2.0, 99.0), 2.5), (measured(1.99, 99.0), 2.5))
    bad = pairs((measured(2.0, 99.0), 2.5), (measured(1.99, 150.0), 2.5))
    assert verdict(seen(screen, guards=(MEMORY,), pairs=good)).decision is Decision.KEPT
    assert verdict(seen(screen, guards=(MEMORY,), pairs=bad)).decision is Decision.DISCARDED


PASSED = Measured(value=0.1)
NOT_PASSED = Failed(why=Why.CHECK_FAILED, detail="`pytest -q`: exit code 1")


@pytest.mark.parametrize("noise", [NOISE, EXACT])
def test_every_check_passes_before_anything_is_confirmed_or_kept(noise: Noise) -> None:
    for checked in ((), (PASSED,)):
        assert wanted(seen(2.0, checks=2, checked=checked, noise=noise)) is Purpose.CHECK
    found = judge(seen(2.0, checks=2, checked=(PASSED, PASSED), noise=noise))
    assert not (isinstance(found, Want) and found.purpose is Purpose.CHECK)


def test_a_check_that_does_not_pass_discards() -> None:
    found = verdict(seen(2.0, checks=2, checked=(NOT_PASSED,)))
    assert (found.decision, found.reason) == (
        Decision.DISCARDED,
        "check failed: `pytest -q`: exit code 1",
    )


def test_what_is_not_promising_is_never_checked() -> None:
    assert verdict(seen(2.6, checks=2)).decision is Decision.DISCARDED


@pytest.mark.parametrize("scatter", [(0.0, 0.0, 0.0), (0.3, -0.3, 0.3)])
def test_a_candidate_noisier_than_its_ancestors_is_judged_by_its_own_noise(scatter: Sequence[float]) -> None:
    values = [(2.4 + off, 2.5) for off in scatter]
    kept = [
        n
        for n in range(1, 4)
        if isinstance(found := judge(seen(2.4, pairs=pairs(*values[:n]))), Verdict)
        and found.decision is Decision.KEPT
    ]
    assert bool(kept) is (scatter[0] == 0.0)


RELATIVE = Noise(run_sd=0.002, pair_sd=0.003, runs=9, relative=True)


@pytest.mark.parametrize(("old", "new"), [(0.5, -0.5), (0.5, 0.0), (0.0, -0.4), (-1.0, -1.3)])
def test_at_zero_and_below_a_metric_is_compared_in_its_own_unit(old: float, new: float) -> None:
    """Its noise is then what it was on the unchanged target, which stands at 2.5 here."""
    moving = (-0.004, 0.003, 0.001)
    standing = Standing(value=old, by_seed=BySeed({n: old + by for n, by in enumerate(moving)}), runs=3)
    made = pairs(*((new - by, old + by) for by in moving))
    made = tuple(replace(pair, strict=True) for pair in made)  # such jumps are quarantined
    found = verdict(seen(new, champion=standing, noise=RELATIVE, pairs=made))
    assert found.decision is Decision.KEPT
    assert found.gain == pytest.approx(old - new, abs=0.01)
    assert found.interval is not None and found.gain is not None
    assert found.interval[0] < found.gain < found.interval[1], "an interval holds its own estimate"
    assert found.evidence["run_sd"] == pytest.approx(2.5 * RELATIVE.run_sd)
    worse = seen(old + 0.1, champion=standing, noise=RELATIVE)
    assert verdict(worse).decision is Decision.DISCARDED


@pytest.mark.parametrize("noise", [NOISE, EXACT])
def test_a_champion_that_loses_on_purpose_beside_a_candidate_keeps_nothing(noise: Noise) -> None:
    made = pairs((2.45, 2.9), (2.46, 2.9)) if noise is NOISE else pairs((2.45, 2.9))
    screen = 2.45
    found = verdict(seen(screen, noise=noise, pairs=made))
    assert found.decision is Decision.DISCARDED
    assert "the champion's own runs were far below its record: val_bpb is 2.9 in" in found.reason
    assert found.evidence["near_miss"]
    better = pairs((2.3, 2.45), (2.3, 2.45)) if noise is NOISE else pairs((2.45, 2.5))
    assert verdict(seen(screen, noise=noise, pairs=better)).decision is Decision.KEPT


def test_less_code_is_held_against_the_record_of_what_it_is_paired_with() -> None:
    anchor = replace(CHAMPION, value=2.6, by_seed=BySeed({1: 2.6, 2: 2.61, 3: 2.59}))
    made = pairs((2.3, 2.62), (2.31, 2.61))
    assert verdict(seen(2.3, pairs=made)).reason.startswith("undecided: the champion's own runs")
    assert verdict(seen(2.3, reference=anchor, pairs=made)).decision is Decision.KEPT
