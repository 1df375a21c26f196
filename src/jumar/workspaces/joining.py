"""Joins two changes of one text where git sees a conflict: neighbouring lines, or values on one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

# A number is one token with its sign of the exponent, so that 0.1 and 1e-05 stand one for the other.
_TOKEN = re.compile(rb"\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\w+|\s+|.", re.DOTALL)

Items = Sequence[bytes]
Finer = Callable[[bytes, bytes, bytes], bytes | None]


class _Change(NamedTuple):
    """Items `first` to `last` of the base became these."""

    first: int
    last: int
    items: tuple[bytes, ...]

    @property
    def is_one_for_one(self) -> bool:
        return self.last - self.first == len(self.items) == 1

    def meets(self, other: _Change) -> bool:
        """True when they overlap, or touch and it is not plain what belongs where."""
        if self.is_one_for_one and other.is_one_for_one:
            return self.first == other.first
        return self.first <= other.last and other.first <= self.last


def join(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Both changes of a text; None where both change the same tokens of it, or it is not plain.

    Lines that were replaced one for one are joined each for itself, however near they lie; of a line
    that both replaced, so are the tokens.
    """
    lines = [text.splitlines(keepends=True) for text in (base, ours, theirs)]
    return _weave(lines[0], lines[1], lines[2], _join_line)


def _join_line(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    tokens = [_TOKEN.findall(line) for line in (base, ours, theirs)]
    return _weave(tokens[0], tokens[1], tokens[2], None)


def _weave(base: Items, ours: Items, theirs: Items, finer: Finer | None) -> bytes | None:
    """The base with both changes in it; `finer` joins an item that both replaced."""
    changes = {change: None for change in _changes(base, ours)}
    for change in _changes(base, theirs):
        met = [other for other in changes if other != change and other.meets(change)]
        if not met:
            changes[change] = None
            continue
        both = (*met, change)
        if finer is None or len(both) > 2 or not all(one.is_one_for_one for one in both):
            return None
        joined = finer(base[change.first], met[0].items[0], change.items[0])
        if joined is None:
            return None
        del changes[met[0]]
        changes[_Change(change.first, change.last, (joined,))] = None
    woven, at = [], 0
    for change in sorted(changes):
        woven += [*base[at : change.first], *change.items]
        at = change.last
    return b"".join([*woven, *base[at:]])


def _changes(base: Items, other: Items) -> list[_Change]:
    found: list[_Change] = []
    for kind, first, last, start, end in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if last - first == end - start:
            pairs = zip(range(first, last), other[start:end], strict=True)
            found += [_Change(place, place + 1, (item,)) for place, item in pairs if item != base[place]]
        else:
            found.append(_Change(first, last, tuple(other[start:end])))
    return found
