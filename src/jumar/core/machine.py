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


def machine_in_words(machine: Machine) -> str:
    """What a claim says of the machine it was measured on."""
    cores = f"{machine.cores} core{'' if machine.cores == 1 else 's'}"
    return ", ".join(filter(None, (machine.host, *machine.gpus, machine.cpu, cores)))
