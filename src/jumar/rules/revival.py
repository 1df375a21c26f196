"""Owns what gets another try when a keep is taken back: what it overtook, and what nearly did as well."""

from __future__ import annotations

from collections.abc import Iterable

from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import ALONE, OVERTAKEN, Decision

MOST_REVIVED = 3  # for each keep that falls: the search goes on as well


def revived(records: Iterable[ExperimentRecord], fallen: ExperimentRecord, seq: int) -> dict[int, int]:
    """Experiments to try again now that entry `seq` has taken back the keep `fallen`, the best first.

    Those that were compared with it and gained, though not enough to be kept; and those that it
    overtook, where nothing tried them again on top of it. Each under a number that no entry has.
    """
    promising: list[tuple[float, int]] = []
    retried: set[object] = set()
    for record in records:
        retried.add(record.experiment.details.get("retest_of"))
        gain = _gain(record, fallen)
        if gain is not None and gain > 0:
            promising.append((gain, record.number))
    best = sorted((each for each in promising if each[1] not in retried), reverse=True)
    return {-(seq * MOST_REVIVED + at): number for at, (_, number) in enumerate(best[:MOST_REVIVED])}


def _gain(record: ExperimentRecord, fallen: ExperimentRecord) -> float | None:
    """What speaks for an experiment that lost to `fallen`; None where it lost to something else."""
    verdict = record.verdict
    if verdict is None or verdict.decision is not Decision.DISCARDED:
        return None
    if record.experiment.parent == fallen.experiment.commit:
        return verdict.gain
    beside = record.experiment.parent == fallen.experiment.parent and record.number != fallen.number
    if beside and verdict.reason.startswith(OVERTAKEN) and ALONE in verdict.evidence:
        return float(verdict.evidence[ALONE]["gain"])
    return None
