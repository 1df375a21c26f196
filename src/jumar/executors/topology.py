"""Which cores this process may use, and which of them share memory or a core's own circuits."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

Core = tuple[int, ...]  #: numbers of the CPUs that are threads of one core
Node = tuple[Core, ...]  #: cores that are near the same memory

_DEVICES = Path("/sys/devices/system")


def nodes(devices: Path = _DEVICES) -> tuple[Node, ...]:
    """The cores that we may use, node by node, each with those of its threads that we may use."""
    usable = os.sched_getaffinity(0)
    near: dict[int, int] = {}
    for folder in devices.glob("node/node[0-9]*"):
        near |= dict.fromkeys(_listed(folder / "cpulist"), int(folder.name.removeprefix("node")))
    found: dict[int, dict[Core, None]] = defaultdict(dict)
    for cpu in sorted(usable):
        threads = _listed(devices / f"cpu/cpu{cpu}/topology/thread_siblings_list") & usable | {cpu}
        found[near.get(cpu, 0)][tuple(sorted(threads))] = None
    return tuple(tuple(found[node]) for node in sorted(found))


def _listed(file: Path) -> set[int]:
    """Numbers as the kernel lists them: `0-3,8`; none where it does not."""
    try:
        text = file.read_text().strip()
    except OSError:
        return set()
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
