"""What a study is doing at this moment, told to other processes of this machine in a file."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import msgspec

from jumar.core.curve import Curve, read_curve
from jumar.study.flight import CURVE_FILE, MOST_CURVE_BYTES
from jumar.study.places import LOG, OUT, read_untrusted
from jumar.study.tick import Running, Tick

NAME = "now.json"
MOST_BYTES = 4 << 20
_PLACE = re.compile(r"[0-9a-f]{16}")


class Bulletin:
    """Posted anew with every look. None of it is ever recorded, and nobody misses it when it is lost."""

    def __init__(self, own: Path) -> None:
        self._path = own / NAME

    def post(self, tick: Tick) -> None:
        """Say what goes on, in the place of what was said before."""
        draft = self._path.with_suffix(".draft")
        with suppress(OSError):  # a full disk: whoever looks sees what was before
            draft.write_bytes(msgspec.json.encode(tick))
            os.replace(draft, self._path)

    def close(self) -> None:
        """Nothing goes on any more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def read_bulletin(own: Path) -> Tick | None:
    """What the study in the folder `own` does now, as its controller says; None where none says anything."""
    try:
        return msgspec.json.decode(read_untrusted(own, NAME, MOST_BYTES), type=Tick)
    except msgspec.MsgspecError:
        return None


def curve_so_far(scratch: Path, running: Running) -> Curve:
    """The learning curve of a run under way, as the candidate tells it; empty where it is elsewhere."""
    if not _PLACE.fullmatch(running.place):
        return ()
    return read_curve(read_untrusted(scratch / running.place / OUT, CURVE_FILE, MOST_CURVE_BYTES))


def log_so_far(scratch: Path, running: Running, most: int) -> tuple[bytes, int]:
    """The end of what a run under way has printed, and how much that is in all."""
    path = scratch / running.place / LOG
    with suppress(OSError):
        if _PLACE.fullmatch(running.place) and not path.is_symlink():
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - most))
                return file.read(most), size
    return b"", 0
