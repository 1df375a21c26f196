from __future__ import annotations

import pytest

from jumar.rules.ahead import how_many


@pytest.mark.parametrize(
    ("thinking_s", "experiment_s", "slots", "wanted"),
    [
        (10, 30, 1, 1),  # ready before the slot is free
        (10, 30, 4, 4),  # slots become free together
        (30, 30, 1, 2),  # as long as an experiment: the next one is begun before this one is used
        (60, 30, 1, 3),
        (60, 30, 2, 6),
        (3600, 30, 1, 4),
        (0, 30, 2, 2),
        (10, 0, 2, 2),  # nothing ran yet
    ],
)
def test_so_many_proposals_are_in_hand(
    thinking_s: float, experiment_s: float, slots: int, wanted: int
) -> None:
    assert how_many(thinking_s, experiment_s, slots, 4) == wanted
