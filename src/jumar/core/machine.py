"""What a machine is, as far as it matters for comparing numbers."""

from __future__ import annotations

import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded with every study; a laptop's number never meets a server's unseen."""

    host: str
    system: str  #: kernel and architecture
    python: str
    cpu: str
    cores: int  #: that this process may use
    memory_bytes: int
    gpus: tuple[str, ...] = ()


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a run's numbers depend on beside its code: only those made under the same ones compare."""

    machine: str  #: its class: what of it a run has to itself, in words
    workers: int  #: how many runs it makes at once


def alike(one: Circumstances | None, other: Circumstances | None) -> bool:
    """Whether numbers made under both may be compared. None is of an older record: it matches everything."""
    return one is None or other is None or one == other


def circumstances_in_words(under: Circumstances) -> str:
    """On what a run is made, and with how many at once."""
    return f"{under.machine}, {under.workers} worker{'' if under.workers == 1 else 's'}"


def machine_in_words(machine: Machine) -> str:
    """What a claim says of the machine it was measured on."""
    cores = f"{machine.cores} core{'' if machine.cores == 1 else 's'}"
    return ", ".join(filter(None, (machine.host, *machine.gpus, machine.cpu, cores)))
