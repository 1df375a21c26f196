"""What an executor is given and gives back: one confined command, its caps, how it ended."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path

import msgspec

from jumar.core.machine import Circumstances

#: in a job's environment: how many threads common libraries compute with
THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """Hard limits of one command's whole process tree. None means no such limit."""

    wall_s: float
    cpu_s: float | None = None
    memory_bytes: int | None = None
    processes: int = 256
    output_bytes: int = 16 << 20  #: standard output and error together
    disk_bytes: int = 1 << 30  #: what it may leave in its output folder


class Ending(enum.Enum):
    """How a command's process tree came to its end."""

    EXITED = "exited"  #: by itself; `exit_code` says how
    SIGNALLED = "signalled"  #: by a signal that we did not send
    TIMED_OUT = "timed out"  #: past `caps.wall_s`
    OVER_CPU = "over cpu"  #: past `caps.cpu_s`
    OUT_OF_MEMORY = "out of memory"  #: past `caps.memory_bytes`
    OVER_OUTPUT = "over output"  #: printed more than `caps.output_bytes`
    OVER_DISK = "over disk"  #: wrote more than `caps.disk_bytes`
    CANCELLED = "cancelled"  #: by `Executor.cancel`
    NOT_STARTED = "not started"  #: the command does not exist or may not be executed


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One command to run confined: what it sees, where it writes, what it may use.

    The command sees `tree` read-only as its working directory, `readable` read-only at their own
    places, `out` (JUMAR_OUT) for writing, and the system's programs; nothing of `masked`, of the
    home, of other runs or of the parent's environment. `inputs` maps a path inside the tree to
    a folder or file shown there read-only.

    `work` and `home` are for commands that edit a tree of their own, as coding agents do: folders in
    `out` that everyone may write to, made by the caller. The command begins in `work` instead of
    `tree`, and has `home` as its home instead of an empty one.

    `servers` are jobs that live as long as this one: each one's standard input and output are
    pipes whose other ends this job inherits; JUMAR_SERVERS is `read_fd:write_fd` of each,
    separated by commas.

    `cores` are numbers of the CPUs that everything of it may run on, none for any. A job that `follows`
    another, as a score follows its run, is given what that one was. One that is `beside` another, as
    the sides of a pair are, goes to the same machine where it can, or else to one of the same class.
    """

    key: str  #: unique among the jobs of one executor
    command: tuple[str, ...]
    tree: Path
    out: Path
    log: Path  #: standard output and error go here, bytes as they come
    caps: Caps
    env: Mapping[str, str] = {}
    inputs: Mapping[str, Path] = {}
    readable: tuple[Path, ...] = ()
    masked: tuple[Path, ...] = ()
    network: bool = False
    work: str = ""
    home: str = ""
    cores: tuple[int, ...] = ()
    follows: str = ""  #: key of a job that has ended
    beside: str = ""  #: key of a job that was submitted before
    servers: tuple[Job, ...] = ()


class ExitReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended, metered from outside. Times are of the whole process tree."""

    ending: Ending
    exit_code: int | None  #: None unless EXITED
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int
    output_bytes: int
    disk_bytes: int = 0
    detail: str = ""  #: a sentence where the ending alone does not say enough
    servers: tuple[ExitReport, ...] = ()
    under: Circumstances | None = None  #: as the executor knows them; None in older records

    @property
    def succeeded(self) -> bool:
        """True when the command ended by itself with exit code 0."""
        return self.ending is Ending.EXITED and self.exit_code == 0
