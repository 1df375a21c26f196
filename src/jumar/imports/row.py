"""What a history of another loop says, line by line, before it is anything of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from jumar.core.contract import Direction
from jumar.core.outcome import Why, is_number
from jumar.core.verdict import Decision
from jumar.errors import Usage

MOST_BYTES = 64 << 20
MOST_ROWS = 10_000
MOST_TEXT = 2000  #: characters of one description
MOST_NOTES = 20
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_STATES: dict[str, tuple[Decision, Why | None]] = {
    "keep": (Decision.KEPT, None),
    "kept": (Decision.KEPT, None),
    "baseline": (Decision.KEPT, None),
    "discard": (Decision.DISCARDED, None),
    "discarded": (Decision.DISCARDED, None),
    "crash": (Decision.FAILED, Why.CRASHED),
    "crashed": (Decision.FAILED, Why.CRASHED),
    "failed": (Decision.FAILED, Why.CRASHED),
    "timeout": (Decision.FAILED, Why.TIMED_OUT),
    "oom": (Decision.FAILED, Why.OUT_OF_MEMORY),
    "checks_failed": (Decision.FAILED, Why.CHECK_FAILED),
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment as somebody else's loop reported it."""

    decision: Decision
    value: float | None  #: None for what failed, whatever number stands there
    description: str
    said: str  #: the status in its own word
    why: Why | None = None
    commit: str = ""  #: as it was written, mostly seven characters
    memory_bytes: int = 0
    others: Mapping[str, float] = {}
    at: float = 0.0  #: seconds since the epoch, where it is told
    remark: str = ""  #: what else its loop said of it


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A whole history. `notes` say what was not understood, or was left out."""

    loop: str  #: what wrote it
    name: str
    metric: str
    rows: tuple[Row, ...]
    direction: Direction | None = None  #: None where the file does not say
    notes: tuple[str, ...] = ()


class Notes:
    """Gathers what is to be told of a file; very many are counted."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = 0

    def add(self, words: str) -> None:
        if len(self._said) < MOST_NOTES:
            self._said.append(words)
        else:
            self._more += 1

    def all(self) -> tuple[str, ...]:
        return (*self._said, *([f"and {self._more:,} more of such notes"] if self._more else ()))


def read_text(path: Path) -> str:
    """A file's text. Raises Usage for one that is none, or too large."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Usage(
                f"{path} has more than {MOST_BYTES >> 20} MiB", fix="import the part of it that matters"
            )
        content = path.read_bytes()
    except OSError as error:
        raise Usage(
            f"{path} cannot be read: {error.strerror}", fix="name a results.tsv or a log.jsonl"
        ) from error
    if b"\0" in content:
        raise Usage(f"{path} is no text", fix="name a results.tsv or a log.jsonl")
    return content.decode("utf-8-sig", "replace")


def state_of(word: str) -> tuple[Decision, Why | None] | None:
    """What a status means; None for one that no loop we know writes."""
    return _STATES.get(word.strip().lower().replace(" ", "_"))


def number_in(text: str) -> float | None:
    """A number that can be reckoned with; None for anything else, `nan` and `1e400` included."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if is_number(value) else None
