"""Owns what a proposal starts from: the champion, or now and then a change that came near it.

Whatever it starts from, it is judged beside the champion, together with the change that it stands on: only
what is better than the champion is ever kept.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import Decision
from jumar.rules.history import History

# So many standard deviations of a run below the champion are within noise, as for `rules/polish.py`.
NEAR_SDS = 2.0
LATEST = 200  # experiments among which near misses are looked for
NEAREST = 16  # of them are started from
MOST_STARTS = 6  # from one near miss: what nobody finds a way on from in so many tries has none


def start(history: History, share: float, chance: int) -> int | None:
    """The near miss that the next proposal starts from; None for the champion.

    `share` of the proposals do, where there is one.
    """
    dice = random.Random(chance)
    if dice.random() >= share:
        return None
    found = near_misses(history)
    return dice.choice(found) if found else None


def near_misses(history: History) -> list[int]:
    """Changes of the champion that were not kept and came near it, the nearest first."""
    latest = [*islice(reversed(history.experiments.values()), LATEST)]
    starts = Counter(record.experiment.details.get(STARTS_FROM) for record in latest)
    near = [
        record
        for record in latest
        if record.experiment.parent == history.champion_commit
        and starts[record.number] < MOST_STARTS
        and _came_near(record)
    ]
    near.sort(key=lambda record: -_gain(record))
    return [record.number for record in near[:NEAREST]]


STARTS_FROM = "starts_from"  #: in the details of an experiment: the near miss that it stands on


def _came_near(record: ExperimentRecord) -> bool:
    verdict = record.verdict
    if verdict is None or verdict.decision is not Decision.DISCARDED or verdict.gain is None:
        return False  # a check, a guard, a curve or another champion spoke against it, and no score
    return verdict.gain >= -NEAR_SDS * float(verdict.evidence.get("run_sd", 0.0))


def _gain(record: ExperimentRecord) -> float:
    assert record.verdict is not None and record.verdict.gain is not None
    return record.verdict.gain
