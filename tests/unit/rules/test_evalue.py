from __future__ import annotations

import math
import random

import pytest

from jumar.rules.error_budget import evidence_needed
from jumar.rules.evalue import EFFECTS, Spread, interval, log_evidence, smallest_mean

KEEP_AT = evidence_needed(test=10, keeps=3)
KNOWN = Spread(sd=1.0, freedom=12)
GUESSED = Spread(sd=1.0, freedom=2)


def ever_reaches(limit: float, mean: float, chance: int, *, pairs: int = 6) -> bool:
    """One study's worth of chance: a spread from three runs, then pairs, looking after each."""
    rng = random.Random(chance)
    runs = [rng.gauss(0, 1) for _ in range(3)]
    about = sum((run - sum(runs) / 3) ** 2 for run in runs)
    spread = Spread(sd=math.sqrt(about / 2), freedom=2)
    gains: list[float] = []
    for _ in range(pairs):
        gains.append(rng.gauss(mean, 1))
        if log_evidence(gains, spread) >= limit:
            return True
    return False


@pytest.mark.parametrize("mean", [0.0, -0.5])
def test_without_a_gain_the_limit_is_reached_no_more_often_than_promised(mean: float) -> None:
    reached = sum(ever_reaches(math.log(10), mean, chance) for chance in range(600))
    assert reached <= 60 + 3 * math.sqrt(60)  # Ville's inequality, and three errors of this count


def test_a_gain_of_three_spreads_is_nearly_always_found() -> None:
    assert sum(ever_reaches(KEEP_AT, 3.0, chance, pairs=8) for chance in range(200)) >= 180


def test_evidence_does_not_depend_on_the_unit() -> None:
    small = log_evidence([0.01, 0.02], Spread(sd=0.01, freedom=3))
    assert small == pytest.approx(log_evidence([1e6, 2e6], Spread(sd=1e6, freedom=3)))


def test_no_pair_is_no_evidence() -> None:
    assert log_evidence([], KNOWN) == 0.0


def test_gains_speak_for_a_gain_and_losses_against() -> None:
    assert log_evidence([2.0, 2.5], KNOWN) > 0 > log_evidence([-2.0, -2.5], KNOWN)


def test_two_sided_a_loss_is_evidence_too() -> None:
    gained = log_evidence([3.0, 3.0], KNOWN, two_sided=True)
    assert gained == pytest.approx(log_evidence([-3.0, -3.0], KNOWN, two_sided=True))


def test_a_spread_from_few_runs_makes_the_same_gains_count_for_less() -> None:
    assert log_evidence([4.0], GUESSED) < log_evidence([4.0], KNOWN)


def test_pairs_that_scatter_widely_are_believed_over_a_small_spread_from_before() -> None:
    assert log_evidence([9.0, -8.0, 9.0, -8.0, 9.0], Spread(sd=0.1, freedom=2)) < 1


def test_against_the_sequential_t_test_computed_by_brute_force() -> None:
    gains, effects = [1.2, 0.4, 2.0], EFFECTS
    grid = [0.002 * k for k in range(1, 6000)]  # 1/sigma

    def likelihood(effect: float) -> float:
        return math.fsum(
            u ** (len(gains) + 2 - 1)
            * math.exp(-u * u * 2 / 2 - sum((gain * u - effect) ** 2 for gain in gains) / 2)
            for u in grid
        )

    expected = math.log(sum(map(likelihood, effects)) / len(effects) / likelihood(0.0))
    assert log_evidence(gains, GUESSED) == pytest.approx(expected, abs=1e-4)


def test_the_interval_lies_about_the_mean_and_holds_what_the_evidence_cannot_refute() -> None:
    gains = [2.0, 3.0, 2.5, 2.2]
    low, high = interval(gains, KNOWN)
    assert (low + high) / 2 == pytest.approx(2.425)
    at_the_end = [gain - low for gain in gains]
    assert log_evidence(at_the_end, KNOWN, two_sided=True) == pytest.approx(math.log(20), abs=1e-6)


def test_more_pairs_narrow_the_interval() -> None:
    widths = [interval([1.0] * count, KNOWN)[1] - 1.0 for count in (1, 2, 4, 8)]
    assert widths == sorted(widths, reverse=True)


def test_one_pair_and_a_spread_from_two_runs_leave_the_interval_open() -> None:
    assert interval([5.0], Spread(sd=1.0, freedom=1)) == (-math.inf, math.inf)


def test_what_keeps_is_always_more_than_what_the_interval_needs_to_leave_zero_out() -> None:
    for count in range(1, 7):
        gain = smallest_mean(count, KNOWN, KEEP_AT)
        assert interval([gain] * count, KNOWN)[0] > 0


def test_the_smallest_mean_just_reaches_the_limit_and_falls_with_more_pairs() -> None:
    means = [smallest_mean(count, KNOWN, KEEP_AT) for count in (1, 2, 4, 8)]
    assert means == sorted(means, reverse=True)
    assert log_evidence([means[0]], KNOWN) == pytest.approx(KEEP_AT)


def test_where_no_gain_could_reach_the_limit_the_smallest_mean_is_infinite() -> None:
    assert smallest_mean(1, Spread(sd=1.0, freedom=1), KEEP_AT) == math.inf
