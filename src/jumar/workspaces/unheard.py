"""Remembers what was refused once, by name and object, so that it is not fetched again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

import jumar

MOST = 50_000  #: the latest so many


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says. Another Jumar may refuse other things, and asks anew."""

    jumar: str
    why: dict[str, str]


class Unheard:
    """What was refused, and why. Without its file, all of it is fetched and refused once more."""

    def __init__(self, path: Path) -> None:
        self._path, self._why = path, dict[str, str]()
        with suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
            self._why = kept.why if kept.jumar == jumar.__version__ else {}

    def why(self, what: str) -> str | None:
        """Why this was refused; None where it was not."""
        return self._why.get(what)

    def add(self, what: str, why: str) -> None:
        """It is refused from now on."""
        self._why[what] = why

    def save(self) -> None:
        """Write it down for the next time."""
        latest = dict(list(self._why.items())[-MOST:])
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            draft.write_bytes(msgspec.json.encode(_Kept(jumar=jumar.__version__, why=latest)))
            os.replace(draft, self._path)
