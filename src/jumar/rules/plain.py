"""Makes text that agents and candidates wrote harmless to look at: nothing in it stays invisible."""

from __future__ import annotations

import re
import unicodedata

# Colours and cursor moves (CSI), titles and links (OSC), and the short forms: ECMA-48 §5.4, §5.6.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
# Control, format (bidi, zero width), surrogate, private and unassigned characters, and the two
# separators that break lines: none of them has a shape of its own.
_SHAPELESS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ZERO_WIDTH_JOINER = "\u200d"  # holds emoji together; moves nothing


def plain(text: str, *, lines: bool = False) -> str:
    """`text` without terminal escapes, and with every shapeless character written out as its code.

    Line ends and tabs stay when `lines` (a bare carriage return ends one too, as progress bars
    print them), and become single blanks otherwise.
    """
    text = _ESCAPES.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n") if lines else " ".join(text.split())
    if text.isascii() and (text.replace("\n", "").replace("\t", "") if lines else text).isprintable():
        return text
    return "".join(_shown(character, lines) for character in text)


def _shown(character: str, lines: bool) -> str:
    if character in ("\n\t" if lines else "") or character == _ZERO_WIDTH_JOINER:
        return character
    if unicodedata.category(character) not in _SHAPELESS:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def short(text: str, most: int) -> str:
    """`text` on one line, plain, and cut at a word where it is longer than `most` characters."""
    text = plain(text)
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > most // 2 else cut).rstrip(" ,;:") + "…"
