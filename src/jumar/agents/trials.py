"""Reads a study's history as an optimiser needs it: which values of the knobs did how well."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import msgspec

from jumar.agents.literals import Value
from jumar.core.agent import Brief
from jumar.core.contract import Guard, Metric
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.outcome import Measured, Stopped
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import Decision
from jumar.rules.guards import broken_guard

Values = Mapping[str, Value]


class Fate(enum.Enum):
    """What came of a trial, as far as an optimiser cares."""

    MEASURED = "measured"
    STOPPED = "stopped"  #: hopeless early on: worse than what was measured, by no known amount
    FAILED = "failed"  #: no number, or void: a place to keep away from
    OPEN = "open"  #: still under way


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment in the eyes of an optimiser.

    `height` is how far it stands above the baseline in the metric's unit (more is better), summed
    over the keeps that lead to it. Each step was measured against its own parent in its own hour,
    so a machine that slows down over the night moves no trial against another. A step that was
    refuted counts for nothing. Only for MEASURED.
    """

    number: int
    commit: str
    fate: Fate
    height: float = 0.0
    changed: tuple[str, ...] = ()  #: names of the knobs it turned, where it says


class Trials:
    """The trials of a study. What was judged never changes, so each is read once."""

    def __init__(self) -> None:
        self._study: tuple[str, str, int] = ("", "", 0)
        self._judged: dict[int, Trial | None] = {}
        self._champions: dict[str, tuple[ExperimentRecord, float]] = {}  # commit → record, height
        self._values: dict[str, Values] = {}  # commit → knobs
        self._tried: set[frozenset[tuple[str, Value]]] = set()

    def read(self, brief: Brief) -> list[Trial]:
        """Every experiment that can be compared, oldest first. The same brief, the same trials."""
        base = brief.history[0].experiment.commit if brief.history else ""
        # A keep that was taken back changes what all that is built on it is worth.
        study = (brief.study, base, sum(1 for record in brief.history if record.refuted))
        if study != self._study:
            self.__init__()  # type: ignore[misc]
            self._study = study
        trials = []
        for record in brief.history:
            if record.number in self._judged:
                trial = self._judged[record.number]
            else:
                trial = self._trial(record, brief)
                if not record.is_open:
                    self._judge(record, trial)
            if trial:
                trials.append(trial)
        return trials

    def values(self, commit: str) -> Values:
        """The knobs of a commit as far as anything that was read says; empty where nothing does."""
        return self._values.get(commit, {})

    def was_tried(self, values: Values) -> bool:
        """True when an experiment said that exactly these were its knobs."""
        return frozenset(values.items()) in self._tried

    def _judge(self, record: ExperimentRecord, trial: Trial | None) -> None:
        self._judged[record.number] = trial
        if trial and (record.is_kept or record.number == BASELINE):
            self._champions[record.experiment.commit] = (record, trial.height)

    def _trial(self, record: ExperimentRecord, brief: Brief) -> Trial | None:
        experiment, measure = record.experiment, brief.contract.measure
        changed = self._note_values(experiment)
        fate = _fate(record, measure.guards, brief.history[0])
        if fate is None:
            return None
        height = 0.0
        if fate is Fate.MEASURED and record.number != BASELINE:
            parent = self._champions.get(experiment.parent)
            if parent is None:
                return None
            height = parent[1]
            if not record.refuted:
                height += _gain(record, parent[0], measure.metric)
        return Trial(
            number=record.number,
            commit=experiment.commit,
            fate=fate,
            height=height,
            changed=changed,
        )

    def _note_values(self, experiment: Experiment) -> tuple[str, ...]:
        """Remember what the experiment says of the knobs; the names of those it turned."""
        changed = _mapping(experiment.details.get("changed"))
        if values := _values(experiment.details.get("knobs")):
            self._values[experiment.commit] = values
            self._tried.add(frozenset(values.items()))
            # What was turned says how the parent stood, which may be the work of another agent.
            old = {name: pair[0] for name, pair in changed.items() if isinstance(pair, list | tuple) and pair}
            before = {**values, **_values(old)}
            self._values.setdefault(experiment.parent, before)
            self._tried.add(frozenset(before.items()))
        return tuple(str(name) for name in changed)


def _fate(record: ExperimentRecord, guards: Sequence[Guard], baseline: ExperimentRecord) -> Fate | None:
    """None for what says nothing about the code: never run, or lost."""
    if record.is_open:
        return Fate.OPEN
    assert record.verdict is not None
    own = [run.outcome for run in record.runs if run.outcome and run.run.commit == record.experiment.commit]
    measured = [run.outcome for run in _measured(record)]
    if not own:
        return None
    if record.verdict.decision in (Decision.FAILED, Decision.INVALID):
        return Fate.FAILED
    if any(isinstance(outcome, Stopped) for outcome in own):
        return Fate.STOPPED
    others = _mean_others([run.outcome for run in _measured(baseline)]) if guards else {}
    if not measured or broken_guard(guards, _mean_others(measured), others):
        return Fate.FAILED
    return Fate.MEASURED


def _gain(record: ExperimentRecord, parent: ExperimentRecord, metric: Metric) -> float:
    """How much better than its parent: by its pairs where there are any, else by its screen.

    The screen is left out as soon as there are pairs: it was lucky, or there would be none.
    """
    own = {(run.run.purpose, run.run.pair): run.outcome.value for run in _measured(record)}
    reference = {
        (run.run.purpose, run.run.pair): run.outcome.value for run in _measured(record, Side.REFERENCE)
    }
    if both := own.keys() & reference.keys():
        return fmean(metric.gain(reference[pair], own[pair]) for pair in both)
    old = {run.run.seed: run.outcome.value for run in _measured(parent)}
    values = {run.run.seed: run.outcome.value for run in _measured(record)}
    if shared := old.keys() & values.keys():
        return fmean(metric.gain(old[seed], values[seed]) for seed in shared)
    return metric.gain(_fresh_mean(parent), fmean(values.values()))


class _MeasuredRun(NamedTuple):
    run: Run
    outcome: Measured


def _measured(record: ExperimentRecord, side: Side = Side.CANDIDATE) -> list[_MeasuredRun]:
    """Runs of one side that gave a number, without what certification saw; all of a baseline's."""
    return [
        _MeasuredRun(run.run, run.outcome)
        for run in record.runs
        if isinstance(run.outcome, Measured)
        and run.run.purpose in (Purpose.BASELINE, Purpose.SCREEN, Purpose.CONFIRM)
        and (record.number == BASELINE or run.run.side is side)
    ]


def _fresh_mean(record: ExperimentRecord) -> float:
    runs = _measured(record)
    fresh = [run.outcome.value for run in runs if run.run.purpose is not Purpose.SCREEN]
    return fmean(fresh or [run.outcome.value for run in runs])


def _mean_others(outcomes: Sequence[Measured]) -> dict[str, float]:
    names = set.intersection(*(set(outcome.others) for outcome in outcomes)) if outcomes else set()
    return {name: fmean(outcome.others[name] for outcome in outcomes) for name in names}


def _values(details: Any) -> dict[str, Value]:
    """Knob values as an agent wrote them down; whatever is not one is passed over."""
    return {str(name): value for name, value in _mapping(details).items() if _is_value(value)}


def _is_value(found: Any) -> bool:
    return isinstance(found, bool | str) or (isinstance(found, int | float) and math.isfinite(found))


def _mapping(found: Any) -> Mapping[Any, Any]:
    return found if isinstance(found, Mapping) else {}
