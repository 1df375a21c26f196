"""What was measured beside the metric: what the guards hold, and what else the runs and the scorer told."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import msgspec

from jumar.core.contract import Contract
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.outcome import Measured
from jumar.reports.asked import guard_in_words
from jumar.rules.guards import with_implied
from jumar.rules.means import COMPARABLE

MOST_BESIDE = 16
_NEEDS_NO_SAYING = frozenset({"output_mb", "curve_steps"})


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A second measurement: the mean over the baseline's runs, and over the champion's."""

    name: str
    baseline: float | None
    champion: float | None
    guard: str  #: what it has to keep to, in words; empty without a guard


def measured_beside(
    record: StudyRecord, experiments: Sequence[ExperimentRecord], contract: Contract
) -> tuple[Beside, ...]:
    """What guards hold comes first, then the rest by name. Empty where nothing was measured beside."""
    measure = contract.measure
    guards = {
        guard.name: guard_in_words(guard)
        for guard in with_implied(measure.guards, serves=bool(measure.serve))
    }
    before = _means(record.terms.base, experiments, BASELINE)
    after = _means(record.champion_commit, experiments, record.champion)
    names = sorted(
        (before.keys() | after.keys()) - _NEEDS_NO_SAYING, key=lambda name: (name not in guards, name)
    )
    return tuple(
        Beside(name=name, baseline=before.get(name), champion=after.get(name), guard=guards.get(name, ""))
        for name in [*names, *(guards.keys() - before.keys() - after.keys())][:MOST_BESIDE]
    )


def _means(commit: str, experiments: Sequence[ExperimentRecord], number: int) -> dict[str, float]:
    """The mean of each measurement over an experiment's own runs, in the search."""
    runs = (run for one in experiments if one.number == number for run in one.runs)
    found: dict[str, list[float]] = {}
    for run in runs:
        if run.run.commit == commit and run.run.purpose in COMPARABLE and isinstance(run.outcome, Measured):
            for name, value in run.outcome.others.items():
                found.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in found.items()}
