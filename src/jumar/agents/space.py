"""Where knobs are points: turns values into coordinates on which near is alike, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from jumar.agents.knobs import Knob
from jumar.agents.literals import Value, is_same
from jumar.agents.ranges import Kind, Range, Scale

Values = Mapping[str, Value]
SIGNIFICANT = 3  # digits of a proposed number: finer differences are within any noise


def widened(knob: Knob, seen: Iterable[Value]) -> Knob:
    """The knob with a range that holds its own value and every value it has had in this study.

    The derived range moves with the champion; without this an old result would lie outside of it.
    """
    range_ = knob.range
    if range_.choices:  # said by a person, or all there is
        return knob
    numbers = [float(v) for v in (*seen, knob.value) if not isinstance(v, bool | str) and _fits(range_, v)]
    return replace(
        knob, range=replace(range_, low=min([range_.low, *numbers]), high=max([range_.high, *numbers]))
    )


def _fits(range_: Range, number: float) -> bool:
    match range_.scale:
        case Scale.LOG | Scale.POWER:
            return number > 0
        case Scale.COMPLEMENT:
            return number < 1
    return True


def bounds(range_: Range) -> tuple[float, float]:
    """Lowest and highest coordinate of a range."""
    if range_.choices:
        return 0.0, len(range_.choices) - 1.0
    low, high = sorted((_to(range_.scale, range_.low), _to(range_.scale, range_.high)))
    return (math.floor(low), math.ceil(high)) if range_.scale is Scale.POWER else (low, high)


def coordinate(range_: Range, value: Value) -> float:
    """Where a value lies; a value outside of the range lies at its nearer end."""
    low, high = bounds(range_)
    if range_.choices:
        return float(_place(range_, value))
    number = float(value)
    if not _fits(range_, number):
        return high if range_.scale is Scale.COMPLEMENT else low
    return min(max(_to(range_.scale, number), low), high)


def value_at(range_: Range, place: float) -> Value:
    """The value at a coordinate, rounded to what a person would write."""
    low, high = bounds(range_)
    place = min(max(place, low), high)
    if range_.choices:
        return range_.choices[round(place)]
    if range_.scale is Scale.COMPLEMENT:
        return round(1 - _rounded(2.0**-place, SIGNIFICANT - 1), 12)
    if range_.scale is Scale.POWER:
        number = 2.0 ** round(place)
    else:
        number = _rounded(place if range_.scale is Scale.LINEAR else 2.0**place)
    if range_.kind is Kind.INT:
        return int(min(max(round(number), math.ceil(range_.low)), math.floor(range_.high)))
    return min(max(number, range_.low), range_.high)


def _place(range_: Range, value: Value) -> int:
    for place, choice in enumerate(range_.choices):
        if is_same(choice, value):
            return place
    if range_.scale is Scale.NAMES:
        return 0
    return min(range(len(range_.choices)), key=lambda i: abs(float(range_.choices[i]) - float(value)))


def _to(scale: Scale, number: float) -> float:
    if scale is Scale.COMPLEMENT:
        return -math.log2(1 - number)
    return number if scale is Scale.LINEAR else math.log2(number)


def _rounded(number: float, digits: int = SIGNIFICANT) -> float:
    return float(f"{number:.{digits}g}")
