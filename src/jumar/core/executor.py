"""Runs jobs somewhere: in this machine's slots, or on a cluster."""

from __future__ import annotations

from typing import Protocol

import msgspec

from jumar.core.job import ExitReport, Job
from jumar.core.machine import Circumstances


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A job that came to its end."""

    key: str
    report: ExitReport


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has no end to report: what ran it died, which says nothing of the job."""

    key: str
    reason: str


class Executor(Protocol):
    """Runs jobs, and promises this.

    `submit` returns at once and never raises for the job's own failure; it may be called with
    more jobs than there are slots, and what counts is the caller's to hold. Each job is reported
    by `wait` exactly once, as ended or as lost. `wake` may be called on any thread: the `wait` that is
    under way, or else the next one, returns at once. `cancel` may be called twice and after the end.
    Nothing that a job started outlives its report, nor `close`. As many jobs as there are slots take no
    core, GPU or memory from one another. Each report says under which circumstances its job ran.
    """

    @property
    def slots(self) -> int:
        """How many jobs may run at once; of a cluster it changes as machines come and go."""
        ...

    @property
    def under(self) -> Circumstances | None:
        """What every job runs under from now on; None where they differ."""
        ...

    def submit(self, job: Job) -> None: ...

    def wait(self, timeout_s: float) -> tuple[Ended | Lost, ...]:
        """Jobs that ended, or were lost, since the last call; waits up to `timeout_s` for at least one."""
        ...

    def wake(self) -> None: ...

    def cancel(self, key: str) -> None: ...

    def close(self) -> None:
        """Cancel and reap everything."""
        ...
