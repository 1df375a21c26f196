"""What runs of the unchanged target say of one another, alone and beside neighbours."""

from __future__ import annotations

import pytest

from jumar.core.contract import Direction, Metric
from jumar.rules.neighbours import Beside, Round, Taken, beside, levels, workers_that_compare

LOSS = Metric(name="loss")


def rounds(*factors: float, pace: float | None = 100.0) -> list[Round]:
    """Three seeds that differ by 0.2 %; beside neighbours each value is times its factor."""
    return [
        Round(
            alone=Taken(value=value, pace=pace),
            beside=(Taken(value=value * factor, pace=pace and pace / factor),) * 2,
        )
        for value, factor in zip((2.0, 2.004, 1.996), factors, strict=True)
    ]


def test_what_changes_less_than_the_bar_is_comparable_and_more_is_not() -> None:
    little = beside(2, rounds(1.004, 1.006, 1.005), LOSS)
    assert little.comparable and little.worse == pytest.approx(0.005) and little.bearable == 0.01
    assert little.slower == pytest.approx(0.005, abs=1e-4) and 0 < little.error < 0.01
    assert little.words.startswith("0.50% worse (±0.25%) than alone, 0.5% fewer steps; ")
    much = beside(2, rounds(1.05, 1.04, 1.06, pace=None), LOSS)
    assert not much.comparable and much.slower is None and "steps" not in much.words
    better = beside(2, rounds(0.9, 0.9, 0.9), LOSS)
    assert not better.comparable, "better than alone is another measurement, too"


def test_a_noisy_target_bears_what_its_noise_hides() -> None:
    found = beside(
        4,
        [Round(alone=Taken(value=value), beside=(Taken(value=value * 0.96),)) for value in (1.0, 1.1, 0.9)],
        Metric(name="score", direction=Direction.MAXIMIZE),
    )
    assert found.worse == pytest.approx(0.04) and found.bearable == pytest.approx(0.1) and found.comparable


def test_the_most_workers_are_those_up_to_which_nobody_disturbed_anybody() -> None:
    def found(workers: int, worse: float) -> Beside:
        return Beside(workers=workers, worse=worse, error=0.001, slower=None, bearable=0.01)

    assert workers_that_compare({}) == 1
    assert workers_that_compare({2: found(2, 0.03)}) == 1
    assert workers_that_compare({2: found(2, 0.001), 4: found(4, 0.02), 8: found(8, 0.0)}) == 2


@pytest.mark.parametrize(
    ("most", "looked_at"),
    [(1, ()), (2, (2,)), (3, (2, 3)), (6, (2, 4, 6)), (8, (2, 4, 8)), (9, (2, 4, 8, 9))],
)
def test_numbers_of_workers_are_doubled_up_to_what_there_is_room_for(
    most: int, looked_at: tuple[int, ...]
) -> None:
    assert levels(most) == looked_at
