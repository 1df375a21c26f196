"""Words within a line of Markdown: ours as prose, everybody else's so that they can be nothing but text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jumar.rules.plain import plain, short

LONG = 160
# Words of these characters do nothing in Markdown wherever they stand within a line …
_HARMLESS = re.compile(r"[\w .,;:%()+=≤≥×→±–−'’/-]*")
# … but for addresses, references, and underscores that are not within a word.
_ACTIVE = re.compile(r"//|www\.|(?<![^\W_])_|_(?![^\W_])|\bGH-\d|\b[0-9a-f]{7,}\b", re.IGNORECASE)
_POINTS = re.compile(r"@\w|://|www\.", re.IGNORECASE)  # at people and places
_SPECIAL = re.compile(r"([\\*_\[\]<>|$~&])")


def said(text: str, most: int = LONG) -> str:
    """Anybody's words: as they are where they are harmless, else as code."""
    text = short(text, most)
    if text and _HARMLESS.fullmatch(text) and not _ACTIVE.search(text):
        return text
    return code(text, most)


def code(text: str, most: int = LONG) -> str:
    """Anybody's words as a span of code, which they cannot end.

    In there no link, mention, reference, picture, formula or tag comes into being.
    """
    text = short(text, most)
    if not text:
        return "–"
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * (max(runs, default=0) + 1)
    room = " " if runs else ""
    return f"{fence}{room}{text}{room}{fence}"


def prose(text: str, most: int = 4 * LONG) -> str:
    """Our own words: numbers of experiments and what is in backticks as code, the rest escaped."""
    text = short(text, most)
    if _POINTS.search(text) or text.count("`") % 2:
        return code(text, most)
    parts = re.sub(r"#(\d+)", r"`#\1`", text).split("`")
    return "`".join(part if n % 2 else _SPECIAL.sub(r"\\\1", part) for n, part in enumerate(parts))


def fenced(lines: Iterable[str], kind: str = "") -> str:
    """Lines as a block of code, which they cannot end."""
    text = "\n".join(plain(line) for line in lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown already; `>` in front of a heading sets its column to the right."""
    named = list(heads)
    lines = [_row(head.lstrip(">") for head in named)]
    lines.append("|" + "|".join("--:" if head.startswith(">") else "---" for head in named) + "|")
    return "\n".join([*lines, *(_row(row) for row in rows)])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(re.sub(r"\\*\|", _within, cell) or " " for cell in cells) + " |"


def _within(found: re.Match[str]) -> str:
    """A bar that ends no cell: the number of backslashes before it is odd, in code as well."""
    before = len(found[0]) - 1
    return "\\" * (before + 1 + before % 2) + "|"
