"""The output folder of a run: how large it is, and making it safe to read once the run is over.

Everything in it was written by a candidate: links, pipes, odd modes, folders too deep to walk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

_DEEPEST = 64  #: folders in folders; what lies deeper is removed
_ENTRY_BYTES = 4096  #: what an entry costs at least, so that a million empty files are not free


def size_bytes(out: Path, enough: int) -> int:
    """What lies below `out`, counted until `enough` is passed. Nothing is followed."""
    total, todo = 0, [str(out)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    total += _cost(entry.stat(follow_symlinks=False))
                    if total > enough:
                        return total
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except OSError:
            continue  # it went away while we looked, or was closed to us: `settle` opens it
    return total


def _cost(status: os.stat_result) -> int:
    """The larger of what a file says and what it takes: a file of holes is as long as it says."""
    return max(status.st_size, status.st_blocks * 512, _ENTRY_BYTES)


def unlinked_bytes(out: Path, processes: Iterable[str]) -> int:
    """What files on the disk of `out` take that have no name any more but are still held open.

    `processes` are /proc folders. A file that is only mapped, and not open, is not found.
    """
    device, found = os.stat(out).st_dev, dict[int, int]()
    for folder in processes:
        try:
            for name in os.listdir(f"{folder}/fd"):
                status = os.stat(f"{folder}/fd/{name}")
                if status.st_nlink == 0 and status.st_dev == device and stat.S_ISREG(status.st_mode):
                    found[status.st_ino] = status.st_blocks * 512
        except OSError:
            continue
    return sum(found.values())


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
