"""What a study cost in all: runs, hours, money, tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.run import RunRecord


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent. `hours` is time during which the study was being run, rests and pauses left out.

    Hours, experiments per hour and money are of the whole study; the rest is of the experiments at hand.
    """

    runs: int
    runs_by_purpose: dict[str, int]
    lost_runs: int
    cpu_hours: float
    hours: float
    experiments_per_hour: float | None
    usd: float
    priced: bool  #: False: some of what agents cost is not known, and not in `usd`
    tokens: int
    agent_s: float  #: time that agents took to propose


class AgentEffort(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of one agent's proposals took, those of the champion beside them included."""

    agent: str
    runs: int
    cpu_s: float


def efforts_by_agent(experiments: Sequence[ExperimentRecord]) -> tuple[AgentEffort, ...]:
    """Who proposed, and what the runs of that took, by name."""
    runs: dict[str, list[RunRecord]] = {}
    for experiment in experiments:
        if experiment.number != BASELINE:
            runs.setdefault(experiment.experiment.agent, []).extend(experiment.runs)
    return tuple(
        AgentEffort(
            agent=agent,
            runs=len(made),
            cpu_s=sum(run.report.cpu_s for run in made if run.report),
        )
        for agent, made in sorted(runs.items())
    )


def effort_of(record: StudyRecord, experiments: Sequence[ExperimentRecord]) -> Effort:
    """What the study has spent so far."""
    runs = [run for experiment in experiments for run in experiment.runs]
    purposes = Counter(run.run.purpose.value for run in runs)
    costs = [experiment.experiment.cost for experiment in experiments]
    hours, judged = record.active_s / 3600, sum(record.decisions.values())
    return Effort(
        runs=len(runs),
        runs_by_purpose=dict(purposes),
        lost_runs=sum(1 for run in runs if run.lost),
        cpu_hours=sum(run.report.cpu_s for run in runs if run.report) / 3600,
        hours=hours,
        experiments_per_hour=judged / hours if hours and judged else None,
        usd=record.cost_usd,
        priced=all(cost.priced for cost in costs),
        tokens=sum(cost.tokens for cost in costs),
        agent_s=sum(cost.seconds for cost in costs),
    )
