"""Owns what one run may spend: the caps that kill it, and whether it kept its budget."""

from __future__ import annotations

from jumar.core.contract import Clock, RunTerms
from jumar.core.job import Caps, ExitReport

# A longer run is a better score: on the default target 1 % of overrun is worth about 0.15 % of the
# metric. An honest run ends with the step during which its budget ran out (2 % where a run has 50
# steps) and then needs CPU time to leave the interpreter (about 0.2 s after importing torch). So the
# most that an overrun can buy unseen, on 20 s, is 0.5 %; less on longer budgets.
TOLERANCE_SHARE = 0.02
TOLERANCE_S = 0.3

# What is past the tolerance is measured no more, so it may as well end; the room between leaves the
# verdict "over budget by so much" to runs that end by themselves, which says more than a kill.
KILL_SHARE = 0.1
KILL_S = 1.0


def caps(run: RunTerms) -> Caps:
    """The hard limits of one run, for whoever confines it."""
    budget = run.budget
    return Caps(
        wall_s=run.timeout_s,
        cpu_s=budget.amount * (1 + KILL_SHARE) + KILL_S if budget.clock is Clock.CPU else None,
        memory_bytes=run.memory_bytes,
        processes=run.processes,
        output_bytes=run.output_bytes,
        disk_bytes=run.disk_bytes,
    )


def overspent(run: RunTerms, report: ExitReport) -> str | None:
    """By how much a run passed its budget, in words; None when it kept it.

    Steps are counted by the target itself, so nothing is said of them; the timeout bounds those.
    """
    budget = run.budget
    if budget.clock is Clock.STEPS:
        return None
    spent_s, clock = (report.cpu_s, "CPU") if budget.clock is Clock.CPU else (report.wall_s, "wall")
    if spent_s <= budget.amount * (1 + TOLERANCE_SHARE) + TOLERANCE_S:
        return None
    over = spent_s / budget.amount - 1
    return f"spent {spent_s:.2f} {clock} seconds of a budget of {budget.amount:g} ({over:+.1%})"
