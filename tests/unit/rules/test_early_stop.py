from __future__ import annotations

import math

import pytest

from jumar.core.curve import Curve, Point
from jumar.rules.early_stop import hopeless, is_exempt


def curve(until: float, *, pace: float = 1.0, offset: float = 0.0, points: int = 200) -> Curve:
    """A loss that falls as training losses do; `pace` 0.5 learns half as fast."""
    return tuple(
        Point(k / points, 3.0 + 3.0 * math.exp(-4 * pace * k / points) + offset)
        for k in range(1, int(until * points) + 1)
    )


def beside(candidate: Curve, reference: Curve, *, exempt: bool) -> str | None:
    return hopeless(candidate, (reference,), exempt=exempt)


CHAMPION = curve(1.0)


def test_a_run_that_learns_half_as_fast_is_hopeless_at_two_fifths() -> None:
    reason = beside(curve(0.41, pace=0.5), CHAMPION, exempt=False)
    assert reason is not None
    assert "at 40% of the budget" in reason or "at 41% of the budget" in reason


def test_nothing_is_stopped_before_two_fifths_of_its_budget() -> None:
    assert beside(curve(0.39, pace=0.01), CHAMPION, exempt=False) is None


def test_a_run_a_little_behind_goes_on() -> None:
    assert beside(curve(0.5, pace=0.9), CHAMPION, exempt=False) is None
    assert beside(curve(0.5), CHAMPION, exempt=False) is None


def test_a_run_ahead_goes_on_to_its_end() -> None:
    assert beside(curve(1.0, pace=1.2), CHAMPION, exempt=False) is None


def test_an_exempt_run_is_never_stopped() -> None:
    assert beside(curve(0.9, pace=0.01), CHAMPION, exempt=True) is None


def test_only_who_is_behind_every_run_of_the_unchanged_target_is_stopped() -> None:
    slow, slower = curve(1.0, pace=0.4), curve(0.5, pace=0.5)
    assert hopeless(slower, (CHAMPION, curve(0.1)), exempt=False)  # one of them covers no part of it
    assert hopeless(slower, (CHAMPION, slow), exempt=False) is None
    assert hopeless(slower, (), exempt=False) is None


def test_nothing_is_stopped_when_most_of_its_budget_is_spent() -> None:
    assert beside(curve(0.76, pace=0.01), CHAMPION, exempt=False) is None


def test_one_wild_batch_stops_nothing() -> None:
    spiked = (*curve(0.45)[:-1], Point(0.45, 5.0))
    assert beside(spiked, CHAMPION, exempt=False) is None


@pytest.mark.parametrize("champion", [(), CHAMPION[:1], curve(0.2), CHAMPION[99:]])
def test_a_champion_that_left_too_little_of_a_curve_stops_nobody(champion: Curve) -> None:
    assert beside(curve(0.5, pace=0.01), champion, exempt=False) is None


def test_a_candidate_that_says_too_little_is_not_stopped() -> None:
    assert beside((), CHAMPION, exempt=False) is None
    assert beside((Point(0.5, 99.0),), CHAMPION, exempt=False) is None


def test_sparse_curves_are_compared_as_well() -> None:
    sparse = CHAMPION[13::28]  # seven points, as a short run leaves them
    slow = curve(1.0, pace=0.5)[13::28]
    assert beside(slow[:2], sparse, exempt=False) is None
    assert beside(slow[:4], sparse, exempt=False)
    assert beside(sparse[:4], sparse, exempt=False) is None


def test_points_out_of_order_or_at_one_place_do_no_harm() -> None:
    jumbled = (*CHAMPION[::-1], Point(0.5, 9.0), Point(0.5, 9.0))
    assert beside(jumbled, jumbled, exempt=False) is None
    assert beside(curve(0.5), jumbled, exempt=False) is None
    assert beside((Point(0.5, 9.0), Point(0.5, 9.0)), jumbled, exempt=False)


def test_a_champion_whose_loss_rises_leaves_a_margin_all_the_same() -> None:
    rising = tuple(Point(k / 100, 1.0 + k / 100) for k in range(1, 101))
    assert beside(rising[:50], rising, exempt=False) is None
    worse = tuple(Point(point.progress, point.loss + 1) for point in rising[:50])
    assert beside(worse, rising, exempt=False)


HEADER = "--- a/train.py\n+++ b/train.py\n@@ -1,3 +1,3 @@ def decay_schedule():\n"


@pytest.mark.parametrize(
    "line",
    [
        "+WARMUP_STEPS = 100",
        "-    lr = base * cosine(progress)",
        "+lr_decay = 0.1",
        "+    ema.update(model)",
        "+scheduler = OneCycle(optimizer)",
        "+model = AveragedModel(model)",
        "+cooldownFraction = 0.4",
        "-loss = cross_entropy(logits, targets)",
        "+DROPOUT = 0.1",
    ],
)
def test_edits_of_schedules_averages_and_the_loss_itself_are_exempt(line: str) -> None:
    assert is_exempt(HEADER + " x = 1\n" + line + "\n")


@pytest.mark.parametrize(
    "line",
    [
        "+WEIGHT_DECAY = 0.1",
        "+optimizer = AdamW(weight_decay=0.1, weightDecay=1)",
        "-schema = load(remainder)",
        "+BATCH = 16",
        " warmup = 10",
        "+swap(gloss, remaining)",
    ],
)
def test_other_edits_are_not(line: str) -> None:
    assert not is_exempt(HEADER + line + "\n")
