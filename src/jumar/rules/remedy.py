"""Owns what a person can do about a target that gave no number before anything was changed."""

from __future__ import annotations

from jumar.core.contract import Budget, Clock, Contract
from jumar.core.outcome import Failed, Why

# What programs say when a sandbox kept them from something → what to do. Only a hint for people:
# the words are the target's own.
_SAID = (
    ("in any folder of PATH", "correct `command` in [run], or install that program"),
    ("Read-only file system", "write to the folder that $JUMAR_OUT names; a run's own tree is read-only"),
    (
        "name resolution",
        "fetch what it needs beforehand and name it in [run] inputs, or set `network = true`",
    ),
    ("Network is unreachable", "fetch what it needs beforehand, or set `network = true` in [run]"),
    (
        "No module named",
        "install it for the `python` that the command starts, or name that python in [run] command",
    ),
)


def remedy(failed: Failed, contract: Contract) -> str:
    """What to change in the target or the contract so that the unchanged target gives a number."""
    metric, run = contract.measure.metric.name, contract.run
    for words, fix in _SAID:
        if words in failed.detail:
            return fix
    fixes = {
        Why.TIMED_OUT: f"raise `timeout` in [run] (now {run.timeout_s:g} s), or make a run shorter",
        Why.OVER_BUDGET: f"raise `budget` in [run] (now {_amount(run.budget)}), or let the target read "
        "$JUMAR_BUDGET_S and end by itself",
        Why.OUT_OF_MEMORY: f"raise `memory` in [run] (now {_size(run.memory_bytes)})",
        Why.OVER_DISK: f"raise `disk` in [run] (now {_size(run.disk_bytes)}), or write less",
        Why.OVER_OUTPUT: f"raise `output` in [run] (now {_size(run.output_bytes)}), or print less",
        Why.NO_METRIC: f"print a line `{metric}: 0.123` at the end, or correct `metric` in [measure]",
        Why.NOT_FINITE: f"make the unchanged target give a finite {metric}",
        Why.REFUSED: "mend the target until its own scorer accepts it",
        Why.CHECK_FAILED: "make the checks pass before anything is changed, or correct `checks` in [measure]",
        Why.SCORER_FAILED: "mend the scorer; what it printed: `jumar show 0 --log`",
    }
    return fixes.get(
        failed.why, "make it run with the command of [run]; all that it printed: `jumar show 0 --log`"
    )


def _amount(budget: Budget) -> str:
    return f"{budget.amount:g} steps" if budget.clock is Clock.STEPS else f"{budget.amount:g}s"


def _size(count: int) -> str:
    """Bytes as a contract writes them."""
    unit, name = next(((unit, name) for unit, name in _UNITS if count >= unit), _UNITS[-1])
    return f"{count / unit:.4g}{name}"


_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
