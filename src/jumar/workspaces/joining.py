"""Joins two changes of one text where git sees a conflict: neighbouring lines, or values on one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import cycle, takewhile
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

    @property
    def size(self) -> int:
        return max(self.last - self.first, len(self.items))

    def turned(self, length: int) -> _Change:
        """The same change of the base turned round."""
        return _Change(length - self.last, length - self.first, self.items[::-1])

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
    first, second = _changes(base, ours), _changes(base, theirs)
    if first is None or second is None:
        return None
    changes = dict.fromkeys(first)
    for change in second:
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


def _changes(base: Items, other: Items) -> list[_Change] | None:
    """What became of the base; None where it is not plain which of several alike items stayed.

    It is plain where as many items are there as before, and fewer have changed in their places than any
    other reading says; or where reading from the end finds the same as reading from the start.
    """
    found = _read(base, other)
    if len(base) == len(other):
        in_place = _one_for_one(0, base, other)
        if len(in_place) < sum(change.size for change in found):
            return in_place
    turned = _read(base[::-1], other[::-1])
    return found if found == [change.turned(len(base)) for change in reversed(turned)] else None


def _read(base: Items, other: Items) -> list[_Change]:
    found: list[_Change] = []
    codes = SequenceMatcher(None, base, other, autojunk=False).get_opcodes()
    for place, (kind, first, last, start, end) in enumerate(codes, start=1):
        if kind == "equal":
            continue
        if last - first == end - start:
            found += _one_for_one(first, base[first:last], other[start:end])
            continue
        change = _Change(first, last, tuple(other[start:end]))
        after = codes[place][2] if place < len(codes) else last  # the end of the items that are equal
        found.append(_widened(change, base, found[-1].last if found else 0, after))
    return found


def _widened(change: _Change, base: Items, low: int, high: int) -> _Change:
    """What only came or only went, over all the places of the base where that makes the same text."""
    first, last, items = change
    if first < last and items:
        return change
    moved = items or tuple(base[first:last])
    up = (old == new for old, new in zip(reversed(base[low:first]), cycle(reversed(moved)), strict=False))
    down = (old == new for old, new in zip(base[last:high], cycle(moved), strict=False))
    above, below = first - sum(takewhile(bool, up)), last + sum(takewhile(bool, down))
    return _Change(above, below, (*base[above:first], *items, *base[last:below]))


def _one_for_one(first: int, base: Items, other: Items) -> list[_Change]:
    """Where items differ from those in their places; they begin at `first`."""
    pairs = enumerate(zip(base, other, strict=True), first)
    return [_Change(place, place + 1, (new,)) for place, (old, new) in pairs if old != new]
