"""A command that was started: its caps are looked at, it is ended, and how it went is told.

Shared by every sandbox; what differs between them is a `Cage`.
"""

from __future__ import annotations

import fcntl
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from jumar.core.job import Ending, ExitReport, Job
from jumar.errors import SandboxUnavailable
from jumar.sandboxes.leavings import Census, files, nameless, settle
from jumar.sandboxes.metering import Meter
from jumar.sandboxes.starting import Ended, Started

_FIRST_OWN_FD = 20  # a shell can redirect the numbers below 10 alone, so we keep out of their way


class Streams(NamedTuple):
    """What a command is connected to beside its log. None: nothing to read, output to the log."""

    stdin: int | None = None
    stdout: int | None = None
    inherited: tuple[int, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


class Exit(NamedTuple):
    """How the command itself ended, before caps are considered."""

    status: int  #: exit code, or minus the signal
    cpu_s: float
    peak_memory_bytes: int
    not_started: str = ""  #: why, when it never ran


class Cage(Protocol):
    """How one kind of sandbox reaches into the tree that it started."""

    keeps_memory: bool  #: the kernel itself keeps the memory cap

    def processes(self) -> Iterable[str]:
        """The /proc folders of what lives in the tree."""
        ...

    def out_of_memory(self) -> bool:
        """True once the kernel killed for memory."""
        ...

    def cpu_s(self) -> float | None:
        """The kernel's own count for the tree, where there is one."""
        ...

    def kill(self) -> None:
        """Begin the end of the whole tree."""
        ...

    def exit(self, ended: Ended) -> Exit:
        """Read the end. Raises SandboxUnavailable when the command was never confined."""
        ...

    def close(self) -> None:
        """Give back what the run held; everything in it has ended."""
        ...


class Running:
    """A command under way, as `core.sandbox.Confined` promises."""

    def __init__(self, job: Job, process: Started, cage: Cage, log_fd: int) -> None:
        self._job, self._process, self._cage, self._log_fd = job, process, cage, log_fd
        self._started = time.monotonic()
        self._most_output = 0
        self._disk = (
            Census(lambda: files(job.out)),
            Census(lambda: nameless(job.out, cage.processes)),
        )
        self._meter = Meter(cage.processes)
        self._why: Ending | None = None
        self._report: ExitReport | SandboxUnavailable | None = None
        self.servers: tuple[Startable, ...] = ()

    def fileno(self) -> int:
        return self._process.pidfd

    def check(self) -> None:
        """Kill at the first cap that was passed."""
        if self._why is None and self._report is None and (why := self._passed()):
            self._end(why)
        for server in self.servers:
            server.check()

    def kill(self) -> None:
        if self._why is None and self._report is None:
            self._end(Ending.CANCELLED)

    def _end(self, why: Ending) -> None:
        self._why = why
        self._meter.sample()
        self._cage.kill()

    def _passed(self) -> Ending | None:
        caps, cage = self._job.caps, self._cage
        if time.monotonic() - self._started >= caps.wall_s:
            return Ending.TIMED_OUT  # first: whatever else there is to look at takes its time
        usage = self._meter.sample()
        cpu_s = max(usage.cpu_s, cage.cpu_s() or 0)
        is_greedy = not cage.keeps_memory and usage.memory_bytes > (caps.memory_bytes or math.inf)
        passed = [
            (Ending.OUT_OF_MEMORY, is_greedy or cage.out_of_memory()),
            (Ending.OVER_CPU, cpu_s > (math.inf if caps.cpu_s is None else caps.cpu_s)),
            (Ending.OVER_OUTPUT, self._output_bytes() > caps.output_bytes),
            (Ending.OVER_DISK, sum(census.look() for census in self._disk) > caps.disk_bytes),
        ]
        return next((ending for ending, is_so in passed if is_so), None)

    def _output_bytes(self) -> int:
        """The longest that its log was seen to be: it is the run's own, to cut as well."""
        self._most_output = max(self._most_output, os.fstat(self._log_fd).st_size)
        return self._most_output

    def report(self) -> ExitReport:
        if self._report is None:
            try:
                self._report = self._finish()
            except SandboxUnavailable as error:
                self._report = error
        if isinstance(self._report, SandboxUnavailable):
            raise self._report
        return self._report

    def _finish(self) -> ExitReport:
        with ExitStack() as held:
            held.callback(self._cage.close)
            held.callback(os.close, self._log_fd)
            held.callback(self._process.close)
            for census in self._disk:
                held.callback(census.close)
            for server in self.servers:
                held.callback(server.report)  # so that each one ends, whatever fails here
                held.callback(server.kill)
            ended = self._process.wait()
            wall_s = time.monotonic() - self._started
            for server in self.servers:
                server.kill()
            return self._tell(ended, wall_s, tuple(server.report() for server in self.servers))

    def _tell(self, ended: Ended, wall_s: float, servers: tuple[ExitReport, ...]) -> ExitReport:
        out_of_memory, counted_s = self._cage.out_of_memory(), self._cage.cpu_s()
        exit = self._cage.exit(ended)
        caps, seen = self._job.caps, self._meter.sample()
        # The kernel's high-water mark of a child begins with its parent's: below that it says nothing.
        is_known = exit.peak_memory_bytes > ended.floor_kib << 10 or not seen.peak_memory_bytes
        peak = max(seen.peak_memory_bytes, exit.peak_memory_bytes if is_known else 0)
        cpu_s = counted_s if counted_s is not None else max(exit.cpu_s, seen.cpu_s)
        output = self._output_bytes()
        if os.fstat(self._log_fd).st_size > caps.output_bytes:
            os.truncate(self._job.log, caps.output_bytes)
        disk = settle(self._job.out)
        passed = [
            (Ending.OUT_OF_MEMORY, out_of_memory),
            (Ending.OVER_CPU, caps.cpu_s is not None and cpu_s > caps.cpu_s),
            (Ending.OVER_OUTPUT, output > caps.output_bytes),
            (Ending.OVER_DISK, disk > caps.disk_bytes),
            (Ending.NOT_STARTED, bool(exit.not_started)),
            (Ending.SIGNALLED, exit.status < 0),
        ]
        ending = self._why or next((ending for ending, is_so in passed if is_so), Ending.EXITED)
        return ExitReport(
            ending=ending,
            exit_code=exit.status if ending is Ending.EXITED else None,
            wall_s=wall_s,
            cpu_s=cpu_s,
            peak_memory_bytes=peak,
            output_bytes=output,
            disk_bytes=disk,
            detail=exit.not_started or (_signal_name(exit.status) if ending is Ending.SIGNALLED else ""),
            servers=servers,
        )


class NotStarted:
    """A command that does not exist: its report is ready at once."""

    def __init__(self, detail: str, servers: tuple[Startable, ...] = ()) -> None:
        self._detail, self.servers = detail, servers
        self._fd = os.eventfd(1)
        self._report: ExitReport | None = None

    def fileno(self) -> int:
        return self._fd

    def check(self) -> None:
        return

    def kill(self) -> None:
        return

    def report(self) -> ExitReport:
        if self._report is None:
            os.close(self._fd)
            for server in self.servers:
                server.kill()
            self._report = ExitReport(
                ending=Ending.NOT_STARTED,
                exit_code=None,
                wall_s=0,
                cpu_s=0,
                peak_memory_bytes=0,
                output_bytes=0,
                detail=self._detail,
                servers=tuple(server.report() for server in self.servers),
            )
        return self._report


Startable = Running | NotStarted
Start = Callable[[Job, Streams], Startable]


def not_started(job: Job, detail: str) -> NotStarted:
    """The end of a job that never began; its log is there, and empty."""
    os.close(_open_log(job.log))
    return NotStarted(detail)


def launch(job: Job, start: Start) -> Startable:
    """Start the servers of `job` and then the job itself, which inherits its ends of their pipes."""
    servers: list[Startable] = []
    ends: list[tuple[int, int]] = []
    try:
        for server in job.servers:
            with _pipe() as question, _pipe() as answer:
                servers.append(start(server, Streams(stdin=question[0], stdout=answer[1])))
                ends.append((_own(answer[0]), _own(question[1])))
        env = (("JUMAR_SERVERS", ",".join(f"{read}:{write}" for read, write in ends)),) if ends else ()
        inherited = tuple(fd for pair in ends for fd in pair)
        main = start(job, Streams(inherited=inherited, env=env))
    except BaseException:
        for running in servers:
            running.kill()
            running.report()
        raise
    finally:
        for fd in (fd for pair in ends for fd in pair):
            os.close(fd)
    main.servers = tuple(servers)
    return main


@contextmanager
def connected(job: Job, streams: Streams, own_fds: Iterable[int]) -> Iterator[tuple[dict[int, int], int]]:
    """What a command's descriptors shall be, number → ours, connected as `streams` says; and the log's."""
    log_fd = _open_log(job.log)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fds = {
            0: nothing if streams.stdin is None else streams.stdin,
            1: log_fd if streams.stdout is None else streams.stdout,
            2: log_fd,
        }
        yield fds | {fd: fd for fd in (*own_fds, *streams.inherited)}, log_fd
    except BaseException:
        os.close(log_fd)
        raise
    finally:
        os.close(nothing)


def _open_log(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(log, flags, 0o644)


def environment(
    job: Job, streams: Streams, *, search: str, home: str, out: str, scratch: str
) -> dict[str, str]:
    """Everything that a command's environment holds."""
    return {
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **job.env,
        "PATH": search,
        "HOME": home,
        "TMPDIR": scratch,
        "JUMAR_OUT": out,
        **dict(streams.env),
    }


def make_out(out: Path) -> None:
    """Make the output folder where the caller has not."""
    out.mkdir(parents=True, exist_ok=True)


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_CLOEXEC)
    try:
        yield ends
    finally:
        for fd in ends:
            os.close(fd)


def _own(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN_FD)


def own_fd(fd: int) -> int:
    """`fd` under a number that no shell redirection uses; the old one is closed."""
    try:
        return _own(fd)
    finally:
        os.close(fd)


def _signal_name(status: int) -> str:
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
