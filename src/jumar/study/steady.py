"""Tells the time so that it passes as it does: a clock that is set, or a machine that slept, is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable

JUMP_S = 10.0  # corrections by a time server are smaller


class SteadyClock:
    """The time of day when it was last looked at, and what has passed since by a clock that nobody sets."""

    def __init__(
        self, of_day: Callable[[], float] = time.time, passing: Callable[[], float] = time.monotonic
    ) -> None:
        self._of_day, self._passing = of_day, passing
        self._at, self._mark = of_day(), passing()

    def __call__(self) -> float:
        """The time, which passes as it would have without a jump until that is noticed."""
        return self._at + self._passing() - self._mark

    def jumped(self) -> bool:
        """Whether the time of day went on by far more or less than has passed; it is gone by from now on."""
        shown, now = self(), self._of_day()
        self._at, self._mark = now, self._passing()
        return abs(now - shown) > JUMP_S
