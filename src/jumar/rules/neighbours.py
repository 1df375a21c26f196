"""Owns what runs of the unchanged target say of one another: alone, and beside neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import fmean

import msgspec

from jumar.core.contract import Metric
from jumar.rules.student import mean_and_interval, squares_about_mean

LITTLE = 0.01  # of the metric: what neighbours may change before it matters, where noise hides less
ROUNDS = 3


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What one run gave."""

    value: float
    pace: float | None = None  #: steps in its budget, or steps in a second; None where it tells none


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One seed: a run alone, and as many runs at once as there are workers."""

    alone: Taken
    beside: tuple[Taken, ...]


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What so many workers at once do to one another. All as shares: 0.01 is 1 %."""

    workers: int
    worse: float  #: the metric, beside neighbours; negative is better
    error: float  #: half the 95 % interval of that
    slower: float | None  #: fewer steps; None where no run tells its steps
    bearable: float  #: what the metric may change before it matters

    @property
    def comparable(self) -> bool:
        """Whether a run measures the same beside its neighbours as alone, as far as it matters."""
        return abs(self.worse) <= self.bearable

    @property
    def words(self) -> str:
        """On one line."""
        way = "worse" if self.worse > 0 else "better"
        pace = "" if self.slower is None else f", {abs(self.slower):.1%} {_way(self.slower)} steps"
        bar = f"{self.bearable:.1%} would be little, or lost in the noise"
        return f"{abs(self.worse):.2%} {way} (±{self.error:.2%}) than alone{pace}; {bar}"


def beside(workers: int, rounds: Sequence[Round], metric: Metric) -> Beside:
    """What these rounds show. The noise is that of the runs alone, each on a seed of its own."""
    worse = [
        -metric.relative_gain(each.alone.value, fmean(taken.value for taken in each.beside))
        for each in rounds
    ]
    mean, (low, high) = mean_and_interval(worse)
    alone = [each.alone.value for each in rounds]
    noise = math.sqrt(squares_about_mean(alone) / (len(alone) - 1)) / (abs(fmean(alone)) or 1.0)
    return Beside(
        workers=workers,
        worse=mean,
        error=(high - low) / 2,
        slower=_slower(rounds),
        bearable=max(LITTLE, noise),
    )


def workers_that_compare(found: Mapping[int, Beside]) -> int:
    """The most workers up to which, step by step, none disturbed the others."""
    undisturbed = takewhile(lambda workers: found[workers].comparable, sorted(found))
    return max(undisturbed, default=1)


def levels(most: int) -> tuple[int, ...]:
    """Numbers of workers to look at: doubled, up to as many as there is room for."""
    return tuple(sorted({min(2**n, most) for n in range(1, max(2, most).bit_length() + 1)} - {1}))


def _slower(rounds: Sequence[Round]) -> float | None:
    paces = [(each.alone.pace, [taken.pace for taken in each.beside]) for each in rounds]
    told = [
        1 - fmean(pace for pace in together if pace) / alone
        for alone, together in paces
        if alone and all(together)
    ]
    return fmean(told) if told else None


def _way(share: float) -> str:
    return "fewer" if share > 0 else "more"
