"""What a process that was killed leaves in a repository: locks on refs, and objects half written."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

# A lock is held for about a millisecond. One that was seen for so long was left by a process that
# was killed; it is ours to break, because nobody but Jumar writes these refs. Its own time is not
# asked: the clock may have been set since.
STALE_S = 5.0
POLL_S = 0.005
# An object is written in a millisecond too; git itself counts what is left of one as garbage.
_UNFINISHED = "objects/tmp_object_git2_*"
_DEAD_S = 0.5


class Watched:
    """A lock of somebody's, broken once the same one was seen for so long that its owner must be dead."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self._seen: tuple[int, int] | None = None
        self._since_s = 0.0

    def is_there(self) -> bool:
        """Look at it; False when it is gone, or was broken."""
        if (seen := _identity(self.lock)) is None:
            return False
        if seen != self._seen:
            self._seen, self._since_s = seen, time.monotonic()
        if time.monotonic() - self._since_s > STALE_S:
            self.lock.unlink(missing_ok=True)
            return False
        return True


def release(shared: Path, below: str, branch: str) -> None:
    """Remove the locks on refs `below`, which the caller alone writes, and on `branch`.

    The branch is the user's too, whose git may be about to rename it: its lock has a moment to go
    away by itself.
    """
    for lock in (shared / below).glob("*.lock"):
        lock.unlink(missing_ok=True)
    watched = Watched(shared / f"{branch}.lock")
    while watched.is_there():
        time.sleep(POLL_S)


class Garbage:
    """Objects that were half written when we came. What still is when we go, nobody writes."""

    def __init__(self, shared: Path) -> None:
        self._found = {path: _identity(path) for path in shared.glob(_UNFINISHED)}
        self._since_s = time.monotonic()

    def remove(self) -> None:
        """Remove those that nobody touched while we were here."""
        if self._found:
            time.sleep(max(0.0, self._since_s + _DEAD_S - time.monotonic()))
        for path, identity in self._found.items():
            if _identity(path) == identity:
                with suppress(OSError):
                    path.unlink()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
