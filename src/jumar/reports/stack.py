"""What a champion's gain is made of: the keeps that it stands on, one after the other, and if they add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from jumar.core.contract import Metric
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports.findings import share_of
from jumar.reports.values import Values, tried

MOST_TOGETHER = 20
MOST_STEPS = 40


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A keep on the way from the baseline to the champion.

    `value` is the mean of its fresh runs, and `gain` what the champion moved by, as a share of the
    *baseline's* value: the steps add up to the search's own gain. None where there is no value.
    """

    experiment: int
    hypothesis: str
    agent: str
    value: float | None
    gain: float | None


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was measured twice: on the champion it was made for, and on top of another keep.

    Gains are shares of the champion it was compared with, uncertified.
    """

    experiment: int  #: that tried it on top
    first: int  #: that tried it alone
    hypothesis: str
    alone: float
    confirmed: bool  #: by pairs of runs; else as one look saw it
    on_top_of: int
    on_top: float


def steps_to(
    record: StudyRecord, experiments: Sequence[ExperimentRecord], values: Values, metric: Metric
) -> tuple[Step, ...]:
    """The keeps that the champion stands on, the oldest first; empty while it is the baseline."""
    by_number = {one.number: one for one in experiments}
    kept = {one.experiment.commit: one for one in experiments if one.is_kept}
    line: list[ExperimentRecord] = []
    one = by_number.get(record.champion)
    while one is not None and one.number != BASELINE and one not in line:
        line.append(one)
        one = kept.get(one.experiment.parent)
    base = values.of(by_number[BASELINE]) if BASELINE in by_number else None
    steps, before = [], base
    for one in reversed(line):
        value = values.of(one)
        moved = None if value is None or before is None else metric.gain(before, value)
        steps.append(
            Step(
                experiment=one.number,
                hypothesis=one.experiment.hypothesis,
                agent=one.experiment.agent,
                value=value,
                gain=None if moved is None or base is None else share_of(moved, base),
            )
        )
        before = value
    return tuple(steps)


def measured_together(experiments: Sequence[ExperimentRecord]) -> tuple[Together, ...]:
    """The latest of the changes whose effect was measured alone and on top of another, the latest first."""
    found = [both for one in reversed(tried(experiments)) if (both := _together(one))]
    return tuple(found[:MOST_TOGETHER])


def _together(record: ExperimentRecord) -> Together | None:
    seen: Mapping[str, Any] | None = record.verdict.evidence.get("additivity") if record.verdict else None
    if not isinstance(seen, Mapping):
        return None
    level = float(record.verdict.evidence.get("champion") or seen["champion"]) if record.verdict else 0.0
    return Together(
        experiment=record.number,
        first=int(seen["experiment"]),
        hypothesis=record.experiment.hypothesis,
        alone=share_of(seen["gain"], seen["champion"]),
        confirmed=bool(seen["confirmed"]),
        on_top_of=int(seen["on_top_of"]),
        on_top=share_of(seen["on_top"], level),
    )


def abridged(steps: Sequence[Step], most: int = MOST_STEPS) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps to show, in their order, and those that are smaller than any of them."""
    if len(steps) <= most:
        return tuple(steps), ()
    largest = sorted(steps, key=lambda step: -abs(step.gain or 0.0))[:most]
    shown = {step.experiment for step in largest}
    return (
        tuple(step for step in steps if step.experiment in shown),
        tuple(step for step in steps if step.experiment not in shown),
    )
