"""What confines a command on this machine, and what it promises to stop."""

from __future__ import annotations

import enum
from typing import Protocol

from jumar.core.job import ExitReport, Job


class Promise(enum.Enum):
    """What a sandbox keeps. Data, so that a contract that needs more is refused beforehand."""

    KILLS_TREE = "kills_tree"  #: nothing the command started outlives it, whatever it does
    METERS_CPU = "meters_cpu"  #: CPU seconds of the whole tree, exact at the end
    CAPS_MEMORY = "caps_memory"  #: of the whole tree
    CAPS_PROCESSES = "caps_processes"
    CAPS_DISK = "caps_disk"
    NO_NETWORK = "no_network"  #: not even loopback of the host, nor abstract sockets
    HIDES_FILES = "hides_files"  #: home, ledger, other runs and `masked` cannot be read
    READ_ONLY_TREE = "read_only_tree"  #: nothing but its output folder and scratch can be written
    HIDES_SECRETS = "hides_secrets"  #: nothing of the parent's environment
    HIDES_PROCESSES = "hides_processes"  #: other processes can be neither seen nor signalled


class Confined(Protocol):
    """A command that was started. `fileno` becomes readable when it has ended."""

    def fileno(self) -> int: ...

    def check(self) -> None:
        """Look at the caps that need looking at, and kill when one is passed. Called often."""
        ...

    def kill(self) -> None:
        """End the whole tree now, as cancelled. May be called twice and after the end."""
        ...

    def report(self) -> ExitReport:
        """Wait for the end of everything and say how it went. May be called twice."""
        ...


class Sandbox(Protocol):
    """Confines commands, and says in `promises` what it really keeps on this machine."""

    name: str
    promises: frozenset[Promise]

    def launch(self, job: Job) -> Confined:
        """Start `job`. Raises SandboxUnavailable when it could not be confined.

        A command that does not exist is no error here: its report says NOT_STARTED.
        """
        ...
