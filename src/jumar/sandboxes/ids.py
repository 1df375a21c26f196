"""User ids for runs that are started by root: one for each, owned by nobody else."""

from __future__ import annotations

import secrets
import threading
from collections import deque

_recent: deque[int] = deque(maxlen=256)  # more than run at once
_lock = threading.Lock()  # agents' programs are started beside runs


def unused_uid() -> int:
    """A user id that no other run has, within what is mapped here.

    It is drawn: one that counted up would tell a run its place among the others, and so which side
    of a comparison it is on.
    """
    with open("/proc/self/uid_map", encoding="ascii") as file:
        top = max(int(line.split()[0]) + int(line.split()[2]) for line in file)
    low, high = (1 << 20, 2_000_000_000) if top > 2_000_000_000 else (20_000, min(top, 60_000))
    with _lock:
        while (uid := low + secrets.randbelow(high - low)) in _recent:
            pass
        _recent.append(uid)
    return uid
