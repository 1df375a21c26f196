"""The small process that starts every run for us, and ends them all when we end, however we end.

Three things it does that we could not. It sees our death as the end of a socket, and kills what is
below it until nothing is: bubblewrap alone would leave a box behind whose builder was killed before
the box was whole. It forks a *spare* ahead of each start, which enters its control group while we
are busy elsewhere: the kernel takes 10 ms for that. And a fork of it is cheap, however large we are.

Run as `python -I -S warden.py FD`; FD is a socket of packets, each a marshalled tuple:

- `("spare", files)` and one descriptor: fork a spare that writes itself into `files` (to enter
  control groups) and talks on that descriptor. No answer.
- `("wait", pid)`: answers `(wait status, CPU seconds, peak KiB, own peak KiB)` of a run that ended.

A spare says its process id when it is in its groups. Its order is descriptors, the first of which
holds a marshalled `(command, environment, numbers)`: the others become these numbers. It answers
only when something fails, with the reason. It imports nothing of Jumar.
"""

from __future__ import annotations

import ctypes
import fcntl
import marshal
import os
import resource
import signal
import socket
import sys

_SET_DUMPABLE, _SET_CHILD_SUBREAPER = 4, 36
_MOST_FDS = 253  # in one packet: the kernel's SCM_MAX_FD


def main(channel: socket.socket) -> None:
    """Serve until the other end is closed, then end everything below."""
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    while True:
        packet, fds = _receive(channel)
        if not packet:
            break
        what, about = marshal.loads(packet)
        if what == "wait":
            channel.send(marshal.dumps(_wait(about)))
        elif os.fork() == 0:
            channel.close()
            _be_spare(socket.socket(fileno=fds[0]), about)
        else:
            os.close(fds[0])
    _end_all()


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    packet, fds, _, _ = socket.recv_fds(channel, 1 << 16, _MOST_FDS)
    for fd in fds:
        os.set_inheritable(fd, False)  # no command may find them: Python 3.11 ignores MSG_CMSG_CLOEXEC
    return packet, fds


def _wait(pid: int) -> tuple[int, float, int, int]:
    _, status, usage = os.wait4(pid, 0)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, own


def _be_spare(channel: socket.socket, files: list[str]) -> None:
    """In the child: enter the groups, wait for the order, become the command."""
    try:
        os.setsid()
        for path in files:
            with open(path, "w") as file:
                file.write("0")
        channel.send(marshal.dumps(os.getpid()))
        packet, fds = _receive(channel)
        if not packet:
            os._exit(0)
        with os.fdopen(fds[0], "rb") as file:
            command, env, numbers = marshal.load(file)
        _renumber(fds[1:], numbers)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.execve(command[0], command, env)
    except (OSError, ValueError) as error:
        channel.send(marshal.dumps(str(error)))
    finally:
        os._exit(127)


def _renumber(fds: list[int], numbers: list[int]) -> None:
    """Make each of `fds` the descriptor of its number; first out of the way of all numbers."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(numbers) + 1) for fd in fds]
    for fd, number in zip(high, numbers, strict=True):
        os.dup2(fd, number)


def _end_all() -> None:
    """Kill every descendant; those of the killed become our own children, until there are none."""
    while True:
        todo = [os.getpid()]
        while todo:
            pid = todo.pop()
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                        todo += map(int, file.read().split())
                if pid != os.getpid():
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            os.wait4(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
