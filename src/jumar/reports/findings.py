"""What a study found: wins ranked by how sure they are, near misses, failures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Metric
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import MOST, Failed
from jumar.core.run import Purpose
from jumar.core.verdict import OVERTAKEN, REJECTED, Decision
from jumar.reports.values import Values, kept, tried
from jumar.rules.certain import certain

MOST_NEAR_MISSES = 20
MOST_EXAMPLES = 5


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was kept. `gain` and `interval` are relative to the champion before it.

    `surety` is the gain in half-widths of its 95 % interval: at 1 the interval just reaches zero.
    None where there is no interval, as with a metric that has no noise.
    """

    experiment: int
    commit: str
    hypothesis: str
    agent: str
    value: float | None
    gain: float | None
    interval: tuple[float, float] | None
    surety: float | None
    predicted: float | None
    reason: str
    evidence: Mapping[str, Any]
    certain: bool = False  #: by itself, and not only as one of many that are false in a tenth at most
    refuted: str = ""  #: why a certification took it back


class NearMiss(msgspec.Struct, frozen=True, kw_only=True):
    """A change that looked better than the champion and was not shown to be."""

    experiment: int
    hypothesis: str
    gain: float  #: relative, as far as it was seen
    reason: str


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Experiments without a number that failed for the same reason."""

    why: str
    count: int
    examples: tuple[int, ...]  #: the latest of them
    detail: str  #: the latest one's own words


def relative_gain(record: ExperimentRecord, values: Values, metric: Metric, parent: float) -> float | None:
    """The experiment's gain as a share of its parent's value: the judge's estimate where it gave one."""
    if record.verdict and record.verdict.gain is not None:
        return share_of(record.verdict.gain, parent)
    value = values.of(record)
    return None if value is None else metric.relative_gain(parent, value)


def share_of(gain: float, level: float) -> float:
    """A gain as a share of a level's size; of none, the gain itself. Never more than one can reckon with."""
    return max(-MOST, min(MOST, gain / abs(level) if level else gain))


def parents(experiments: Sequence[ExperimentRecord], values: Values) -> dict[str, float]:
    """The values of the commits that experiments started from."""
    levels = [record for record in experiments if record.number == BASELINE or record.is_kept]
    known = {record.experiment.commit: values.of(record) for record in levels}
    return {commit: value for commit, value in known.items() if value is not None}


def rank_keeps(experiments: Sequence[ExperimentRecord], values: Values, metric: Metric) -> tuple[Keep, ...]:
    """The kept changes, surest first: without noise, then by surety, then by gain; refuted ones last."""
    before, listed = parents(experiments, values), certain(experiments)
    found = [_keep(record, values, metric, before) for record in kept(experiments)]
    marked = [replace(keep, certain=keep.experiment in listed and not keep.refuted) for keep in found]
    return tuple(sorted(marked, key=_rank))


def _rank(keep: Keep) -> tuple[bool, bool, float, float]:
    exact = keep.interval is None and keep.gain is not None
    return (bool(keep.refuted), not exact, -(keep.surety or 0.0), -(keep.gain or 0.0))


def _keep(record: ExperimentRecord, values: Values, metric: Metric, before: Mapping[str, float]) -> Keep:
    verdict, experiment = record.verdict, record.experiment
    assert verdict is not None
    parent = before.get(experiment.parent)
    gain = None if parent is None else relative_gain(record, values, metric, parent)
    interval = surety = None
    if verdict.interval and verdict.gain is not None:
        low, high = verdict.interval
        scale = abs(parent) if parent else 1.0
        if high > low:
            interval, surety = (low / scale, high / scale), verdict.gain / ((high - low) / 2)
    return Keep(
        experiment=record.number,
        commit=experiment.commit,
        hypothesis=experiment.hypothesis,
        agent=experiment.agent,
        value=values.of(record),
        gain=gain,
        interval=interval,
        surety=surety,
        predicted=experiment.predicted,
        reason=verdict.reason,
        evidence=verdict.evidence,
        refuted=record.refuted,
    )


def near_misses(
    experiments: Sequence[ExperimentRecord], values: Values, metric: Metric
) -> tuple[NearMiss, ...]:
    """Discarded changes that got as far as being confirmed and still looked better, best first.

    Of a change that was overtaken only the trial on the new champion counts: its own was not finished.
    """
    before = parents(experiments, values)
    retried = {record.experiment.details.get("retest_of") for record in experiments}
    found = []
    for record in tried(experiments):
        verdict, parent = record.verdict, before.get(record.experiment.parent)
        if verdict is None or verdict.decision is not Decision.DISCARDED or parent is None:
            continue
        if record.number in retried or verdict.reason.startswith((OVERTAKEN, REJECTED)):
            continue
        if not any(run.run.purpose is Purpose.CONFIRM for run in record.runs):
            continue
        gain = relative_gain(record, values, metric, parent)
        if gain is not None and gain > 0:
            hypothesis = record.experiment.hypothesis
            found.append(
                NearMiss(experiment=record.number, hypothesis=hypothesis, gain=gain, reason=verdict.reason)
            )
    return tuple(sorted(found, key=lambda miss: -miss.gain)[:MOST_NEAR_MISSES])


def group_failures(experiments: Sequence[ExperimentRecord]) -> tuple[FailureGroup, ...]:
    """Failed and invalid experiments by why, the most frequent first."""
    groups: dict[str, list[ExperimentRecord]] = defaultdict(list)
    for record in tried(experiments):
        if why := _why(record):
            groups[why].append(record)
    made = [
        FailureGroup(
            why=why,
            count=len(records),
            examples=tuple(record.number for record in records[-MOST_EXAMPLES:]),
            detail=_detail(records[-1]),
        )
        for why, records in groups.items()
    ]
    return tuple(sorted(made, key=lambda group: (-group.count, group.why)))


def _why(record: ExperimentRecord) -> str | None:
    verdict = record.verdict
    if verdict is None or verdict.decision not in (Decision.FAILED, Decision.INVALID):
        return None
    if verdict.is_withdrawn:
        return "withdrawn before it ran"
    if verdict.decision is Decision.INVALID:
        return f"breach: {verdict.code}" if verdict.code else "breach"
    failures = _failures(record)
    return failures[-1].why.value if failures else "failed"


def _detail(record: ExperimentRecord) -> str:
    failures = _failures(record)
    return failures[-1].detail if failures else record.verdict.reason if record.verdict else ""


def _failures(record: ExperimentRecord) -> list[Failed]:
    return [
        run.outcome
        for run in record.runs
        if isinstance(run.outcome, Failed) and run.run.commit == record.experiment.commit
    ]
