"""The course of a study as points and steps: what the chart draws and a sparkline shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from jumar.core.contract import Contract, Direction
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.verdict import Claim, Decision
from jumar.reports.values import Values, kept, tried
from jumar.reports.words import hundredths, percent, plural


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment that has a value."""

    number: int
    value: float
    label: str


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Where a certified gain would put the champion on the search's own axis, with its interval.

    The claim was measured on other data, whose level may differ; its relative gain is what holds.
    """

    level: float
    low: float
    high: float
    label: str  #: ends with the basis
    basis: str = ""  #: what it rests on: pairs, machine, day


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, experiment by experiment. `kept` begins with the baseline, where measured.

    Keeps that a certification refuted are no steps of the champion any more.
    """

    study: str
    title: str
    metric: str
    direction: Direction
    self_reported: bool
    experiments: int
    kept: tuple[Mark, ...]
    others: tuple[Mark, ...]  #: discarded
    without_value: tuple[int, ...]  #: numbers of the failed and the invalid
    band: Band | None
    stopped: tuple[int, ...] = ()  #: numbers of the discarded that have no value: stopped early, as a rule
    undecided: tuple[Mark, ...] = ()  #: not judged yet, with a value so far
    unmeasured: tuple[int, ...] = ()  #: numbers of those that are not judged yet and have no value
    refuted: tuple[Mark, ...] = ()  #: kept once, and taken back

    @property
    def staircase(self) -> tuple[float, ...]:
        """The champion's value after each keep, the baseline's first."""
        return tuple(mark.value for mark in self.kept)


def progress_of(
    record: StudyRecord,
    experiments: Sequence[ExperimentRecord],
    contract: Contract,
    values: Values | None = None,
) -> Progress:
    """The course of a study, from all its experiments."""
    values = values or Values(experiments)
    steps: list[Mark] = []
    others: list[Mark] = []
    undecided: list[Mark] = []
    refuted: list[Mark] = []
    without: dict[str, list[int]] = {"failed": [], "stopped": [], "open": []}
    for experiment in experiments:
        value = values.of(experiment)
        if value is None:
            if experiment.number != BASELINE:
                without[_kind(experiment)].append(experiment.number)
            continue
        mark = Mark(number=experiment.number, value=value, label=experiment.experiment.hypothesis)
        is_step = experiment.stands or experiment.number == BASELINE
        taken_back = refuted if experiment.refuted else others
        (steps if is_step else undecided if experiment.is_open else taken_back).append(mark)
    self_reported = contract.self_reported or bool(record.claim and record.claim.self_reported)
    gain = None
    if steps and steps[0].number == BASELINE:
        gain = contract.measure.metric.relative_gain(steps[0].value, steps[-1].value)
    return Progress(
        study=record.name,
        title=", ".join(
            (
                plural(len(tried(experiments)), "experiment"),
                f"{len(kept(experiments)):,} kept",
                *([f"{len(refuted):,} of them refuted"] if refuted else []),
                *([f"{opened:,} open"] if (opened := len(undecided) + len(without["open"])) else []),
                _gain(record, gain, self_reported),
            )
        ),
        metric=contract.measure.metric.name,
        direction=contract.measure.metric.direction,
        self_reported=self_reported,
        experiments=len(tried(experiments)),
        kept=tuple(steps),
        others=tuple(others),
        without_value=tuple(without["failed"]),
        stopped=tuple(without["stopped"]),
        undecided=tuple(undecided),
        unmeasured=tuple(without["open"]),
        refuted=tuple(refuted),
        band=_band(record.claim, steps, contract.measure.metric.direction),
    )


def _kind(experiment: ExperimentRecord) -> str:
    """Which sort of experiment without a value this is."""
    if experiment.verdict is None:
        return "open"
    return "stopped" if experiment.verdict.decision is Decision.DISCARDED else "failed"


def _gain(record: StudyRecord, gain: float | None, self_reported: bool) -> str:
    claim, kind = record.claim, "self-reported, " if self_reported else ""
    if gain is None:
        return "nothing measured yet"
    if record.champion == BASELINE:
        return "no better" + (" (self-reported)" if self_reported else "")
    if claim and claim.certified and claim.champion == record.champion_commit:
        return f"{_better(claim.relative)} ({kind}certified)"
    return f"{_better(gain)} ({kind}uncertified)"


def _better(relative: float) -> str:
    return f"{percent(abs(relative))} {'better' if relative >= 0 else 'worse'}"


def _band(claim: Claim | None, steps: Sequence[Mark], direction: Direction) -> Band | None:
    if claim is None or not claim.certified or not steps or steps[0].number != BASELINE:
        return None
    base = steps[0].value
    towards = abs(base) * (-1 if direction is Direction.MINIMIZE else 1)
    low, high = sorted(claim.relative_interval)
    ends = sorted((base + towards * low, base + towards * high))
    said = f"certified at experiment {claim.experiment}: {_better(claim.relative)}"
    if high > low:
        said += f", 95 % interval {hundredths(low, 1)} to {hundredths(high, 1)}"
    day = datetime.fromtimestamp(claim.at, UTC).strftime("%Y-%m-%d") if claim.at else ""
    basis = ", ".join(filter(None, (plural(claim.pairs, "pair"), claim.machine, day)))
    level = base + towards * claim.relative
    return Band(level=level, low=ends[0], high=ends[1], label=f"{said}, {basis}", basis=basis)


def view(progress: Progress) -> tuple[float, float]:
    """The range of values to show: what was gained, and as much of what was worse as leaves it readable.

    Nine tenths of the dots are shown as long as they take no more than three fifths of the gain's
    height; where nothing was gained, three quarters of them set the range.
    """
    loose = (*progress.others, *progress.undecided, *progress.refuted)
    steps = progress.staircase or tuple(mark.value for mark in loose)[:1]
    towards = -1.0 if progress.direction is Direction.MINIMIZE else 1.0
    base = steps[0]
    best = max(towards * (value - base) for value in steps)
    worse = sorted(-towards * (mark.value - base) for mark in progress.others)
    better = [towards * (mark.value - base) for mark in loose]
    if best > 0:
        below = min(max(_quantile(worse, 0.9), 0.12 * best), 0.6 * best)
        most = 1.8 * best  # what is better by far more than the champion is told to be off the scale
        near = max((1.08 * gain for gain in better if 1.08 * gain <= most), default=0.0)
        above = max(1.22 * best, near, min(_reach(progress, base, towards), most))
    else:
        spread = max((-towards * (value - base) for value in steps), default=0.0)
        below = max(_quantile(worse, 0.75), spread, 0.01 * abs(base), 1e-12) * 1.15
        fallen = [-towards * (mark.value - base) for mark in progress.refuted]
        above = max(0.35 * below, 1.1 * -min([0.0, *worse, *fallen]))
    below += 0.02 * (above + below)  # the worst of what is shown is not on the very edge
    ends = sorted((base + towards * above, base - towards * below))
    return ends[0], ends[1]


def _reach(progress: Progress, base: float, towards: float) -> float:
    """How far the certified band reaches, with room for its label behind it."""
    if progress.band is None:
        return 0.0
    return 1.15 * max(towards * (end - base) for end in (progress.band.low, progress.band.high))


def _quantile(ordered: list[float], share: float) -> float:
    return max(0.0, ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if ordered else 0.0
