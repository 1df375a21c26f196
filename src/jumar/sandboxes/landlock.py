"""Confines a run with Landlock and a system-call filter, where there are no user namespaces.

Stops: reading files that were not shown, writing anything but the output folder, every socket when
the run has no network (pairs of connected sockets work), tracing or reading other processes,
outliving the run, inherited secrets, and passing the caps.
Does not stop: learning which paths exist, how large they are, and which processes run; a kernel
exploit; side channels. Kernels before 6.12 also let a run signal this user's other processes.
Different from bubblewrap for a well-meaning program: /tmp is the folder in TMPDIR, there is no
shared memory in /dev/shm (so no semaphores between processes), no loopback network, changes of
modes and times are answered "done" and not made, and inputs are links in its tree.

As root, the run drops to a user id of its own and keeps one capability, to read: what it may read
is Landlock's to say.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from jumar.core.job import Job
from jumar.core.sandbox import Confined, Promise
from jumar.errors import SandboxUnavailable
from jumar.sandboxes import seccomp
from jumar.sandboxes.confined import Startable, Streams, environment, launch, make_out, not_started
from jumar.sandboxes.ids import unused_uid
from jumar.sandboxes.launching import link_inputs, make_scratch, start
from jumar.sandboxes.limits import rlimits
from jumar.sandboxes.metering import tasks_of_this_user
from jumar.sandboxes.mounts import settings, source_of
from jumar.sandboxes.programs import SYSTEM, Missing, find

_EXECUTE, _WRITE, _READ, _LIST = (1 << bit for bit in range(4))
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_SHOW = _EXECUTE | _READ | _LIST
_FILE = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL  # what may be said of a file rather than a folder
_CHANGE = _SHOW | _WRITE | _TRUNCATE | sum(1 << bit for bit in (4, 5, 7, 8, 9, 10, 12, 13))
_LEAST_ABI = 3  # Linux 6.2: before it, any file of this user could be emptied
_DEVICES = ("null", "zero", "full", "random", "urandom")
_PROC = ("self", "cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "sys")
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


class Landlock:
    """A boundary for machines on which bubblewrap cannot work."""

    name = "landlock"
    promises = frozenset(Promise) - {Promise.HIDES_PROCESSES}

    def launch(self, job: Job) -> Confined:
        """Start `job`. It ends with this process, however that ends: see `warden.py`."""
        if abi() < _LEAST_ABI:
            raise SandboxUnavailable(
                f"the kernel has Landlock {abi()}, and {_LEAST_ABI} is needed" if abi() else "no Landlock",
                fix="use Linux 6.2 or newer with lsm=landlock, or bubblewrap",
            )
        return launch(job, self._start)

    def _start(self, job: Job, streams: Streams) -> Startable:
        make_out(job.out)
        search = job.env.get("PATH", os.environ.get("PATH", os.defpath))
        try:
            program = find(job.command, search, job.tree)
        except Missing as missing:
            return not_started(job, str(missing))
        link_inputs(job)
        scratch, is_root = make_scratch(job), os.geteuid() == 0
        uid = unused_uid() if is_root else None
        if uid is not None:
            os.chown(job.out, uid, uid)
            os.chown(scratch, uid, uid)
        families = seccomp.FAMILIES[1:] if job.network else ()
        shown = (*program.needs, *job.readable, *job.inputs.values(), job.tree)
        confine = {
            "rlimits": rlimits(job.caps, 0 if is_root else tasks_of_this_user()),
            "landlock": (_attributes(), list(_rules(job, shown)), True),
            "seccomp": seccomp.program(families, launched=True, pinned=bool(job.cores)),
            "uid": uid,
            "capabilities": [_reading_capability()] if is_root else [],
        }
        home = job.out.resolve() / job.home if job.home else scratch
        places = {"home": str(home), "out": str(job.out.resolve()), "scratch": str(scratch)}
        env = environment(job, streams, search=program.search, **places)
        return start(job, streams, program.command, env, confine)


@functools.cache
def abi() -> int:
    """The version of Landlock that this kernel has; 0 is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))))


def _handled() -> int:
    bits = 14 if abi() < 3 else 15 if abi() < 5 else 16
    return (1 << bits) - 1


def _attributes() -> bytes:
    """What Landlock shall rule over: files always; abstract sockets and signals where it can."""
    words = (_handled(), 0, 3) if abi() >= 6 else (_handled(),)
    return b"".join(word.to_bytes(8, "little") for word in words)


def _rules(job: Job, shown: Iterable[Path]) -> Iterator[tuple[str, int]]:
    """Path → what is allowed at and below it."""
    masked = [path.resolve() for path in job.masked]
    system = [*map(Path, SYSTEM), *settings(job.network), Path("/sys/devices/system")]
    for path in (*(place for place in system if place.exists()), *map(source_of, shown)):
        yield from _allow(path.resolve(), _SHOW, masked)
    for name in _PROC:
        yield from _allow(Path("/proc", name), _SHOW, [])
    for name in _DEVICES:
        yield f"/dev/{name}", _READ | _WRITE
    for name in os.listdir("/dev"):
        if name.startswith("nvidia"):
            yield from _allow(Path("/dev", name), _READ | _WRITE | _LIST | _IOCTL, [])
    yield str(job.out.resolve()), _CHANGE & _handled()


def _allow(path: Path, rights: int, masked: list[Path]) -> Iterator[tuple[str, int]]:
    """Rights at and below `path`, but for what is masked there: then child by child."""
    if path in masked or not path.exists():
        return
    # What a name in /proc leads to is for the run to find out: `self` is somebody else there.
    inside = [mask for mask in masked if mask.is_relative_to(path)]
    if not inside:
        rights = rights if path.is_dir() else rights & _FILE
        yield str(path), rights & _handled()
        return
    yield str(path), _LIST
    for child in path.iterdir():
        if not child.is_symlink():
            yield from _allow(child, rights, inside)


def _reading_capability() -> int:
    """The narrowest capability we have that reads files of others."""
    with open("/proc/self/status", encoding="ascii") as file:
        permitted = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm"))
    is_narrow = permitted >> _CAP_DAC_READ_SEARCH & 1
    return _CAP_DAC_READ_SEARCH if is_narrow else _CAP_DAC_OVERRIDE
