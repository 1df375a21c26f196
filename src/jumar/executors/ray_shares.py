"""Owns what a run takes of a cluster's machines, and how many of them each machine holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from jumar.errors import EnvironmentUnfit
from jumar.executors.seats import PAIR

CPU, GPU, MEMORY = "CPU", "GPU", "memory"  # as Ray names them
GIB = 1 << 30


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a study asks of a cluster."""

    memory_bytes: int  #: that a run may use
    workers: int | None = None  #: None: as many as take nothing from one another
    resources: Mapping[str, float] = {}  #: for each run, as the user names them
    gpus: float | None = None  #: for each run; None: a whole one where there are any
    on_wall_clock: bool = False  #: whoever has to wait measures less


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine of the cluster, and all that it has."""

    node: str  #: as Ray knows it
    host: str
    resources: Mapping[str, float]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one run takes, and how many runs side by side are enough for a machine."""

    takes: Mapping[str, float]
    most: int | None = None

    def capacity(self, machine: Machine) -> int:
        """How many runs a machine holds."""
        has = machine.resources
        held = [math.floor(has.get(name, 0.0) / amount + 1e-9) for name, amount in self.takes.items()]
        return min([*held, *filter(None, [self.most])])

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {amount / GIB:.3g} GiB" if name == MEMORY else f"{name}={amount:g}"
            for name, amount in self.takes.items()
        )


def share(machines: Sequence[Machine], asked: Asked) -> Share:
    """What each run takes. Raises EnvironmentUnfit where no machine could hold one.

    Where the user does not say: a whole GPU where there are any, and an equal part of the cores for each
    GPU; without GPUs half of a machine's cores, as runs side by side are enough for the two sides of a
    pair and more may slow one another; on a wall clock all of them.
    """
    takes = {name: amount for name, amount in asked.resources.items() if amount}
    usual = asked.gpus if asked.gpus is not None else float(any(_has(each, GPU) for each in machines))
    if usual and GPU not in asked.resources:
        takes[GPU] = usual
    most = None
    if CPU not in asked.resources:
        most = None if GPU in takes else 1 if asked.on_wall_clock else PAIR
        able = [each for each in machines if all(_has(each, name) >= takes[name] for name in takes)]
        sizes = [_has(each, CPU) / (most or math.floor(_has(each, GPU) / takes[GPU])) for each in able]
        takes[CPU] = float(max(1, math.floor(min(sizes, default=1.0))))
    found = Share(takes=takes | {MEMORY: float(asked.memory_bytes)}, most=most)
    if not any(found.capacity(each) for each in machines):
        there = Share(
            takes={name: max((_has(m, name) for m in machines), default=0.0) for name in found.takes}
        )
        raise EnvironmentUnfit(
            f"no machine of the Ray cluster holds a run: each takes {found}; the most of one is {there}",
            fix="start a machine that has them, or ask for less: --resource, or `memory` in [run]",
        )
    return found


def wanting(
    machines: Sequence[Machine], found: Share, workers: int | None, seated: Mapping[str, int]
) -> dict[str, int]:
    """How many more seats each machine shall have, by its node; the roomiest are filled first."""
    left = math.inf if workers is None else workers - sum(seated.values())
    more: dict[str, int] = {}
    for machine in sorted(machines, key=lambda each: (-found.capacity(each), each.node)):
        count = min(left, found.capacity(machine) - seated.get(machine.node, 0))
        if count > 0:
            more[machine.node] = int(count)
            left -= count
    return more


def _has(machine: Machine, name: str) -> float:
    return machine.resources.get(name, 0.0)
