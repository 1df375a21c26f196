"""Owns which code change came so close to the champion that its knobs are tuned before it is given up."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import Decision
from jumar.rules.history import History

# So many standard deviations of a run below the champion are within noise: a change that is equal ends
# lower than that in one look out of forty.
NEAR_SDS = 2.0
# Whoever was judged longer ago has had its trials, or was overtaken by too much to be worth them.
LATEST = 100


def to_polish(history: History, trials: int, given_up: Collection[int] = ()) -> int | None:
    """The oldest code change that nearly won and has not had its trials; None where there is none."""
    latest = [*islice(reversed(history.experiments.values()), LATEST)]
    made: dict[object, list[ExperimentRecord]] = {}
    for record in latest:
        details = record.experiment.details
        if "retest_of" not in details:
            made.setdefault(details.get("polishes"), []).append(record)
    for record in reversed(latest):
        tried = made.get(record.number, [])
        over = len(tried) >= trials or any(trial.is_kept for trial in tried)
        if not over and record.number not in given_up and nearly_won(record):
            return record.number
    return None


def nearly_won(record: ExperimentRecord) -> bool:
    """Whether it changed code that has knobs, and came within noise of what it was compared with."""
    details, verdict = record.experiment.details, record.verdict
    has_knobs = bool(details.get("code")) and bool(details.get("knobs"))
    if not has_knobs or "changed" in details or "polishes" in details:
        return False
    if verdict is None or verdict.decision is not Decision.DISCARDED:
        return False
    if verdict.gain is None:  # a check, a guard, a curve or another champion spoke against it, and no score
        return False
    return verdict.gain >= -NEAR_SDS * float(verdict.evidence.get("run_sd", 0.0))


def authors_of(experiments: Iterable[ExperimentRecord]) -> dict[int, str]:
    """Whose idea each experiment is: of one that polishes another, the other's. The oldest come first."""
    authors: dict[int, str] = {}
    for record in experiments:
        polished = record.experiment.details.get("polishes")
        authors[record.number] = authors.get(polished, "") if isinstance(polished, int) else ""
        authors[record.number] = authors[record.number] or record.experiment.agent
    return authors
