from __future__ import annotations

import cmath
import math
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jumar.reports.labels import Box, Placed, Slots, Wanted, place_labels

SLOTS = Slots(angle_deg=30.0, height=12.0, gap=6.0, frame=Box(0, 0, 1000, 500))


def dot(x: float, y: float, *widths: float) -> Wanted:
    return Wanted(x=x, y=y, texts=tuple((f"{width:g} wide", width) for width in widths))


def test_a_dot_with_room_gets_its_longest_text_after_it() -> None:
    placed = place_labels([dot(100, 100, 200, 50)], [0], SLOTS, most=9)
    assert placed == [Placed(index=0, text="200 wide", forward=True)]


def test_near_the_right_edge_a_label_ends_at_its_dot() -> None:
    (placed,) = place_labels([dot(980, 400, 200)], [0], SLOTS, most=9)
    assert not placed.forward


def test_a_label_is_shortened_before_it_leaves_the_picture() -> None:
    (placed,) = place_labels([dot(500, 250, 2000, 100)], [0], SLOTS, most=9)
    assert placed.text == "100 wide"


def test_a_dot_without_any_room_goes_without() -> None:
    assert place_labels([dot(500, 250, 2000)], [0], SLOTS, most=9) == []


def test_the_first_in_order_wins_and_no_more_are_placed_than_asked() -> None:
    dots = [dot(100 + 100 * n, 100, 80) for n in range(5)]
    assert [label.index for label in place_labels(dots, [3, 1, 0], SLOTS, most=2)] == [3, 1]


def test_labels_keep_out_of_obstacles() -> None:
    slots = replace(SLOTS, obstacles=(Box(110, 100, 400, 300),))
    (placed,) = place_labels([dot(100, 100, 80)], [0], slots, most=9)
    assert not placed.forward


def points(dot: Wanted, label: Placed, slots: Slots) -> list[complex]:
    """Pixels along a label's middle, worked out from what the label says alone."""
    width = dict(dot.texts)[label.text]
    way = cmath.rect(1, math.radians(slots.angle_deg)) * (1 if label.forward else -1)
    return [complex(dot.x, dot.y) + way * (slots.gap + width * n / 100) for n in range(101)]


@settings(max_examples=40, deadline=None)
@given(
    dots=st.lists(
        st.builds(dot, st.integers(0, 1000), st.integers(0, 500), st.sampled_from([60, 150, 300])),
        max_size=15,
    ),
    angle_deg=st.sampled_from([30.0, -30.0]),
)
def test_labels_stay_in_the_picture_and_apart_from_one_another(dots: list[Wanted], angle_deg: float) -> None:
    slots = replace(SLOTS, angle_deg=angle_deg)
    placed = place_labels(dots, range(len(dots)), slots, most=99)
    drawn = [points(dots[label.index], label, slots) for label in placed]
    for one in drawn:
        assert all(slots.frame.holds(point.real, point.imag, 0.0) for point in one)
    for one, other in combinations(drawn, 2):
        assert min(abs(a - b) for a in one for b in other[::5]) >= slots.height - 0.01
