"""Owns what gets another try: once on a champion, and when a keep is taken back what it beat narrowly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jumar.core.experiment import ExperimentRecord
from jumar.core.proposal import ASKED
from jumar.core.verdict import ALONE, OVERTAKEN, Decision
from jumar.rules.experiments import Experiments

MOST_REVIVED = 3  # for each keep that falls: the search goes on as well


def revived(records: Iterable[ExperimentRecord], fallen: ExperimentRecord) -> dict[int, int]:
    """Experiments to try again now that the keep `fallen` is taken back, the best first.

    Those that were compared with it and gained, though not enough to be kept; and those that it
    overtook, where nothing tried them again on top of it. Each under its own number, below 0: no entry has
    that, and it is known before the ledger gives the refutation its place.
    """
    promising: list[tuple[float, int]] = []
    retried: set[object] = set()
    for record in records:
        retried.add(record.experiment.details.get("retest_of"))
        gain = _gain(record, fallen)
        if gain is not None and gain > 0:
            promising.append((gain, record.number))
    best = sorted((each for each in promising if each[1] not in retried), reverse=True)
    return {-number: number for _, number in best[:MOST_REVIVED]}


def waited_as(details: Mapping[str, Any]) -> int:
    """Under which number an experiment with these details waited to be tried again; 0 for none.

    Older records have another number below 0 in it, which others' entries could put out of step.
    """
    asked, again = details.get(ASKED, 0), details.get("retest_of")
    if not isinstance(asked, int):
        return 0
    return -again if asked < 0 and isinstance(again, int) else asked


def repeats(number: int, experiments: Experiments, champion: int, waiting: Collection[int]) -> str:
    """Why trying an experiment again is nothing new; empty where it is.

    It waits for that already, or somebody tries it again, or it was tried again on the champion of now.
    """
    record, best = experiments.get(number), experiments.get(champion)
    if record is None:
        return ""
    first = experiments.first(record)
    if any(experiments.first(experiments[one]) == first for one in waiting if one in experiments):
        return f"experiment {number} waits to be tried again already"
    for again in experiments.tries(first):
        if again.number == number:
            continue
        if again.is_open:
            return f"experiment {number} is being tried again as experiment {again.number}"
        beside = best is not None and again.experiment.parent == best.experiment.commit
        if beside and not (again.verdict and again.verdict.is_withdrawn):
            return f"experiment {number} was tried again on this champion as experiment {again.number}"
    return ""


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
