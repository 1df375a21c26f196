"""Shares that follow gain per cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from jumar.rules.bandit import FLOOR, Earned, by_gain
from jumar.rules.shares import Turns

WANTED = {"tuner": 0.5, "model": 0.5}
Luck = Mapping[str, tuple[float, float]]  # agent → chance of a keep, seconds of a proposal


def played(luck: Luck, times: int, dice: Random, *, follows: bool, gain: float = 0.01) -> list[Earned]:
    """A study in which a keep gains 1 %, whoever makes it."""
    turns, earned = Turns(WANTED), list[Earned]()
    for _ in range(times):
        shares = by_gain(WANTED, earned) if follows else WANTED
        name = turns.order(shares)[0]
        turns.took(name, shares)
        chance, seconds = luck[name]
        earned.append(Earned(name, gain if dice.random() < chance else 0.0, seconds))
    return earned


def per_second(earned: list[Earned]) -> float:
    return sum(one.gain for one in earned) / sum(one.seconds for one in earned)


def test_without_any_gain_shares_stay_as_they_were_wanted() -> None:
    assert by_gain({"a": 3.0, "b": 1.0}, []) == {"a": 0.75, "b": 0.25}
    assert by_gain(WANTED, [Earned("tuner", 0.0, 9.0)] * 50) == WANTED


def test_who_gains_more_for_its_cost_is_asked_more() -> None:
    luck = {"tuner": (0.1, 20.0), "model": (0.1, 100.0)}
    better = fair = 0.0
    for seed in range(30):
        better += per_second(played(luck, 200, Random(seed), follows=True))
        fair += per_second(played(luck, 200, Random(seed), follows=False))
    assert better > 1.15 * fair


def test_equals_are_asked_about_equally() -> None:
    luck = {"tuner": (0.1, 20.0), "model": (0.1, 20.0)}
    counts = Counter(one.agent for seed in range(20) for one in played(luck, 200, Random(seed), follows=True))
    assert counts["tuner"] / counts.total() == pytest.approx(0.5, abs=0.1)


def test_shares_turn_with_fortune_and_nobody_is_forgotten() -> None:
    early = [Earned("tuner", 0.05, 20.0), Earned("model", 0.0, 20.0)] * 40
    late = [Earned("tuner", 0.0, 20.0), Earned("model", 0.01, 20.0)] * 100
    before, after = by_gain(WANTED, early), by_gain(WANTED, early + late)
    assert before["tuner"] > 0.7
    assert after["model"] > 0.6
    assert min(before["model"], after["tuner"]) >= FLOOR / 2
    assert sum(before.values()) == pytest.approx(1)


def test_one_lucky_keep_is_not_all() -> None:
    assert by_gain(WANTED, [Earned("tuner", 0.05, 20.0), Earned("model", 0.0, 20.0)])["tuner"] < 0.6
