from __future__ import annotations

import math
import random
from statistics import fmean, stdev

import pytest

from jumar.core.outcome import Failed, Measured, Why
from jumar.rules.items import (
    MOST_ITEMS,
    bootstrap,
    condensed,
    item_differences,
    sd_of_mean,
    widened,
)


def pair(candidate: tuple[float, ...], reference: tuple[float, ...]) -> tuple[Measured, Measured]:
    return Measured(value=1.0, items=candidate), Measured(value=1.0, items=reference)


def test_the_noise_of_items_is_that_of_their_differences_and_not_of_the_items() -> None:
    easy_and_hard = tuple(float(n) for n in range(1, 101))
    level = fmean(easy_and_hard)
    equal = item_differences([pair(tuple(item - 0.5 for item in easy_and_hard), easy_and_hard)])
    assert sd_of_mean(equal) == pytest.approx(0.0)
    differing = item_differences(
        [pair(tuple(item + (-1) ** n for n, item in enumerate(easy_and_hard)), easy_and_hard)]
    )
    assert sd_of_mean(differing) == pytest.approx(stdev((-1.0) ** n for n in range(100)) / 10 / level)


@pytest.mark.parametrize("differences", [(), (1.0,)])
def test_too_few_items_have_no_noise_to_tell(differences: tuple[float, ...]) -> None:
    assert sd_of_mean(differences) == 0.0


def test_runs_that_were_asked_different_items_cannot_be_compared_by_them() -> None:
    assert item_differences([pair((1.0, 2.0), (1.0, 2.0)), pair((1.0, 2.0, 3.0), (1.0, 2.0, 3.0))]) == ()


def test_differences_are_means_over_pairs_as_shares_of_the_reference() -> None:
    pairs = [pair((1.8, 4.0) * 15, (2.0, 4.0) * 15), pair((1.6, 4.2) * 15, (2.0, 4.0) * 15)]
    assert item_differences(pairs) == pytest.approx((-0.3 / 3, 0.1 / 3) * 15)


def test_a_few_items_are_cases_and_no_sample() -> None:
    assert item_differences([pair((1.8, 4.0) * 14, (2.0, 4.0) * 14)]) == ()


def test_a_run_without_a_number_and_a_scorer_without_items_leave_nothing() -> None:
    crash = Failed(why=Why.CRASHED, detail="")
    assert item_differences([(crash, crash)]) == ()
    assert item_differences([pair((), ())]) == ()


def test_the_bootstrap_is_the_same_every_time_and_close_to_what_theory_says_of_a_mean() -> None:
    chance = random.Random(3)
    differences = [chance.gauss(0.1, 1.0) for _ in range(200)]
    below, above = bootstrap(differences, 0.95)
    assert (below, above) == bootstrap(differences, 0.95)
    expected = 1.972 * stdev(differences) / math.sqrt(200)
    assert below == pytest.approx(expected, rel=0.06)
    assert above == pytest.approx(expected, rel=0.06)
    assert sd_of_mean(differences) == pytest.approx(expected / 1.972)


def test_the_bootstrap_of_few_skewed_items_covers_as_often_as_it_says() -> None:
    chance, covered = random.Random(5), 0
    for _ in range(120):
        items = [chance.expovariate(1.0) for _ in range(24)]
        below, above = bootstrap(items, 0.95)
        covered += fmean(items) - below <= 1.0 <= fmean(items) + above
    assert covered / 120 > 0.88  # Student's interval covers 0.92 of such


def test_independent_errors_add_by_their_squares_to_either_side() -> None:
    assert widened(1.0, (1.0 - 3.0, 1.0 + 6.0), 4.0, 8.0) == pytest.approx((1.0 - 5.0, 1.0 + 10.0))
    assert widened(1.0, (-math.inf, math.inf), 4.0, 8.0) == (-math.inf, math.inf)
    assert widened(1.0, (0.5, 1.5), 0.0, 0.0) == pytest.approx((0.5, 1.5))


def test_very_many_items_are_recorded_as_means_that_say_the_same_of_the_noise() -> None:
    chance = random.Random(9)
    items = [chance.gauss(2.0, 1.0) for _ in range(50_000)]
    short = condensed(items)
    assert len(short) == MOST_ITEMS
    assert fmean(short) == pytest.approx(fmean(items), abs=1e-3)
    assert sd_of_mean(short) == pytest.approx(sd_of_mean(items), rel=0.1)
    assert condensed(items[:MOST_ITEMS]) == tuple(items[:MOST_ITEMS])
