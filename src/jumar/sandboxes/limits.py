"""Per-process limits that the kernel keeps by itself, and what else a cap becomes."""

from __future__ import annotations

import resource

from jumar.core.job import Caps

_OPEN_FILES = 4096


def rlimits(caps: Caps, others: int = 0) -> dict[str, int]:
    """Names as in `resource.RLIMIT_NAME`, none above what this process may hand on.

    Address space is not limited: frameworks reserve far more than they use, and shared memory
    would not be counted. CPU is not limited either: a limit makes the kernel answer a program that
    asks for its own CPU time in steps of its clock tick, often with 0, and targets do ask. `others`
    are processes that the kernel counts along because they belong to the same user.
    """
    # A little above the caps, so that a file stopped here is seen to be past them.
    fsize = max(caps.disk_bytes, caps.output_bytes) + (64 << 10)
    wanted = {"nproc": caps.processes + others, "fsize": fsize, "nofile": _OPEN_FILES, "core": 0}
    return {name: _at_most(name, value) for name, value in wanted.items()}


def _at_most(name: str, value: int) -> int:
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def scratch_bytes(caps: Caps) -> int:
    """How large a run's private /tmp and shared memory may each grow: half its memory, as Linux does."""
    return min(caps.memory_bytes or 2 << 30, 8 << 30) // 2
