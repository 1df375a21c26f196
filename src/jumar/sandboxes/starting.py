"""Starts commands through our warden, each from a spare process that waits in its control group."""

from __future__ import annotations

import atexit
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from jumar.errors import SandboxUnavailable
from jumar.sandboxes.cgroup import Group, places

_PROGRAM = str(Path(__file__).with_name("warden.py"))


class Ended(NamedTuple):
    """What the kernel says of a process and all that it waited for."""

    status: int  #: as of wait(2)
    cpu_s: float
    peak_kib: int
    floor_kib: int  #: a peak up to this is the warden's own and says nothing


class Warden:
    """Starts processes that end with us; see `warden.py` for why it is a process of its own."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._owner = os.getpid()
        ourselves = os.pidfd_open(self._owner)
        told = (theirs.fileno(), ourselves)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", _PROGRAM, *map(str, told)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    pass_fds=told,
                    start_new_session=True,
                )
            finally:
                os.close(ourselves)
        self.pid = self._process.pid
        self._lock = threading.Lock()
        self._spare: _Spare | None = None

    def start(
        self,
        command: list[str],
        env: Mapping[str, str],
        fds: Mapping[int, int],
        memory_bytes: int | None,
        confine: Mapping[str, Any] | None = None,
        cores: tuple[int, ...] = (),
    ) -> Started:
        """Start `command` in a group of its own; `fds` are its number of each → ours.

        With `confine` it starts below a launcher, see `launcher.py`; with `cores` it and its children
        run on those alone. Raises SandboxUnavailable when there is no process to be had; then nothing
        was started.
        """
        order: dict[str, Any] = {"command": command, "env": dict(env), "numbers": list(fds)}
        order |= {"confine": confine, "cores": list(cores)}
        with self._lock, _explained():
            spare = self._awake()
            try:
                spare.group.limit_memory(memory_bytes)
                spare.become(order, list(fds.values()))
            except BaseException:
                self._drop(spare)
                raise
            self._spare = self._next()
        return Started(spare.pid, spare.pidfd, spare.group, self)

    def _awake(self) -> _Spare:
        """The spare that was made ahead, or a fresh one where that came to nothing."""
        kept, self._spare = self._spare, None
        if kept is not None:
            try:
                kept.wake()
            except (OSError, SandboxUnavailable):
                self._drop(kept)
            else:
                return kept
        fresh = _Spare(self)
        try:
            fresh.wake()
        except BaseException:
            self._drop(fresh)
            raise
        return fresh

    def _next(self) -> _Spare | None:
        """A spare for the next start, which does without where there is none to be had now."""
        try:
            return _Spare(self)
        except (OSError, SandboxUnavailable):
            return None

    def _drop(self, spare: _Spare) -> None:
        """Let it end, and give back what it held."""
        spare.close()
        if spare.pid:
            ended = Started(spare.pid, spare.pidfd, spare.group, self)
            ended.send(signal.SIGKILL)
            _until_ended(spare.pidfd)
            with suppress(OSError, SandboxUnavailable):
                self._reap(spare.pid)
            ended.close()
        spare.group.remove()

    def wait(self, pid: int, pidfd: int) -> Ended:
        """Wait for the end of what we started, and give its process id back.

        Raises SandboxUnavailable when the warden is gone: how the process ended is lost with it.
        """
        _until_ended(pidfd)  # before we ask, so that the warden never waits itself
        with self._lock, _explained():
            return self._reap(pid)

    def _reap(self, pid: int) -> Ended:
        self.ask("wait", pid)
        if not (said := self._channel.recv(1 << 16)):
            raise _gone()
        if (told := marshal.loads(said)) is None:
            raise _gone()
        return Ended(*told)

    def ask(self, what: str, about: int | list[str], *fds: int) -> None:
        """Send one request."""
        socket.send_fds(self._channel, [marshal.dumps((what, about))], fds)

    @property
    def is_alive(self) -> bool:
        """Whether it still serves."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and what it holds. In a child that we forked, it is not ours to end."""
        self._channel.close()
        spare, self._spare = self._spare, None
        if os.getpid() != self._owner:
            return
        self._process.wait()
        if spare:
            spare.close()
            spare.group.remove()


class Started(NamedTuple):
    """A process under way, and the group that it is in."""

    pid: int
    pidfd: int  #: readable when it has ended
    group: Group
    warden: Warden

    def wait(self) -> Ended:
        """As `Warden.wait`."""
        return self.warden.wait(self.pid, self.pidfd)

    def send(self, number: signal.Signals) -> None:
        """Signal it, and never another that has its number by now."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        """Give back what we hold of it, but for the group."""
        os.close(self.pidfd)


class _Spare:
    """A process that has entered its group, or is about to, and waits for what to become."""

    def __init__(self, warden: Warden) -> None:
        self.pid, self.pidfd = 0, -1  #: once it is awake
        self.group = Group(places())
        try:
            self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                warden.ask("spare", self.group.entries, theirs.fileno())
        except BaseException:
            self.group.remove()
            raise

    def wake(self) -> None:
        """Hear that it is in its group; what fails from here on is known before anything runs."""
        told = self._hear()
        if not isinstance(told, int):
            raise _refused(told) if told else _gone()
        self.pidfd = os.pidfd_open(told)
        self.pid = told

    def become(self, order: dict[str, Any], fds: list[int]) -> None:
        """Turn it into what `order` says."""
        paper = os.memfd_create("jumar", os.MFD_CLOEXEC)
        try:
            os.write(paper, marshal.dumps(order))
            os.lseek(paper, 0, os.SEEK_SET)
            socket.send_fds(self._channel, [b"!"], [paper, *fds])
        finally:
            os.close(paper)
        if told := self._hear():  # nothing: it closes as the command begins
            raise _refused(f"{order['command'][0]}: {told}")
        self._channel.close()

    def _hear(self) -> int | str | None:
        said = self._channel.recv(1 << 16)
        told: int | str | None = marshal.loads(said) if said else None
        return told

    def close(self) -> None:
        """Say no more to it; where it waits, it ends."""
        self._channel.close()


def _until_ended(pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()


@contextmanager
def _explained() -> Iterator[None]:
    """Whatever the machine refuses us is no candidate's fault."""
    try:
        yield
    except ConnectionError as error:
        raise _gone() from error
    except OSError as error:
        raise _refused(str(error)) from error


def _refused(why: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"a run could not be started: {why}",
        fix="see whether this machine is out of processes, memory or open files, and start again",
    )


def _gone() -> SandboxUnavailable:
    return SandboxUnavailable(
        "the process that starts our runs was killed, and with it the runs that were under way",
        fix="start again; see whether the machine ran out of memory",
    )


_wardens: dict[int, Warden] = {}
_wardens_lock = threading.Lock()


def warden() -> Warden:
    """The warden of this process, started when first needed and ended with us.

    Raises SandboxUnavailable when there is no process to be had.
    """
    with _wardens_lock, _explained():
        found = _wardens.get(os.getpid())
        if found is not None and not found.is_alive:
            atexit.unregister(found.close)
            found.close()
            found = None
        if found is None:
            found = _wardens[os.getpid()] = Warden()
            atexit.register(found.close)
        return found
