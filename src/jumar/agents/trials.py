"""Reads a study's history as an optimiser needs it: which values of the knobs did how well."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
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
from jumar.rules.recollection import end_of

Values = Mapping[str, Value]
LATEST, BEST = 250, 50  # trials that are looked at, however long the study is


class Fate(enum.Enum):
    """What came of a trial, as far as an optimiser cares."""

    MEASURED = "measured"
    STOPPED = "stopped"  #: hopeless early on: worse than what was measured, by no known amount
    FAILED = "failed"  #: no number, or void: a place to keep away from
    OPEN = "open"  #: still under way


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment in the eyes of an optimiser.

    `height` is how far its knobs lift it above the baseline in the metric's unit (more is better),
    summed over the keeps that lead to it. Each step was measured against its own parent in its own
    hour, so a machine that slows down over the night moves no trial against another. A step that
    was refuted counts for nothing, and neither does what another code gave: the first experiment
    that was measured with it stands where its parent does. Only for MEASURED.
    """

    number: int
    commit: str
    fate: Fate
    height: float = 0.0
    changed: tuple[str, ...] = ()  #: names of the knobs it turned, where it says
    code: str = ""  #: which code it is but for its knobs; empty where the record does not say
    speaks: bool = True  #: False where its end says something of another code, and nothing of knobs
    why: str = ""  #: what it failed of, in the words of the record


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A trial with the value of every knob that is being looked at."""

    fate: Fate
    height: float
    values: Values
    number: int = 0
    why: str = ""


class Trials:
    """The trials of a study. What was judged never changes, so each is read once."""

    def __init__(self) -> None:
        self._study: tuple[str, str, int] = ("", "", 0)
        self._judged: dict[int, Trial | None] = {}
        self._champions: dict[str, tuple[ExperimentRecord, float]] = {}  # commit → record, its gains in all
        self._values: dict[str, Values] = {}  # commit → knobs
        self._codes: dict[str, str] = {}  # commit → its code but for its knobs
        self._lifts: dict[str, tuple[int, float]] = {"": (BASELINE, 0.0)}  # code → who opened it, its gain
        self._tried: set[tuple[str, frozenset[tuple[str, Value]]]] = set()

    def read(self, brief: Brief) -> list[Trial]:
        """Every experiment that can be compared, oldest first. The same brief, the same trials."""
        base = brief.history[0].experiment.commit if brief.history else ""
        # A keep that was taken back changes what all that is built on it is worth.
        study = (brief.study, base, sum(1 for record in brief.history if record.refuted))
        if study != self._study or any(self._comes_late(record) for record in brief.history):
            self.__init__()  # type: ignore[misc]
            self._study = study
        trials = []
        for record in brief.history:
            if record.number in self._judged:
                trial = self._judged[record.number]
            else:
                trial = self._trial(record, brief)
                if not record.is_open:
                    self._judged[record.number] = trial
            if trial:
                trials.append(trial)
        return trials

    def values(self, commit: str) -> Values:
        """The knobs of a commit as far as anything that was read says; empty where nothing does."""
        return self._values.get(commit, {})

    def was_tried(self, values: Values, code: str = "") -> bool:
        """True when an experiment with this code said that exactly these were its knobs."""
        knobs = frozenset(values.items())
        return (code, knobs) in self._tried or ("", knobs) in self._tried

    def points(self, trials: Iterable[Trial], parent: str, base: Values) -> list[Point]:
        """Those of `trials` that say something of the knobs in `base`, which are as `parent` has them."""
        found = (self._point(trial, parent, base) for trial in trials)
        return [point for point in found if point]

    def _point(self, trial: Trial, parent: str, base: Values) -> Point | None:
        if not trial.speaks and trial.commit != parent:
            return None
        known = base if trial.commit == parent else self.values(trial.commit)
        shared = {name: known[name] for name in base if name in known}
        if 2 * len(shared) < len(base):
            return None
        values = {**base, **shared}
        return Point(fate=trial.fate, height=trial.height, values=values, number=trial.number, why=trial.why)

    def _comes_late(self, record: ExperimentRecord) -> bool:
        """True when it is judged after a later experiment with its code, which took its place."""
        opener, _ = self._lifts.get(self._codes.get(record.experiment.commit, ""), (BASELINE, 0.0))
        return record.number < opener and record.number not in self._judged and not record.is_open

    def _trial(self, record: ExperimentRecord, brief: Brief) -> Trial | None:
        experiment, measure = record.experiment, brief.contract.measure
        changed = self._note_values(experiment)
        fate = _fate(record, measure.guards, brief.history[0])
        if fate is None:
            return None
        code, parents = (self._codes.get(commit, "") for commit in (experiment.commit, experiment.parent))
        if code == parents:
            self._lifts.setdefault(code, (BASELINE, 0.0))
        speaks, gains = code in self._lifts, 0.0
        if fate is Fate.MEASURED and record.number != BASELINE:
            if experiment.parent not in self._champions:
                return None
            parent, gains = self._champions[experiment.parent]
            by_knobs = gains - self._lifts.get(parents, (BASELINE, 0.0))[1]
            if not record.refuted:
                gains += _gain(record, parent, measure.metric)
            self._lifts.setdefault(code, (record.number, gains - by_knobs))
        if record.is_kept or record.number == BASELINE:
            self._champions[experiment.commit] = (record, gains)
        return Trial(
            number=record.number,
            commit=experiment.commit,
            fate=fate,
            height=gains - self._lifts[code][1] if fate is Fate.MEASURED else 0.0,
            changed=changed,
            code=code,
            speaks=speaks,
            why=end_of(record) if fate is Fate.FAILED else "",
        )

    def _note_values(self, experiment: Experiment) -> tuple[str, ...]:
        """Remember what the experiment says of its knobs and code; the names of those it turned."""
        details = experiment.details
        changed, code = _mapping(details.get("changed")), str(details.get("code", ""))
        # What was refused has no commit of its own: the champion's stands there.
        is_own = experiment.number == BASELINE or experiment.commit != experiment.parent
        if is_own:
            self._codes[experiment.commit] = code
        if values := _values(details.get("knobs")):
            if is_own:
                self._values[experiment.commit] = values
            self._tried.add((code, frozenset(values.items())))
        if values and changed:
            # Knobs were all that it changed. So it says how the parent stood, whoever made that.
            old = {name: pair[0] for name, pair in changed.items() if isinstance(pair, list | tuple) and pair}
            before = {**values, **_values(old)}
            self._values.setdefault(experiment.parent, before)
            if not self._codes.get(experiment.parent):
                self._codes[experiment.parent] = code
            self._tried.add((code, frozenset(before.items())))
        return tuple(str(name) for name in changed)


def worth_reading(trials: list[Trial]) -> list[Trial]:
    """The latest and the best, so that a long study costs no more than a short one."""
    if len(trials) <= LATEST + BEST:
        return trials
    old, latest = trials[:-LATEST], trials[-LATEST:]
    best = sorted((t for t in old if t.fate is Fate.MEASURED), key=lambda t: -t.height)[:BEST]
    return sorted([*best, *latest], key=lambda trial: trial.number)


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
    own = {_pair(run.run): run.outcome.value for run in _measured(record)}
    reference = {_pair(run.run): run.outcome.value for run in _measured(record, Side.REFERENCE)}
    if both := own.keys() & reference.keys():
        return fmean(metric.gain(reference[pair], own[pair]) for pair in both)
    old = {run.run.seed: run.outcome.value for run in _measured(parent)}
    values = {run.run.seed: run.outcome.value for run in _measured(record)}
    if shared := old.keys() & values.keys():
        return fmean(metric.gain(old[seed], values[seed]) for seed in shared)
    return metric.gain(_fresh_mean(parent), fmean(values.values()))


def _pair(run: Run) -> tuple[Purpose, int, int]:
    """What both sides of a pair have in common: sides of two attempts may lie hours apart."""
    return run.purpose, run.pair, run.attempt


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
