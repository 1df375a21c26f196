"""What a process tree uses, read from /proc while it lives: CPU seconds and memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """CPU so far, and the largest memory seen, of a whole tree."""

    cpu_s: float
    memory_bytes: int
    peak_memory_bytes: int


class Meter:
    """Samples a tree; `processes` gives the /proc folders of what lives in it now.

    CPU is at least what every process seen ever used, and at least what the living ones and all
    they waited for used: so neither a process whose parent never waits for it nor one too short
    to be seen is lost, unless it is both. Memory is the sum of resident sizes; pages that
    processes share count for each.
    """

    def __init__(self, processes: Callable[[], Iterable[str]]) -> None:
        self._processes = processes
        self._own_ticks: dict[tuple[str, bytes], int] = {}
        self._family_ticks = 0
        self._peak_pages = 0

    def sample(self) -> Usage:
        """Look once. What ends while we look counts as it was last seen."""
        family, pages = 0, 0
        for folder in self._processes():
            try:
                with open(f"{folder}/stat", "rb", buffering=0) as file:
                    fields = file.read(1024).rpartition(b")")[2].split()
            except OSError:
                continue
            own = int(fields[11]) + int(fields[12])
            self._own_ticks[folder, fields[19]] = own
            family += own + int(fields[13]) + int(fields[14])
            pages += int(fields[21])
        self._family_ticks = max(self._family_ticks, family)
        self._peak_pages = max(self._peak_pages, pages)
        ticks = max(self._family_ticks, sum(self._own_ticks.values()))
        return Usage(ticks / _TICKS_PER_S, pages * _PAGE_BYTES, self._peak_pages * _PAGE_BYTES)


def below(pid: int) -> list[int]:
    """The descendants of `pid`, itself not included. A process may come or go while we look."""
    found, todo = [], [pid]
    while todo:
        children = _children(todo.pop())
        found += children
        todo += children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.read(1 << 16).split())
    except OSError:
        pass
    return found


def tasks_of_this_user() -> int:
    """How many processes and threads our user has: the kernel counts them all against its limit."""
    total, uid = 0, os.getuid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:
                    total += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
    return total
