"""The learning curve a run may write to $JUMAR_OUT/curve.jsonl, one JSON object a line.

`{"progress": 0.25, "loss": 2.91, "step": 80}`: progress is the share of the budget spent, 0 to 1;
loss is lower-is-better and free of the metric; step is optional. Written by the candidate, so it
may serve to stop that candidate and for people to look at; its last step is a measurement that a
contract may guard. No verdict rests on it otherwise.
"""

from __future__ import annotations

import math

import msgspec

MOST_POINTS = 20_000  #: what is read of a curve; a longer one is cut
MOST_LINE_BYTES = 1_000  #: a longer line is no point
MOST_PROGRESS = 2.0  #: of a run that went past its budget
MOST_LOSS = 1e100  #: a larger one cannot be averaged


class Point(msgspec.Struct, frozen=True):
    """One point of a learning curve."""

    progress: float
    loss: float
    step: float = 0.0


Curve = tuple[Point, ...]


def read_curve(text: bytes) -> Curve:
    """The points that can be read, in order; lines that are not points are passed over."""
    points: list[Point] = []
    for line in text.splitlines()[:MOST_POINTS]:
        if len(line) > MOST_LINE_BYTES:
            continue
        try:
            point = msgspec.json.decode(line, type=Point)
        except (msgspec.MsgspecError, RecursionError):
            continue
        if (
            0 <= point.progress <= MOST_PROGRESS
            and abs(point.loss) <= MOST_LOSS
            and math.isfinite(point.step)
        ):
            points.append(point)
    return tuple(points)
