"""Owns whether this machine's sandbox promises what a contract needs, before anything has run."""

from __future__ import annotations

from collections.abc import Set

from jumar.core.contract import Clock, Contract
from jumar.core.sandbox import Promise
from jumar.errors import EnvironmentUnfit

IN_WORDS = {
    Promise.KILLS_TREE: "that nothing a run started outlives it",
    Promise.METERS_CPU: "CPU seconds metered over the whole process tree",
    Promise.CAPS_MEMORY: "a cap on memory",
    Promise.CAPS_PROCESSES: "a cap on processes",
    Promise.CAPS_DISK: "a cap on what a run writes",
    Promise.NO_NETWORK: "no network",
    Promise.HIDES_FILES: "that a run cannot read the hidden data, your home, the ledger or other runs",
    Promise.READ_ONLY_TREE: "that a run writes nothing but its own output folder",
    Promise.HIDES_SECRETS: "that a run sees nothing of your environment",
    Promise.HIDES_PROCESSES: "that a run can neither see nor signal other processes",
}

_ALWAYS = frozenset(
    {
        Promise.KILLS_TREE,
        Promise.CAPS_MEMORY,
        Promise.CAPS_PROCESSES,
        Promise.CAPS_DISK,
        Promise.HIDES_FILES,
        Promise.READ_ONLY_TREE,
        Promise.HIDES_SECRETS,
    }
)


def needs(contract: Contract) -> frozenset[Promise]:
    """What a sandbox has to promise for this contract to mean what it says."""
    needed = set(_ALWAYS)
    if contract.run.budget.clock is Clock.CPU:
        needed.add(Promise.METERS_CPU)
    if not contract.run.network:
        needed.add(Promise.NO_NETWORK)
    return frozenset(needed)


def preflight(
    contract: Contract, sandbox_name: str, promises: Set[Promise], *, waive: bool
) -> tuple[str, ...]:
    """The promises that are done without, because the user accepted that; usually none.

    Raises EnvironmentUnfit when something needed is missing and was not accepted (`waive`), or is
    missing and cannot be done without: a budget in CPU seconds needs a meter.
    """
    missing = sorted(needs(contract) - promises, key=lambda promise: promise.value)
    if Promise.METERS_CPU in missing:
        raise EnvironmentUnfit(
            f"the budget is in CPU seconds, and the sandbox `{sandbox_name}` cannot meter those here",
            fix='set `clock = "wall"` in [run], or use another sandbox (`jumar doctor` lists them)',
        )
    if missing and not waive:
        raise EnvironmentUnfit(
            f"the sandbox `{sandbox_name}` does not promise here: "
            + "; ".join(IN_WORDS[promise] for promise in missing),
            fix=f"install bubblewrap (`jumar doctor` says how), or accept this with --sandbox {sandbox_name}",
        )
    return tuple(promise.value for promise in missing)
