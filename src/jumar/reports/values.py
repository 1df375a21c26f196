"""What each experiment is worth: the mean of its fresh runs, never the lucky draw that won."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.run import RunRecord, Side
from jumar.core.verdict import Decision
from jumar.reports.fresh import fresh, seen_in
from jumar.rules.means import COMPARABLE

_WITHOUT_NUMBER = frozenset({Decision.FAILED, Decision.INVALID})


class Values:
    """The values of a study's experiments, from one pass over their runs."""

    def __init__(self, experiments: Sequence[ExperimentRecord]) -> None:
        self._by_commit: dict[str, list[RunRecord]] = defaultdict(list)
        self._known: dict[int, tuple[ExperimentRecord, float | None]] = {}
        for record in experiments:
            for run in record.runs:
                self._by_commit[run.run.commit].append(run)
        of_baseline = (
            run
            for record in experiments
            if record.number == BASELINE
            for run in self._by_commit[record.experiment.commit]
        )
        newest = max((run for run in of_baseline if run.under), key=lambda run: run.started_at, default=None)
        self._under = newest.under if newest else None  # it is run anew wherever a study goes on

    def of(self, record: ExperimentRecord) -> float | None:
        """The experiment's value, or None where it has none: failed, invalid or not measured yet."""
        known = self._known.get(record.number)
        if known is None or known[0] is not record:
            measured = self.measured(record)
            known = self._known[record.number] = (record, fmean(measured) if measured else None)
        return known[1]

    def measured(self, record: ExperimentRecord) -> list[float]:
        """The values of its fresh runs; those of the screen only where there are no others.

        What became a champion has been run again beside each later candidate, and those count. Of runs
        under several circumstances those count that were made as the newest ones of the baseline were.
        """
        if record.verdict and record.verdict.decision in _WITHOUT_NUMBER:
            return []
        if record.number == BASELINE or record.is_kept:
            runs = self._by_commit[record.experiment.commit]
        else:
            runs = [run for run in record.runs if run.run.side is Side.CANDIDATE]
        seen = [one for one in seen_in(runs) if one.started_at >= record.since]
        return fresh(seen, self._under)


def kept(experiments: Sequence[ExperimentRecord]) -> list[ExperimentRecord]:
    """The changes that were kept; the baseline is no change."""
    return [record for record in experiments if record.is_kept and record.number != BASELINE]


def tried(experiments: Sequence[ExperimentRecord]) -> list[ExperimentRecord]:
    """Every proposal; the baseline is none."""
    return [record for record in experiments if record.number != BASELINE]


def peak_memory_bytes(record: ExperimentRecord) -> int | None:
    """The most that a run of this experiment's own held, or None when nothing was metered."""
    peaks = [
        run.report.peak_memory_bytes
        for run in record.runs
        if run.report and run.run.commit == record.experiment.commit and run.run.purpose in COMPARABLE
    ]
    return max(peaks, default=None)
