"""Knob values as coordinates, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.agents.knobs import Knob, find_knobs
from jumar.agents.ranges import Kind, Range, Scale
from jumar.agents.space import bounds, coordinate, value_at, widened

RANGES = [
    Range(kind=Kind.FLOAT, low=1e-4, high=0.1, scale=Scale.LOG),
    Range(kind=Kind.FLOAT, low=0.0, high=1.0),
    Range(kind=Kind.FLOAT, low=0.8, high=0.999, scale=Scale.COMPLEMENT),
    Range(kind=Kind.INT, low=1, high=100, scale=Scale.LOG),
    Range(kind=Kind.INT, low=16, high=1024, scale=Scale.POWER),
    Range(kind=Kind.CHOICE, choices=(4, 8, 32), scale=Scale.STEPS),
    Range(kind=Kind.CHOICE, choices=("a", "b"), scale=Scale.NAMES),
]


@pytest.mark.parametrize("range_", RANGES, ids=lambda range_: f"{range_.kind.value}-{range_.scale.value}")
@given(share=st.floats(0, 1))
def test_a_value_stands_where_it_was_found(range_: Range, share: float) -> None:
    low, high = bounds(range_)
    value = value_at(range_, low + share * (high - low))
    assert value in range_.choices if range_.choices else range_.low <= float(value) <= range_.high
    assert value_at(range_, coordinate(range_, value)) == value


def test_numbers_have_three_digits() -> None:
    assert value_at(RANGES[0], -7.1234567) == 0.00717
    assert value_at(RANGES[2], 6.0) == 0.984


def test_powers_of_two_stay_powers_of_two() -> None:
    assert {value_at(RANGES[4], place / 7) for place in range(100)} == {2**n for n in range(4, 11)}


def test_whole_numbers_stay_whole() -> None:
    assert all(isinstance(value_at(RANGES[3], place / 9), int) for place in range(60))


def only(source: bytes) -> Knob:
    (knob,) = find_knobs("t.py", source)
    return knob


def test_a_range_grows_to_hold_what_was_seen() -> None:
    wide = widened(only(b"LR = 1e-3"), [1e-5, 0.5, -1.0, "x"])
    assert (wide.range.low, wide.range.high) == (1e-5, 0.5)


def test_choices_that_a_person_gave_stay_as_they_are() -> None:
    knob = only(b"W = 4  # one of: 4, 8")
    assert widened(knob, [16]) == knob


def test_a_value_that_the_scale_cannot_hold_stands_at_the_end() -> None:
    assert coordinate(RANGES[0], 0.0) == bounds(RANGES[0])[0]
    assert coordinate(RANGES[2], 1.0) == bounds(RANGES[2])[1]
    assert coordinate(RANGES[5], 30) == 2
    assert coordinate(RANGES[6], "x") == 0
