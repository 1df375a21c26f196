"""Remembers, in the user's own state, what a person said about a folder: agents and servers that they named.

A record may have come with the folder: in an archive, from somebody else. What it names may be read, but
no program of its choosing is started and no server of its choosing is asked until it was named by whoever
sits here, in this very folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_NOW: set[Path] = set()  #: what was said to this process: it counts where nothing can be kept, too


def remember(folder: Path, kind: str, words: Iterable[str]) -> None:
    """These words were said of a folder. Where that cannot be kept, they have to be said again next time."""
    for each in words:
        place = _place(folder, kind, each)
        _NOW.add(place)
        with suppress(OSError):
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                place.write_text(f"{kind} {each}\nin {folder}\n", encoding="utf-8")


def unsaid(folder: Path, kind: str, words: Iterable[str]) -> list[str]:
    """Those of the words that were never said here by this user."""
    return [each for each in words if not _was_said(_place(folder, kind, each))]


def _was_said(place: Path) -> bool:
    with suppress(OSError):  # a home that cannot be read holds nothing
        return place in _NOW or place.is_file()
    return False


def _place(folder: Path, kind: str, words: str) -> Path:
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    except RuntimeError:  # a user without a home
        state = Path(os.devnull)
    name = sha256("\0".join((os.fspath(folder.resolve()), kind, words)).encode(errors="surrogateescape"))
    return state / "jumar" / "said" / name.hexdigest()
