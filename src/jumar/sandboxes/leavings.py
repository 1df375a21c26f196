"""The output folder of a run: how large it is while it runs, and making it safe to read once the run is over.

Everything in it was written by a candidate: links, pipes, odd modes, folders too deep to walk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_DEEPEST = 64  #: folders in folders; what lies deeper is removed, and counts as more than any cap
_ENTRY_BYTES = 16 << 10  #: what an entry costs at least: a cap on bytes is one on their number, too
_UNKNOWN = 1 << 62  #: what is hidden from us

_PERIOD_S = 0.5  # a count begins at most this often
_MOMENT_S = 0.01  # and goes on for this long at each look


class Census:
    """A count that goes on for a moment at each look, from where it was, and then begins anew.

    So no run can hold up whoever looks, however many files or descriptors it has. `begin` starts a
    count: it gives what each thing found takes, in bytes.
    """

    def __init__(self, begin: Callable[[], Iterator[int]]) -> None:
        self._begin = begin
        self._costs: Iterator[int] | None = None
        self._sum = self._last = 0
        self._due = time.monotonic() + _PERIOD_S

    def look(self) -> int:
        """The larger of what the last whole count found and what this one has found so far."""
        now = time.monotonic()
        if self._costs is None:
            if now < self._due:
                return self._last
            self._costs, self._sum, self._due = self._begin(), 0, now + _PERIOD_S
        for cost in self._costs:
            self._sum += cost
            if time.monotonic() > now + _MOMENT_S:
                return max(self._last, self._sum)
        self._costs, self._last = None, self._sum
        return self._last

    def close(self) -> None:
        """Leave off, and let go of what is open."""
        self._costs = None


def files(out: Path) -> Iterator[int]:
    """What each thing in `out` takes. Nothing is followed; a folder closed to us is opened first."""
    try:
        yield from _files(_enter(str(out), None), _DEEPEST)
    except FileNotFoundError:
        return


def _files(folder: int | None, depth: int) -> Iterator[int]:
    if folder is None or depth < 0:
        yield _UNKNOWN
        return
    inner: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # it went away while we looked
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        inner.append(entry.name)
                    yield _cost(status)
        for name in inner:
            with suppress(FileNotFoundError, NotADirectoryError):
                yield from _files(_enter(name, folder), depth - 1)
    except FileNotFoundError:
        return  # the folder itself went away
    finally:
        os.close(folder)


def _enter(name: str, folder: int | None) -> int | None:
    """A folder, opened; None where it stays closed to us. It is our own, so its mode is ours to change."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
    except PermissionError:
        handle = os.open(name, flags | os.O_NOFOLLOW | os.O_PATH, dir_fd=folder)
    try:
        place = f"/proc/self/fd/{handle}"  # the very folder, whatever has its name by now
        os.chmod(place, stat.S_IMODE(os.fstat(handle).st_mode) | 0o700)
        return os.open(place, flags)
    except PermissionError:
        return None
    finally:
        os.close(handle)


def nameless(out: Path, processes: Callable[[], Iterable[str]]) -> Iterator[int]:
    """What each file on the disk of `out` takes that has no name any more but is still open or mapped.

    `processes` gives /proc folders. What is mapped and not open is shown by the kernel to root alone.
    """
    device, found = os.stat(out).st_dev, set[int]()
    for process in processes():
        for held in ("fd", "map_files"):
            with suppress(OSError):
                folder = os.open(f"{process}/{held}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    for name in os.listdir(folder):
                        yield _nameless_bytes(folder, name, device, found)
                finally:
                    os.close(folder)


def _nameless_bytes(folder: int, name: str, device: int, found: set[int]) -> int:
    try:
        status = os.stat(name, dir_fd=folder)
    except OSError:
        return 0
    is_one = status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode)
    if not is_one or status.st_ino in found:
        return 0
    found.add(status.st_ino)
    return status.st_blocks * 512


def _cost(status: os.stat_result) -> int:
    """The larger of what a file says and what it takes: a file of holes is as long as it says."""
    return max(status.st_size, status.st_blocks * 512, _ENTRY_BYTES)


def settle(out: Path) -> int:
    """Make `out` ours and readable by everyone; returns its size in bytes.

    Files become 0644 and folders 0755, owned by us. Pipes, sockets, devices, further names of a
    file, and what is nested too deeply are removed; so are links, but for those to a plain file in
    their own folder: whoever reads them next (a scorer, with hidden data before it) may be shown
    more than the run was. The run must be over.
    """
    fd = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(fd, os.geteuid(), os.getegid())
        os.fchmod(fd, 0o755)
        return _settle(fd, _DEEPEST)
    finally:
        os.close(fd)


def _settle(folder: int, depth: int) -> int:
    total = 0
    for name in os.listdir(folder):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            total += _ENTRY_BYTES
            total += _settle_folder(folder, name, depth)
        elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            os.chown(name, os.geteuid(), os.getegid(), dir_fd=folder, follow_symlinks=False)
            os.chmod(name, 0o644, dir_fd=folder)
            total += _cost(status)
        elif stat.S_ISLNK(status.st_mode) and _stays_beside(folder, name):
            total += _ENTRY_BYTES
        else:
            os.unlink(name, dir_fd=folder)
    return total


def _stays_beside(folder: int, name: str) -> bool:
    """True for a link to a plain file next to it, such as `latest` to `step-300`."""
    end = os.readlink(name, dir_fd=folder)
    if "/" in end or end in (".", ".."):
        return False
    try:
        status = os.stat(end, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _settle_folder(folder: int, name: str, depth: int) -> int:
    os.chmod(name, 0o755, dir_fd=folder)
    if depth == 0:
        _remove_deep(folder, name)
        return 0
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        os.fchown(fd, os.geteuid(), os.getegid())
        return _settle(fd, depth - 1)
    finally:
        os.close(fd)


def _remove_deep(folder: int, name: str) -> None:
    """Remove a folder of any depth: what lies two levels down is lifted up until nothing does."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    unused, lifted = secrets.token_hex(8), 0
    fd = os.open(name, flags, dir_fd=folder)
    try:
        while names := os.listdir(fd):
            for child in names:
                if not stat.S_ISDIR(os.stat(child, dir_fd=fd, follow_symlinks=False).st_mode):
                    os.unlink(child, dir_fd=fd)
                    continue
                os.chmod(child, 0o700, dir_fd=fd)
                inner = os.open(child, flags, dir_fd=fd)
                try:
                    for deep in os.listdir(inner):
                        os.rename(deep, f"{unused}-{lifted}", src_dir_fd=inner, dst_dir_fd=fd)
                        lifted += 1
                finally:
                    os.close(inner)
                os.rmdir(child, dir_fd=fd)
    finally:
        os.close(fd)
    shutil.rmtree(name, dir_fd=folder, ignore_errors=True)
