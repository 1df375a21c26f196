"""User ids for runs that are started by root: one for each, owned by nobody else."""

from __future__ import annotations

import itertools
import os

_count = itertools.count()


def unused_uid() -> int:
    """A user id that no other run has: from our process id and a count, within what is mapped here."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        top = max(int(line.split()[0]) + int(line.split()[2]) for line in file)
    low, high = (1 << 20, 2_000_000_000) if top > 2_000_000_000 else (20_000, min(top, 60_000))
    return low + (os.getpid() * 256 + next(_count) % 256) % (high - low)
