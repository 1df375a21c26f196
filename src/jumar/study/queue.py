"""Runs that wait for a slot, in the groups in which they are to be made."""

from __future__ import annotations

from collections import deque

from jumar.core.run import Run


class Queue:
    """Groups of runs. The two sides of a pair start together where there is room for both.

    Where there is room for one, it does not wait for the other (docs/ahead.md): what is left of a pair
    gets the next slot that is free, at the latest its own other side's, and so follows within moments.
    """

    def __init__(self) -> None:
        self._groups: deque[tuple[Run, ...]] = deque()
        self._begun: deque[tuple[Run, ...]] = deque()  # what is left of pairs; before everything else

    def __len__(self) -> int:
        return sum(map(len, self._all()))

    def push(self, group: tuple[Run, ...]) -> None:
        """Wait in line. Pairs go first: what is nearly decided frees its slot soonest."""
        if len(group) > 1:
            self._groups.appendleft(group)
        elif group:
            self._groups.append(group)

    def take(self, free: int) -> tuple[Run, ...]:
        """What to start now, in at most `free` slots."""
        waiting = self._begun or self._groups
        if not waiting or free < 1:
            return ()
        group = waiting.popleft()
        if rest := group[free:]:
            self._begun.append(rest)
        return group[:free]

    def holds(self, experiment: int) -> bool:
        """True while a run of this experiment waits."""
        return any(run.experiment == experiment for group in self._all() for run in group)

    def forget(self, experiment: int) -> None:
        """Let no run of this experiment wait any more."""
        self._groups = deque(
            group for group in self._groups if not any(run.experiment == experiment for run in group)
        )

    def drop(self) -> None:
        """Forget everything that waits."""
        self._groups.clear()
        self._begun.clear()

    def _all(self) -> tuple[tuple[Run, ...], ...]:
        return (*self._begun, *self._groups)
