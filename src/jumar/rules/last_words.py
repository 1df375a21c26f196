"""Owns what is quoted of a log: its last few lines, harmless to look at and never obeyed."""

from __future__ import annotations

from jumar.rules.plain import plain

MOST_LINES = 6
MOST_IN_A_LINE = 200


def last_words(said: bytes) -> str:
    """The last lines of what a run printed that say anything, without control characters."""
    lines = said.decode("utf-8", "replace").splitlines()
    words = (plain(line)[:MOST_IN_A_LINE] for line in lines)
    return "\n".join([line for line in words if line.strip()][-MOST_LINES:])
