"""How many runs were under way over time, in steps that widen as a study becomes long."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from jumar.reports.pages import Busy

MOST_STEPS = 512


class BusySlots(msgspec.Struct):
    """Sums up the time that runs took. Forgets each run at once."""

    first_at: float | None = None
    width_s: float = 1.0
    workers: int | None = None
    run_s: list[float] = []

    def add(self, start: float, end: float) -> None:
        """A run was under way all that time."""
        if self.first_at is None:
            self.first_at = start
        while end - self.first_at > MOST_STEPS * self.width_s:
            self.run_s = [sum(self.run_s[n : n + 2]) for n in range(0, len(self.run_s), 2)]
            self.width_s *= 2
        _spread(self.run_s, self.width_s, max(0.0, start - self.first_at), end - self.first_at)

    def told(self, open_since: Iterable[float], now: float) -> Busy:
        """The mean number of runs in each step; those that are not over were under way until `now`."""
        sums = replace(self, run_s=[*self.run_s])
        for start in sorted(open_since):
            sums.add(start, max(start, now))
        return Busy(
            first_at=now if sums.first_at is None else sums.first_at,
            width_s=sums.width_s,
            runs=tuple(seconds / sums.width_s for seconds in sums.run_s),
            workers=self.workers,
        )


def _spread(run_s: list[float], width_s: float, start: float, end: float) -> None:
    """Give each step its part of the time from start to end."""
    step = int(start / width_s)
    while start < end:
        until = min(end, (step + 1) * width_s)
        if len(run_s) <= step:
            run_s.extend([0.0] * (step + 1 - len(run_s)))
        run_s[step] += until - start
        start, step = until, step + 1
