"""What a study cost: runs, hours, money, tokens, in all and for each agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from jumar.core.contract import Metric
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports.findings import parents, relative_gain
from jumar.reports.values import Values, tried


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
    tokens: int
    agent_s: float  #: time that agents took to propose


class AgentShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent proposed, and what came of it."""

    agent: str
    proposals: int
    kept: int
    gain: float  #: sum of the relative gains of its keeps
    usd: float
    tokens: int
    seconds: float


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
        tokens=sum(cost.tokens for cost in costs),
        agent_s=sum(cost.seconds for cost in costs),
    )


def agent_shares(
    experiments: Sequence[ExperimentRecord], values: Values, metric: Metric
) -> tuple[AgentShare, ...]:
    """Each agent's proposals, keeps, gain and cost, the largest gain first."""
    before = parents(experiments, values)
    by_agent: dict[str, list[ExperimentRecord]] = {}
    for record in tried(experiments):
        by_agent.setdefault(record.experiment.agent, []).append(record)
    shares = []
    for agent, records in by_agent.items():
        kept = [record for record in records if record.stands and record.experiment.parent in before]
        gains = [relative_gain(record, values, metric, before[record.experiment.parent]) for record in kept]
        costs = [record.experiment.cost for record in records]
        shares.append(
            AgentShare(
                agent=agent,
                proposals=len(records),
                kept=sum(1 for record in records if record.is_kept),
                gain=sum(gain for gain in gains if gain is not None),
                usd=sum(cost.usd for cost in costs),
                tokens=sum(cost.tokens for cost in costs),
                seconds=sum(cost.seconds for cost in costs),
            )
        )
    return tuple(sorted(shares, key=lambda share: (-share.gain, share.agent)))
