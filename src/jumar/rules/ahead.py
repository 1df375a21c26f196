"""Owns how far ahead researchers think: few enough that they know the latest, enough that no slot waits."""

from __future__ import annotations

from itertools import islice
from math import ceil
from statistics import median

from jumar.core.experiment import BASELINE
from jumar.rules.history import History

# Thoughts and experiments are of uneven length: so much more than the median is provided for.
SPARE = 1.5
LATEST = 20  # experiments, of which the usual times are taken


def how_many(thinking_s: float, experiment_s: float, slots: int, most: int) -> int:
    """How many proposals should be in hand: waiting for a slot, or being thought of.

    One for each slot, for slots become free together; and more where a thought takes longer than an
    experiment; at most `most` for each, as what is proposed long before knows little.
    """
    each = ceil(SPARE * thinking_s / experiment_s) if experiment_s > 0 else 1
    return slots * min(most, max(1, each))


def experiment_s(history: History) -> float:
    """For how long an experiment usually has a slot; 0 while nothing tells."""
    latest = islice(reversed(history.experiments.values()), LATEST)
    spent = (
        sum(run.report.wall_s for run in record.runs if run.report)
        for record in latest
        if record.number != BASELINE and not record.is_open
    )
    of_runs = [seconds for seconds in spent if seconds > 0]
    if of_runs:
        return median(of_runs)
    return history.means(history.champion_commit).usual_wall_s() or 0.0


def thinking_s(history: History, agent: str) -> float:
    """How long this agent usually thinks, as far as it said so; 0 where it did not."""
    latest = islice(reversed(history.experiments.values()), LATEST)
    said = [record.experiment.cost.seconds for record in latest if record.experiment.agent == agent]
    return median(said) if said else 0.0
