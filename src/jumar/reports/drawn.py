"""Small pictures of a page, as SVG of its own: bars of a waterfall, and predicted against measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jumar.reports.foretold import Foretold
from jumar.reports.markup import Markup, join, tag
from jumar.reports.words import percent

_WIDTH, _HEIGHT = 640.0, 340.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 74.0, 14.0, 14.0, 46.0
_FAR = 3.0  # what is so many times the spread of the middle half beyond that half sets no scale
_MOST_TICKS = 6


def bar(start: float, end: float, low: float, high: float) -> Markup:
    """One step of a waterfall, from `start` to `end`, on a scale from `low` to `high`."""
    span = (high - low) or 1.0
    left, right = sorted(100 * (each - low) / span for each in (start, end))
    zero = 100 * (0.0 - low) / span
    return tag(
        "svg",
        tag("line", x1=f"{zero:.2f}", x2=f"{zero:.2f}", y1="0", y2="10"),
        tag(
            "rect", x=f"{left:.2f}", y="1", width=f"{max(0.4, right - left):.2f}", height="8",
            class_="up" if end >= start else "down",
        ),
        viewBox="0 0 100 10", preserveAspectRatio="none", class_="bar", aria_hidden="true",
    )  # fmt: skip


def scatter(points: Sequence[Foretold]) -> tuple[Markup, int]:
    """Predicted against measured, a dot each; and how many dots are beyond the scale, at its edge."""
    across = _Axis([one.predicted for one in points], _LEFT, _WIDTH - _RIGHT)
    up = _Axis([one.measured for one in points], _HEIGHT - _BOTTOM, _TOP)
    ordered = sorted(points, key=lambda one: one.kept)  # what was kept lies on top
    beyond = sum(not (across.holds(one.predicted) and up.holds(one.measured)) for one in points)
    drawn = tag(
        "svg",
        _grid(across, up),
        _as_predicted(across, up),
        *(_dot(one, across, up) for one in ordered),
        tag("text", "predicted", x=f"{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}", y=f"{_HEIGHT - 8:.0f}",
            text_anchor="middle"),
        tag("text", "measured", x="16", y=f"{(_TOP + _HEIGHT - _BOTTOM) / 2:.0f}", text_anchor="middle",
            transform=f"rotate(-90 16 {(_TOP + _HEIGHT - _BOTTOM) / 2:.0f})"),
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}", class_="scatter", role="img",
        aria_label="predicted against measured gains",
    )  # fmt: skip
    return drawn, beyond


class _Axis:
    """Maps shares to pixels; the scale holds zero and most of what is drawn."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        low, high = min(0.0, *_usual(values)), max(0.0, *_usual(values))
        room = 0.06 * (high - low) or 0.01
        self.low, self.high = low - room, high + room
        self._first, self._last = first, last

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def at(self, value: float) -> float:
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return self._first + share * (self._last - self._first)

    def ticks(self) -> list[float]:
        """Round shares on the scale, zero among them."""
        rough = (self.high - self.low) / _MOST_TICKS
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
        return [n * step for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _usual(values: Sequence[float]) -> list[float]:
    """The values but for those that are far from most."""
    ordered = sorted(values)
    lower, upper = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
    reach = _FAR * (upper - lower)
    return [value for value in ordered if lower - reach <= value <= upper + reach]


def _grid(across: _Axis, up: _Axis) -> Markup:
    lines: list[Markup] = []
    for value in across.ticks():
        x = f"{across.at(value):.1f}"
        lines += [
            tag("line", x1=x, x2=x, y1=f"{_TOP}", y2=f"{_HEIGHT - _BOTTOM}", class_="" if value else "zero"),
            tag("text", _tick(value), x=x, y=f"{_HEIGHT - _BOTTOM + 16}", text_anchor="middle"),
        ]
    for value in up.ticks():
        y = f"{up.at(value):.1f}"
        lines += [
            tag("line", y1=y, y2=y, x1=f"{_LEFT}", x2=f"{_WIDTH - _RIGHT}", class_="" if value else "zero"),
            tag("text", _tick(value), x=f"{_LEFT - 6}", y=y, text_anchor="end", dy=".35em"),
        ]
    return tag("g", *lines, class_="grid")


def _tick(value: float) -> str:
    return f"{100 * value:+.4g} %" if value else "0"


def _as_predicted(across: _Axis, up: _Axis) -> Markup:
    """Where what was predicted was measured."""
    low, high = max(across.low, up.low), min(across.high, up.high)
    ends = {"x1": across.at(low), "y1": up.at(low), "x2": across.at(high), "y2": up.at(high)}
    return tag("line", class_="ideal", **{name: f"{value:.1f}" for name, value in ends.items()})


def _dot(one: Foretold, across: _Axis, up: _Axis) -> Markup:
    said = f"#{one.experiment}: predicted {percent(one.predicted, signed=True)}, "
    said += f"measured {percent(one.measured, signed=True)} (uncertified)"
    inside = across.holds(one.predicted) and up.holds(one.measured)
    return tag(
        "circle", join(tag("title", said)), cx=f"{across.at(one.predicted):.1f}",
        cy=f"{up.at(one.measured):.1f}", r="5" if one.kept else "3.5",
        class_=("win" if one.kept else "try") + ("" if inside else " off"),
    )  # fmt: skip
