"""The small process that starts every run for us, and ends them all when we end, however we end.

Three things it does that we could not. It sees our death, and then kills what is below it until
nothing is: bubblewrap alone would leave a box behind whose builder was killed before the box was
whole. It forks a *spare* ahead of each start, which enters its control group while we are busy
elsewhere: the kernel takes 10 ms for that. And a fork of it is cheap, however large we are.

Our death is the end of the socket to us, or of the process itself: a child that we forked may hold
the socket open. Killed itself (it ignores polite signals), it takes every run along, and each
counts as lost.

Run as `python -I -S warden.py SOCKET PIDFD`, the second being of the process that it works for. On
the socket come packets, each a marshalled tuple:

- `("spare", files)` and one descriptor: fork a spare that writes itself into `files` (to enter
  control groups) and talks on that descriptor. No answer.
- `("wait", pid)`: answers `(wait status, CPU seconds, peak KiB, own peak KiB)` of a run that ended,
  or None for what it never started.

A spare says its process id when it is in its groups. Its order is descriptors, the first of which
holds a marshalled dict: `command` and `env`, the `numbers` that the other descriptors become, the
`cores` that all of it is to run on (none: any), and `confine`, which is None or has the spare play the
launcher (see `launcher.py`). It closes its channel as the command begins, and says a reason only when
it cannot.
"""

from __future__ import annotations

import ctypes
import fcntl
import marshal
import os
import resource
import select
import signal
import socket
import sys
from typing import Any

if __name__ == "__main__":  # nothing else says where Jumar lies: -I and -S leave that out
    sys.path.append(__file__.rpartition("/jumar/")[0])

from jumar.sandboxes import launcher

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER = 1, 4, 36
_MOST_FDS = 253  # in one packet: the kernel's SCM_MAX_FD
_IGNORED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

_libc = ctypes.CDLL(None)


def main(channel: socket.socket, controller: int) -> None:
    """Serve until `controller` is dead or its end of `channel` closed, then end everything below."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(controller, select.POLLIN)
    try:
        while controller not in (ready for ready, _ in poll.poll()):
            packet, fds = _receive(channel)
            if not packet:
                break
            what, about = marshal.loads(packet)
            if what == "wait":
                channel.send(marshal.dumps(_wait(about)))
            else:
                _fork_spare(socket.socket(fileno=fds[0]), about, (channel.fileno(), controller))
    finally:
        launcher.end_all_below()


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    packet, fds, _, _ = socket.recv_fds(channel, 1 << 16, _MOST_FDS)
    for fd in fds:
        os.set_inheritable(fd, False)  # no command may find them: Python 3.11 ignores MSG_CMSG_CLOEXEC
    return packet, fds


def _wait(pid: int) -> tuple[int, float, int, int] | None:
    try:
        _, status, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return None
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, own


def _fork_spare(channel: socket.socket, files: list[str], not_its: tuple[int, ...]) -> None:
    """One that cannot be had is this one start's trouble and nobody else's."""
    warden = os.getpid()
    with channel:
        try:
            pid = os.fork()
        except OSError as error:
            channel.send(marshal.dumps(f"no process can be made: {error.strerror}"))
            return
        if pid == 0:
            try:
                for fd in not_its:
                    os.close(fd)
                _be_spare(channel, files, warden)
            finally:
                os._exit(127)


def _be_spare(channel: socket.socket, files: list[str], warden: int) -> None:
    """In the child: enter the groups, wait for the order, become the command or its launcher."""
    try:
        _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != warden:
            return
        os.setsid()
        for path in files:
            with open(path, "w") as file:
                file.write("0")
        channel.send(marshal.dumps(os.getpid()))
        packet, fds = _receive(channel)
        if not packet:
            return
        with os.fdopen(fds[0], "rb") as file:
            order: dict[str, Any] = marshal.load(file)
        if order["cores"]:
            os.sched_setaffinity(0, order["cores"])
        channel = _renumber(channel, fds[1:], order["numbers"])
        for number in (signal.SIGPIPE, signal.SIGXFSZ, *_IGNORED):
            signal.signal(number, signal.SIG_DFL)
        if order["confine"] is None:
            os.execve(order["command"][0], order["command"], order["env"])
        channel.close()
        launcher.launch(order, warden)
    except (OSError, ValueError) as error:
        channel.send(marshal.dumps(str(error)))


def _renumber(channel: socket.socket, fds: list[int], numbers: list[int]) -> socket.socket:
    """Make each of `fds` the descriptor of its number, after all have made room; and so does `channel`."""
    old = [*fds, channel.detach()]
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(numbers) + 1) for fd in old]
    for fd, number in zip(high[:-1], numbers, strict=True):
        os.dup2(fd, number)
    for fd in {*old, *high[:-1]}.difference(numbers):
        os.close(fd)
    return socket.socket(fileno=high[-1])


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
