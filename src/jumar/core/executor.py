"""Runs jobs somewhere: on this machine's slots, later on a cluster."""

from __future__ import annotations

from typing import Protocol

import msgspec

from jumar.core.job import ExitReport, Job
from jumar.core.machine import Circumstances


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A job that came to its end."""

    key: str
    report: ExitReport


class Executor(Protocol):
    """Runs jobs, and promises this.

    `submit` returns at once and never raises for the job's own failure; it may be called with
    more jobs than there are slots, and what counts is the caller's to hold. Each job is reported
    by `wait` exactly once. `wake` may be called on any thread: the `wait` that is under way, or else
    the next one, returns at once. `cancel` may be called twice and after the end. Nothing that a job
    started outlives its report, nor `close`. As many jobs as there are slots take no core, GPU or
    memory from one another. Each report says under which circumstances its job ran.
    """

    slots: int  #: how many jobs may run at once

    @property
    def under(self) -> Circumstances | None:
        """What every job runs under from now on; None where they differ."""
        ...

    def submit(self, job: Job) -> None: ...

    def wait(self, timeout_s: float) -> tuple[Ended, ...]:
        """Jobs that ended since the last call; waits up to `timeout_s` for at least one."""
        ...

    def wake(self) -> None: ...

    def cancel(self, key: str) -> None: ...

    def close(self) -> None:
        """Cancel and reap everything."""
        ...
