"""Runs that wait for a slot, in the groups in which they are to be made."""

from __future__ import annotations

from collections import deque

from jumar.core.run import Run


class Queue:
    """Groups of runs. The two sides of a pair start together where there is room for both."""

    def __init__(self) -> None:
        self._groups: deque[tuple[Run, ...]] = deque()

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups)

    def push(self, group: tuple[Run, ...]) -> None:
        """Wait in line. Pairs go first: what is nearly decided frees its slot soonest."""
        if len(group) > 1:
            self._groups.appendleft(group)
        elif group:
            self._groups.append(group)

    def take(self, free: int, slots: int) -> tuple[Run, ...]:
        """What to start now, with `free` of `slots` slots; empty while the next group lacks room."""
        if not self._groups:
            return ()
        group = self._groups[0]
        if free < min(len(group), slots):
            return ()
        self._groups.popleft()
        if rest := group[free:]:
            self._groups.appendleft(rest)
        return group[:free]

    def holds(self, experiment: int) -> bool:
        """True while a run of this experiment waits."""
        return any(run.experiment == experiment for group in self._groups for run in group)

    def forget(self, experiment: int) -> None:
        """Let no run of this experiment wait any more."""
        self._groups = deque(
            group for group in self._groups if not any(run.experiment == experiment for run in group)
        )

    def drop(self) -> None:
        """Forget everything that waits."""
        self._groups.clear()
