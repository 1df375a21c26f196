"""Owns what gets another try: once on a champion, and when a keep is taken back what it beat narrowly."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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


def repeats(
    number: int, experiments: dict[int, ExperimentRecord], champion: int, waiting: Collection[int]
) -> str:
    """Why trying an experiment again is nothing new; empty where it is.

    It waits for that already, or somebody tries it again, or it was tried again on the champion of now.
    """
    first, best = _first(number, experiments), experiments.get(champion)
    if any(_first(one, experiments) == first for one in waiting):
        return f"experiment {number} waits to be tried again already"
    for record in reversed(experiments.values()):
        again = record.experiment.details.get("retest_of")
        if not isinstance(again, int) or record.number == number or _first(again, experiments) != first:
            continue
        if record.is_open:
            return f"experiment {number} is being tried again as experiment {record.number}"
        beside = best is not None and record.experiment.parent == best.experiment.commit
        if beside and not (record.verdict and record.verdict.is_withdrawn):
            return f"experiment {number} was tried again on this champion as experiment {record.number}"
    return ""


def _first(number: int, experiments: dict[int, ExperimentRecord]) -> int:
    """What an experiment tries again, or what that one tried again."""
    while (record := experiments.get(number)) is not None:
        again = record.experiment.details.get("retest_of")
        if not isinstance(again, int) or again >= number:
            break
        number = again
    return number


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
