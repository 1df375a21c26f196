"""Owns the values of a commit by seed, and what they come to: after ten thousand as quickly as after ten."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple


class Together(NamedTuple):
    """What some values come to."""

    seeds: int = 0  #: how many they are of
    mean: float = math.nan
    log_mean: float | None = None  #: of their logarithms; None where one of them has none


class BySeed(Mapping[int, float]):
    """One value for each seed, in the order in which the seeds came; the newest value of a seed counts."""

    def __init__(self, values: Mapping[int, float] | None = None) -> None:
        self._values: dict[int, float] = {}
        self._seeds: list[int] = []
        self._sum, self._logs = _Sum(), _Sum()
        self._without_log = 0
        self.put(values or {})

    def put(self, values: Mapping[int, float]) -> None:
        """Take in a value for each of these seeds."""
        for seed, value in values.items():
            if seed in self._values:
                self._count(self._values[seed], -1)
            else:
                self._seeds.append(seed)
            self._values[seed] = value
            self._count(value, 1)

    def _count(self, value: float, times: int) -> None:
        self._sum.add(times * value)
        if value > 0:
            self._logs.add(times * math.log(value))
        else:
            self._without_log += times

    def __getitem__(self, seed: int) -> float:
        return self._values[seed]

    def __iter__(self) -> Iterator[int]:
        return iter(self._seeds)

    def __len__(self) -> int:
        return len(self._seeds)

    def nth(self, place: int) -> int:
        """The seed in this place; after the last comes the first."""
        return self._seeds[place % len(self._seeds)]

    @property
    def is_positive(self) -> bool:
        """Whether every value has a logarithm."""
        return not self._without_log

    def without(self, seeds: Collection[int]) -> Together:
        """What the values on all other seeds come to."""
        left_out = [self._values[seed] for seed in {*seeds} if seed in self._values]
        count = len(self) - len(left_out)
        if not count:
            return Together()
        log_mean = None
        if self._without_log == sum(value <= 0 for value in left_out):
            log_mean = self._logs.less([math.log(value) for value in left_out if value > 0]) / count
        return Together(count, self._sum.less(left_out) / count, log_mean)


class _Sum:
    """A sum without rounding, as `math.fsum` has it: values without noise must give a mean without noise.

    Shewchuk 1997, "Adaptive precision floating-point arithmetic": its parts do not overlap.
    """

    def __init__(self) -> None:
        self._parts: list[float] = []

    def add(self, value: float) -> None:
        kept = []
        for part in self._parts:
            big, small = (value, part) if abs(value) >= abs(part) else (part, value)
            value = big + small
            if lost := small - (value - big):
                kept.append(lost)
        self._parts = [*kept, value]

    def less(self, values: Collection[float]) -> float:
        return math.fsum([*self._parts, *(-value for value in values)])
