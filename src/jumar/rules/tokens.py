"""Owns the estimate of how many tokens a text is; and cuts that keep to it."""

from __future__ import annotations

from collections.abc import Iterable

# Providers' tokenizers differ, and none is at hand here. With two of them (cl100k, o200k) a brief of 27 kB
# took a token for 3.1 bytes, the source of tinylm one for 3.6; other vocabularies may take more.
BYTES_PER_TOKEN = 3.0


def tokens(text: str) -> int:
    """How many tokens a text may take, by its bytes: an estimate on the high side."""
    return int(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN) + 1


def fitting(lines: Iterable[str], most: int) -> list[str]:
    """The first lines that fit in `most` tokens, line ends included."""
    kept: list[str] = []
    for line in lines:
        most -= tokens(line + "\n")
        if most < 0:
            break
        kept.append(line)
    return kept


def cut(text: str, most_bytes: int, *, ends: bool = False) -> str:
    """A text of at most so many bytes, whole lines where that goes; with `ends` its beginning and its end."""
    if len(text.encode("utf-8", "replace")) <= most_bytes:
        return text
    room = max(0, most_bytes - 60)
    if not ends:
        head = _at_line(_head(text, room))
        return f"{head}\n[… {len(text) - len(head):,} more characters …]"
    head, tail = _at_line(_head(text, room // 4)), _tail(text, room - room // 4)
    return f"{head}\n[… {len(text) - len(head) - len(tail):,} characters left out …]\n{tail}"


def _head(text: str, most_bytes: int) -> str:
    return text[:most_bytes].encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")


def _tail(text: str, most_bytes: int) -> str:
    if most_bytes <= 0:
        return ""
    return text[-most_bytes:].encode("utf-8", "replace")[-most_bytes:].decode("utf-8", "ignore")


def _at_line(head: str) -> str:
    whole = head.rpartition("\n")[0]
    return whole if len(whole) > len(head) // 2 else head
