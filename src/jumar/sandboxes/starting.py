"""Starts commands through our warden, each from a spare process that waits in its control group."""

from __future__ import annotations

import atexit
import marshal
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jumar.errors import SandboxUnavailable
from jumar.sandboxes.cgroup import Group, Places, places

_PROGRAM = str(Path(__file__).with_name("warden.py"))
_NOWHERE = Places(None, False, None)


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
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._lock = threading.Lock()
        self._spare: _Spare | None = None

    def start(
        self, command: list[str], env: Mapping[str, str], fds: Mapping[int, int], memory_bytes: int | None
    ) -> Started:
        """Start `command` in a group of its own; `fds` are its number of each → ours.

        Raises SandboxUnavailable when there is no process to be had.
        """
        with self._lock:
            spare, self._spare = self._spare or _Spare(self, places()), None
            try:
                spare.group.limit_memory(memory_bytes)
                pid = spare.become(command, env, fds)
                self._spare = _Spare(self, places())
            except BaseException:
                spare.group.remove()
                raise
        return Started(pid, spare.group, self)

    def start_outside(self, command: list[str], env: Mapping[str, str], fds: Mapping[int, int]) -> Started:
        """The same, in no group: for what enters its group by itself."""
        with self._lock:
            spare = _Spare(self, _NOWHERE)
            return Started(spare.become(command, env, fds), spare.group, self)

    def wait(self, pid: int) -> Ended:
        """Wait for the end of what we started, and give its process id back."""
        pidfd, poll = os.pidfd_open(pid), select.poll()
        try:
            poll.register(pidfd)
            poll.poll()  # before we ask, so that the warden never waits itself
        finally:
            os.close(pidfd)
        with self._lock:
            self.ask("wait", pid)
            return Ended(*marshal.loads(self._hear()))

    def ask(self, what: str, about: int | list[str], *fds: int) -> None:
        """Send one request."""
        try:
            socket.send_fds(self._channel, [marshal.dumps((what, about))], fds)
        except OSError as error:
            raise _gone() from error

    def _hear(self) -> bytes:
        if not (said := self._channel.recv(1 << 16)):
            raise _gone()
        return said

    @property
    def is_alive(self) -> bool:
        """Whether it still serves."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and what it holds."""
        self._channel.close()
        self._process.wait()
        if self._spare:
            self._spare.discard()


class Started(NamedTuple):
    """A process under way, and the group that it is in."""

    pid: int
    group: Group
    warden: Warden

    def wait(self) -> Ended:
        """As `Warden.wait`."""
        return self.warden.wait(self.pid)


class _Spare:
    """A process that has entered its group, or is about to, and waits for what to become."""

    def __init__(self, warden: Warden, where: Places) -> None:
        self.group = Group(where)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            warden.ask("spare", self.group.entries, theirs.fileno())

    def become(self, command: list[str], env: Mapping[str, str], fds: Mapping[int, int]) -> int:
        """Turn it into `command`; returns the process id."""
        order = os.memfd_create("jumar", os.MFD_CLOEXEC)
        try:
            os.write(order, marshal.dumps((command, dict(env), list(fds))))
            os.lseek(order, 0, os.SEEK_SET)
            with self._channel:
                if not (said := self._channel.recv(1 << 16)):
                    raise _gone()
                if isinstance(pid := marshal.loads(said), int):
                    socket.send_fds(self._channel, [b"!"], [order, *fds.values()])
                    said = self._channel.recv(1 << 16)  # nothing: it closes as the command begins
                    if not said:
                        return pid
        except OSError as error:
            raise _gone() from error
        finally:
            os.close(order)
        raise SandboxUnavailable(
            f"{command[0]} could not be started: {marshal.loads(said)}", fix="see `jumar doctor`"
        )

    def discard(self) -> None:
        """Let it end, and give its group back."""
        self._channel.close()
        self.group.remove()


def _gone() -> SandboxUnavailable:
    return SandboxUnavailable(
        "the process that starts our runs has ended", fix="start again; was it killed for want of memory?"
    )


_wardens: dict[int, Warden] = {}
_wardens_lock = threading.Lock()


def warden() -> Warden:
    """The warden of this process, started when first needed and ended with us."""
    with _wardens_lock:
        found = _wardens.get(os.getpid())
        if found is None or not found.is_alive:
            found = _wardens[os.getpid()] = Warden()
            atexit.register(found.close)
        return found
