"""Values by seed, and what they come to."""

from __future__ import annotations

import math
import random
from statistics import fmean

from jumar.core.by_seed import BySeed, Together


def test_it_comes_to_what_its_values_come_to() -> None:
    dice, told, plain = random.Random(1), BySeed(), dict[int, float]()
    for _ in range(300):
        seed, value = dice.randrange(100), 10 ** dice.uniform(-8, 8)
        told.put({seed: value})
        plain[seed] = value
    left_out = {*range(0, 100, 7), 1000}
    rest = [value for seed, value in plain.items() if seed not in left_out]
    assert told == plain and [*told] == [*plain]
    assert told.without(left_out) == Together(len(rest), fmean(rest), fmean(map(math.log, rest)))


def test_values_without_noise_have_a_mean_without_noise() -> None:
    told = BySeed(dict.fromkeys(range(10_000), 0.1))
    assert told.without((3,)).mean == 0.1


def test_a_value_without_a_logarithm_is_known_until_it_is_left_out() -> None:
    told = BySeed({1: 2.0, 2: 0.0, 3: 8.0})
    assert not told.is_positive and told.without(()).log_mean is None
    assert told.without((2,)).log_mean == math.log(4.0)
    told.put({2: 4.0})
    assert told.is_positive


def test_after_the_last_seed_comes_the_first() -> None:
    told = BySeed({5: 1.0, 3: 1.0})
    assert [told.nth(place) for place in range(3)] == [5, 3, 5]


def test_nothing_comes_to_nothing() -> None:
    assert BySeed({1: 1.0}).without((1,)).seeds == BySeed().without(()).seeds == 0
