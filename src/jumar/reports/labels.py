"""Decides which dots of a chart are labelled, so that no label meets another or leaves the picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec


class Box(msgspec.Struct, frozen=True):
    """An upright rectangle in pixels, the origin at the lower left."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float, margin: float) -> bool:
        """True for a point inside, or less than `margin` away."""
        return (
            self.left - margin <= x <= self.right + margin and self.bottom - margin <= y <= self.top + margin
        )

    def meets(self, other: Box) -> bool:
        """True when the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A dot that would like a label: texts from long to short, each with its width in pixels."""

    x: float
    y: float
    texts: tuple[tuple[str, float], ...]


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A label that found its place: it begins at the dot, or ends there when not `forward`."""

    index: int
    text: str
    forward: bool


class Slots(msgspec.Struct, frozen=True, kw_only=True):
    """Where labels may go: all turned by one angle, inside the frame, outside the obstacles."""

    angle_deg: float
    height: float  #: of a line of text
    gap: float  #: between a dot and its label
    frame: Box
    obstacles: tuple[Box, ...] = ()


class _Span(msgspec.Struct, frozen=True):
    """A label in the turned frame, where it is upright: from start to end on a line."""

    start: float
    end: float
    line: float

    def meets(self, other: _Span, height: float) -> bool:
        """True when the two overlap, or follow each other so closely that they read as one."""
        apart = other.end + height < self.start or self.end + height < other.start
        return not apart and abs(self.line - other.line) < height


def place_labels(wanted: Sequence[Wanted], order: Iterable[int], slots: Slots, *, most: int) -> list[Placed]:
    """Give labels to at most so many dots, in the order given; a dot without room goes without.

    No label meets another, a dot that is not its own, an obstacle, or the edge of the frame.
    """
    turn = _Turn(slots.angle_deg)
    dots = [_Span(u, u, v) for u, v in (turn.there(dot.x, dot.y) for dot in wanted)]
    taken: list[_Span] = []
    placed: list[Placed] = []
    for index in order:
        if len(placed) == most:
            break
        others = [dot for n, dot in enumerate(dots) if n != index]
        for span, text, forward in _ways(dots[index], wanted[index], slots.gap):
            if not all(_is_open(x, y, slots) for x, y in turn.along(span, slots.height)):
                continue
            if any(span.meets(other, slots.height) for other in taken):
                continue
            if any(span.meets(dot, slots.height * 0.7) for dot in others):
                continue
            taken.append(span)
            placed.append(Placed(index=index, text=text, forward=forward))
            break
    return placed


class _Turn:
    """Turns pixels into the frame in which labels are upright, and back."""

    def __init__(self, angle_deg: float) -> None:
        self._cos, self._sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))

    def there(self, x: float, y: float) -> tuple[float, float]:
        return x * self._cos + y * self._sin, y * self._cos - x * self._sin

    def along(self, span: _Span, step: float) -> Iterator[tuple[float, float]]:
        """Points in pixels along a label, no further apart than `step`."""
        steps = max(1, math.ceil((span.end - span.start) / step))
        for n in range(steps + 1):
            u = span.start + (span.end - span.start) * n / steps
            yield u * self._cos - span.line * self._sin, u * self._sin + span.line * self._cos


def _ways(dot: _Span, wanted: Wanted, gap: float) -> Iterator[tuple[_Span, str, bool]]:
    for text, width in wanted.texts:
        yield _Span(dot.end + gap, dot.end + gap + width, dot.line), text, True
        yield _Span(dot.start - gap - width, dot.start - gap, dot.line), text, False


def _is_open(x: float, y: float, slots: Slots) -> bool:
    margin = slots.height / 2
    return slots.frame.holds(x, y, -margin) and not any(box.holds(x, y, margin) for box in slots.obstacles)
