"""What seats have of a machine that others may want too: folders of studies, and CPUs, by locks on files.

The kernel frees the locks of a process that dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from jumar.errors import EnvironmentUnfit
from jumar.executors.topology import nodes

_LOOK_S = 0.05


class Holds:
    """What one seat has."""

    def __init__(self) -> None:
        self._locks: list[int] = []

    def folder(self, study: str) -> Path:
        """The folder that seats of the study share here; those that nobody uses any more go."""
        home = Path(tempfile.gettempdir()) / f"jumar-seats-{os.getuid()}"
        home.mkdir(mode=0o711, exist_ok=True)
        if home.lstat().st_uid != os.getuid() or home.is_symlink():
            raise EnvironmentUnfit(f"{home} is somebody else's", fix="remove it there")
        root = home / study
        while not (held := _hold(root)):  # at this moment another one may be removing it as unused
            time.sleep(_LOOK_S)
        self._locks.append(held)
        for other in home.iterdir():
            if other != root and other.is_dir():
                remove_unused(other)
        return root

    def cores(self, wanted: int) -> list[tuple[int, ...]] | None:
        """So many CPUs that no other seat of this machine has, whole cores first; None where there are fewer.

        Ray may count more than there is, as `ray start` was told to, or as nodes that share one machine.
        """
        home = Path(tempfile.gettempdir()) / f"jumar-cores-{os.getuid()}"
        home.mkdir(mode=0o700, exist_ok=True)
        cores = [core for node in nodes() for core in node]
        threads = [(cpu,) for core in cores for cpu in core]
        left, taken, held = min(wanted, len(threads)), list[tuple[int, ...]](), list[int]()
        for part in (*cores, *threads):
            if len(part) <= left and (locks := _lock_all([home / str(cpu) for cpu in part])):
                left -= len(part)
                taken.append(part)
                held += locks
        if left:
            for lock in held:
                os.close(lock)
            return None
        self._locks += held
        return taken

    def let_go(self) -> None:
        """Let others have all of it."""
        while self._locks:
            os.close(self._locks.pop())


def remove_unused(root: Path) -> None:
    """Remove a study's folder, unless a seat has it."""
    try:
        fd = _lock(root / ".held")
    except OSError:
        return
    shutil.rmtree(root, ignore_errors=True)
    os.close(fd)


def _lock(path: Path, *, shared: bool = False) -> int:
    """Raises BlockingIOError where somebody has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise
    return fd


def _lock_all(paths: list[Path]) -> list[int]:
    """Locks on all of them; none where somebody has one."""
    held: list[int] = []
    try:
        for path in paths:
            held.append(_lock(path))
    except BlockingIOError:
        for lock in held:
            os.close(lock)
        return []
    return held


def _hold(root: Path) -> int | None:
    """A hold on the folder, which is made where it is not; None while somebody removes it."""
    root.mkdir(mode=0o711, exist_ok=True)
    try:
        fd = _lock(root / ".held", shared=True)
    except (BlockingIOError, FileNotFoundError):
        return None
    if os.fstat(fd).st_nlink:
        return fd
    os.close(fd)
    return None
