"""Owns what a study learned: predicted and measured gain side by side, and a lesson from each experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from jumar.core.contract import Metric
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.verdict import Decision
from jumar.rules.recollection import Recollection, end_of
from jumar.rules.simpler import is_simplification
from jumar.rules.telling import measured_share, names_in_words

FAR_OFF = 2.0  # a measured gain so many times larger or smaller than predicted is worth a word


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment's lesson. Gains are shares: 0.01 is 1 % better."""

    experiment: int
    agent: str
    hypothesis: str
    decision: Decision
    predicted: float | None
    measured: float | None
    lesson: str
    said_by_agent: bool  #: else it follows from the verdict by rule


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How good an agent's predictions were: gains as shares, medians over what was predicted and measured."""

    agent: str
    compared: int
    right_direction: int  #: better was predicted and measured, or neither was
    median_predicted: float
    median_measured: float


def lessons(
    recollection: Recollection, history: Sequence[ExperimentRecord], metric: Metric
) -> tuple[Learned, ...]:
    """What every judged experiment taught, oldest first."""
    return tuple(
        learned(record, measured_share(record, metric), recollection.lessons.get(record.number))
        for record in history
        if record.number != BASELINE and record.verdict is not None
    )


def calibrations(records: Iterable[ExperimentRecord], metric: Metric) -> tuple[Calibration, ...]:
    """Predicted beside measured by agent; none for agents that predict nothing.

    Of what was overtaken only the trial on the new champion counts: its own was not finished.
    """
    by_agent: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        predicted, measured = record.experiment.predicted, measured_share(record, metric)
        if predicted is not None and measured is not None:
            by_agent.setdefault(record.experiment.agent, []).append((predicted, measured))
    return calibrated(by_agent)


def calibrated(by_agent: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[Calibration, ...]:
    """The same from each agent's predicted and measured gains."""
    return tuple(
        Calibration(
            agent=agent,
            compared=len(pairs),
            right_direction=sum((predicted > 0) == (measured > 0) for predicted, measured in pairs),
            median_predicted=median(predicted for predicted, _ in pairs),
            median_measured=median(measured for _, measured in pairs),
        )
        for agent, pairs in sorted(by_agent.items())
    )


def lesson_of(record: ExperimentRecord, metric: Metric) -> str:
    """The lesson that follows from an experiment's verdict; nothing while there is none."""
    if record.number == BASELINE or record.verdict is None:
        return ""
    return _by_rule(record, measured_share(record, metric))


def learned(record: ExperimentRecord, gain: float | None, said: str | None) -> Learned:
    """One experiment's lesson: what an agent `said`, or what follows by rule; `gain` is a share."""
    assert record.verdict is not None
    return Learned(
        experiment=record.number,
        agent=record.experiment.agent,
        hypothesis=record.experiment.hypothesis,
        decision=record.verdict.decision,
        predicted=record.experiment.predicted,
        measured=gain,
        lesson=said or _by_rule(record, gain),
        said_by_agent=said is not None,
    )


def _by_rule(record: ExperimentRecord, gain: float | None) -> str:
    """The lesson that follows from the verdict alone."""
    verdict = record.verdict
    assert verdict is not None
    what = f"changing {names_in_words(record.experiment.touched, 3) or 'it'} this way"
    if record.refuted:
        return what + _taken_back(record)
    if verdict.decision is Decision.KEPT:
        return f"{what} helps{_beside(record.experiment.predicted, gain)}"
    if verdict.decision is Decision.INVALID:
        return f"not a question of the code: {end_of(record)}"
    if verdict.decision is Decision.FAILED:
        return f"{what} ends a run: {end_of(record)}"
    return what + _discarded(record, gain, end_of(record))


def _taken_back(record: ExperimentRecord) -> str:
    """What its own runs, or a certification of it or of what was built on it, said later."""
    if "gave no number in" in record.refuted:
        return " ended runs later on: it was taken back"
    if record.verdict and is_simplification(record.verdict):
        return " left less code, and was taken back with the champion that it was part of"
    if record.refuted.startswith("refuted"):
        return " looked better and was not, in the fresh runs of a certification"
    return " looked better, and was taken back since"


def _discarded(record: ExperimentRecord, gain: float | None, end: str) -> str:
    if end in ("guard", "check failed"):
        return f" breaks what must hold: {end}"
    if end == "overtaken":
        return " was promising, and was not judged: the champion had changed meanwhile"
    if end == "rejected":
        return " was better by its score, and a person did not want it"
    if end in ("undecided", "did not hold"):
        return " is too close to call"
    if end == "stopped":
        return " is not worth a whole run"
    return f" does not help{_beside(record.experiment.predicted, gain)}"


def _beside(predicted: float | None, measured: float | None) -> str:
    if not predicted or measured is None:
        return ""
    if predicted * measured <= 0:
        return "; the opposite was predicted"
    ratio = measured / predicted
    if ratio >= FAR_OFF:
        return f", {ratio:.1f} times as much as predicted"
    return f", {1 / ratio:.1f} times less than predicted" if ratio <= 1 / FAR_OFF else ", about as predicted"
