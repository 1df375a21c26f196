"""Owns how a machine is shared out among workers: each has a seat, which only its runs use.

A seat is some whole cores with all their threads, near the same memory where that is possible, a share
of memory and, where there are GPUs, one of them. All seats of a machine are equally large: what a run
measures must not depend on which it was given.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from jumar.core.machine import Circumstances
from jumar.errors import EnvironmentUnfit, Usage
from jumar.executors.gpus import Gpu
from jumar.executors.topology import Node

GIB = 1 << 30
PAIR = 2  # runs side by side are enough for two sides of a comparison; more may slow one another
Share = float | Literal["mig"]  #: of GPUs, for each worker: so many of them, or an instance of one


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine has to share out."""

    cpu: str
    nodes: tuple[Node, ...]
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()

    @property
    def cores(self) -> int:
        """Whole ones, whatever threads they have."""
        return sum(len(node) for node in self.nodes)

    @property
    def threads(self) -> tuple[int, ...]:
        """Numbers of all CPUs, those of a core side by side."""
        return tuple(cpu for node in self.nodes for core in node for cpu in core)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a study asks of it."""

    memory_bytes: int  #: that a run may use
    workers: int | None = None  #: None: as many as take nothing from one another
    gpus: Share | None = None  #: for each worker; None: a whole one where there is any
    on_wall_clock: bool = False  #: whoever has to wait measures less
    oversubscribed: bool = False  #: more than there is, as the user insists


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of one worker have to themselves."""

    cores: tuple[int, ...] = ()  #: numbers of CPUs; none: any
    threads: int = 0  #: how many of them are worth computing on; 0: unknown
    gpus: str | None = None  #: as CUDA_VISIBLE_DEVICES has it; None: as it is


def usual_workers(ground: Ground, wanted: Wanted) -> int:
    """How many take nothing from one another: with one GPU each, else a pair, if cores and memory last.

    On a wall clock without GPUs it is one alone, as any neighbour would be measured too.
    """
    devices = _devices(ground, wanted.gpus)
    most = len(devices) if devices else 1 if wanted.on_wall_clock else PAIR
    return max(1, min(most, ground.cores, _held(ground, wanted)))


def most_workers(ground: Ground, wanted: Wanted) -> int:
    """How many there is room for."""
    devices = _devices(ground, wanted.gpus)
    most = min(len(ground.threads), len(devices) or len(ground.threads), _held(ground, wanted))
    return max(1, most if most == len(ground.threads) else min(most, ground.cores))


def seats(ground: Ground, wanted: Wanted) -> tuple[Seat, ...]:
    """One for each worker. Raises EnvironmentUnfit where there is less than that takes."""
    workers, devices = wanted.workers or usual_workers(ground, wanted), _devices(ground, wanted.gpus)
    if not wanted.oversubscribed:
        _refuse_more_than_there_is(workers, len(devices), ground, wanted)
    shares = _shares(ground, workers)
    off = "" if ground.gpus and wanted.gpus == 0 else None
    return tuple(
        Seat(
            cores=tuple(cpu for core in share for cpu in core),
            threads=len(share),
            gpus=devices[n % len(devices)] if devices else off,
        )
        for n, share in enumerate(shares)
    )


def circumstances(ground: Ground, wanted: Wanted, found: tuple[Seat, ...]) -> Circumstances:
    """What runs in these seats are made under."""
    cores = len(found[0].cores)
    words = [ground.cpu, f"{cores} core{'' if cores == 1 else 's'}"]
    if len(found) > most_workers(ground, wanted):
        words.append("oversubscribed")
    if found[0].gpus:
        name = ground.gpus[0].name
        share = wanted.gpus if wanted.gpus not in (None, 1) else ""
        words.append(f"MIG of {name}" if share == "mig" else f"{share:g} × {name}" if share else name)
    return Circumstances(machine=", ".join(words), workers=len(found))


def _devices(ground: Ground, share: Share | None) -> list[str]:
    """What CUDA_VISIBLE_DEVICES may be for one worker each; the first ones are on different GPUs."""
    if share == "mig":
        found = [instance for gpu in ground.gpus for instance in gpu.instances]
        if not found:
            raise EnvironmentUnfit(
                "no GPU here is divided into MIG instances",
                fix="divide one (`nvidia-smi mig -cgi …`), or leave --gpus-per-worker out",
            )
        return found
    if share == 0 or not ground.gpus:
        if share:
            raise EnvironmentUnfit(
                "there is no GPU here that Jumar can see", fix="see whether `nvidia-smi -L` does"
            )
        return []
    if len(kinds := dict.fromkeys(gpu.name for gpu in ground.gpus)) > 1:
        first = ground.gpus[0].index
        raise EnvironmentUnfit(
            f"the GPUs here are not alike ({', '.join(kinds)}): their runs could not be compared",
            fix=f"say which to use, by nvidia-smi's numbers: CUDA_VISIBLE_DEVICES={first} jumar run; "
            "or that runs use none: --gpus-per-worker 0",
        )
    share = 1 if share is None else share
    names = [gpu.uuid for gpu in ground.gpus]
    if share < 1:
        return names * math.floor(1 / share + 1e-9)
    if share != int(share):
        raise Usage(f"a worker cannot have {share:g} GPUs", fix="name whole ones, or a part of one, or mig")
    each = int(share)
    if each > len(names):
        raise EnvironmentUnfit(
            f"a worker shall have {each} GPUs, and this machine has {len(names)}",
            fix=f"--gpus-per-worker {len(names)}, or fewer",
        )
    return [",".join(names[n : n + each]) for n in range(0, len(names) - each + 1, each)]


def _held(ground: Ground, wanted: Wanted) -> int:
    """How many runs the memory holds, if each uses what it may."""
    return ground.memory_bytes // wanted.memory_bytes


def _refuse_more_than_there_is(workers: int, devices: int, ground: Ground, wanted: Wanted) -> None:
    threads, gib = len(ground.threads), wanted.memory_bytes / GIB
    more = "or insist: --oversubscribe, and runs wait for one another"
    if workers > threads:
        raise EnvironmentUnfit(
            f"{workers} workers need {workers} cores, and Jumar may use {threads} here",
            fix=f"--workers {threads}; {more}",
        )
    if ground.cores < workers < threads:
        raise EnvironmentUnfit(
            f"{workers} workers cannot have equal parts of {ground.cores} cores with {threads} threads",
            fix=f"--workers {ground.cores}, a core each; or {threads}, a thread each; {more}",
        )
    if workers > max(1, held := _held(ground, wanted)):
        raise EnvironmentUnfit(
            f"{workers} workers need {workers} × {gib:.3g} GiB of memory, and this machine has "
            f"{ground.memory_bytes / GIB:.3g} GiB",
            fix=f"--workers {max(1, held)}, or a lower `memory` in [run]; {more}",
        )
    if ground.gpus and wanted.gpus != 0 and workers > devices:
        part = _part(-(-workers // len(ground.gpus)))
        raise EnvironmentUnfit(
            f"{workers} workers need {workers} GPUs or parts of them, and this machine has {devices}",
            fix=f"--workers {devices}; or smaller parts: --gpus-per-worker {part:g} (0 if runs use none)",
        )


def _part(many: int) -> float:
    """A short number, of which `many` are no more than one."""
    scale = 10.0 ** (len(str(many)) + 1)
    return math.floor(scale / many) / scale


def _shares(ground: Ground, workers: int) -> list[tuple[tuple[int, ...], ...]]:
    """Equally many whole cores for each worker, of one node each where that is possible."""
    if workers > ground.cores:  # threads of one core, or even the same ones
        each = ground.threads
        return [((each[n % len(each)],),) for n in range(workers)]
    size = ground.cores // workers
    if workers < len(ground.nodes):
        whole = [core for node in ground.nodes for core in node]
        return [tuple(whole[n * size : (n + 1) * size]) for n in range(workers)]
    while True:
        found = [node[n : n + size] for node in ground.nodes for n in range(0, len(node) - size + 1, size)]
        if len(found) >= workers:
            return found[:workers]
        size -= 1  # of one core each there are enough
