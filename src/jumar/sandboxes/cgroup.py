"""A control group of a run's own, where this machine lets us make one: hard memory, exact CPU.

Version 1 puts memory into a hierarchy of its own; version 2 has everything in one. A group is
made below our own group, or, as version 2 wants no processes beside groups, below the nearest
ancestor that hands the memory controller on. CPU is counted by any version 2 group.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_serial = itertools.count()
_PAUSES_S = (0, 0.001, 0.01, 0.1, 0.5)


class Places(NamedTuple):
    """Folders in which groups may be made; None where there is none."""

    memory: Path | None
    memory_is_v2: bool
    cpu: Path | None


class Group:
    """The groups of one run. `entries` are the files that a process writes its id to, to enter.

    Raises OSError where they cannot be made.
    """

    def __init__(self, places: Places) -> None:
        name = f"jumar-{os.getpid()}-{next(_serial)}"
        self._v2 = places.memory_is_v2
        self._memory = places.memory / name if places.memory else None
        self._cpu = places.cpu / name if places.cpu else None
        self.caps_memory = False  #: the kernel itself keeps the memory cap
        try:
            for folder in self._folders():
                folder.mkdir()
        except OSError:
            self.remove()
            raise

    def limit_memory(self, memory_bytes: int | None) -> None:
        """Have the kernel keep this cap, where it can."""
        if self._memory and memory_bytes:
            self._limit(self._memory, memory_bytes)
            self.caps_memory = True

    def _folders(self) -> list[Path]:
        return [folder for folder in dict.fromkeys((self._memory, self._cpu)) if folder]

    def _limit(self, folder: Path, memory_bytes: int) -> None:
        names = ("memory.max",) if self._v2 else ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        for name in names:
            if (folder / name).exists():
                (folder / name).write_text(str(memory_bytes))
        for name, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            if (folder / name).exists():
                (folder / name).write_text(value)

    @property
    def entries(self) -> list[str]:
        return [str(folder / "cgroup.procs") for folder in self._folders()]

    def out_of_memory(self) -> bool:
        """True once the kernel has killed something here for want of memory."""
        if not self._memory:
            return False
        text = (self._memory / ("memory.events" if self._v2 else "memory.oom_control")).read_text()
        return any(line.startswith("oom_kill ") and not line.endswith(" 0") for line in text.splitlines())

    def cpu_s(self) -> float | None:
        """CPU seconds of everything that was ever in the group, or None where nobody counts."""
        if not self._cpu:
            return None
        return int((self._cpu / "cpu.stat").read_text().split(maxsplit=2)[1]) / 1e6

    def kill(self) -> None:
        """Kill whatever is in the groups, for as long as there is something."""
        for folder in self._folders():
            for pause_s in _PAUSES_S:
                time.sleep(pause_s)
                if not (inside := (folder / "cgroup.procs").read_text().split()):
                    break
                for pid in inside:
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """Remove the groups; all processes must have ended. The kernel may need a moment."""
        for folder in self._folders():
            for pause_s in _PAUSES_S:
                time.sleep(pause_s)
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    continue
                break


@functools.cache
def places() -> Places:
    """Where this process may make groups; tried, not guessed."""
    mounts = _mounts()
    own = _own_groups()
    v2 = _usable(mounts.get("cgroup2"), own.get(""), controller="memory")
    v1 = None if v2 else _usable(mounts.get("memory"), own.get("memory"), controller="")
    cpu = v2 or _usable(mounts.get("cgroup2"), own.get(""), controller="")
    return Places(v2 or v1, v2 is not None, cpu)


def _usable(mount: Path | None, own: str | None, *, controller: str) -> Path | None:
    """The deepest folder from our own group upwards in which a group of use can be made."""
    if mount is None or own is None or ".." in own:
        return None
    folder = mount / own.lstrip("/")
    while folder.is_relative_to(mount):
        if _works(folder, controller):
            _sweep(folder)
            return folder
        if not controller:
            break
        folder = folder.parent
    return None


def _works(folder: Path, controller: str) -> bool:
    probe = folder / f"jumar-{os.getpid()}-probe"
    try:
        if controller and controller not in (folder / "cgroup.subtree_control").read_text().split():
            return False
        if not os.access(folder / "cgroup.procs", os.W_OK):
            return False
        probe.mkdir()
        try:
            return os.access(probe / "cgroup.procs", os.W_OK)
        finally:
            probe.rmdir()
    except OSError:
        return False


def _sweep(folder: Path) -> None:
    """Remove what processes of ours left that were killed before they could."""
    for group in folder.glob("jumar-*-*"):
        pid = group.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            with suppress(OSError):
                group.rmdir()


def _mounts() -> dict[str, Path]:
    """`cgroup2`, and version 1's `memory`, → where they are mounted."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.setdefault("cgroup2", Path(folder))
        elif kind == "cgroup" and "memory" in options.split(","):
            found.setdefault("memory", Path(folder))
    return found


def _own_groups() -> dict[str, str]:
    """Controller → the group we are in; the empty name is version 2's."""
    groups: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), group))
    return groups
