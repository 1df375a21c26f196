"""Starts a command through `launcher.py`: shared by the sandboxes that have no namespaces."""

from __future__ import annotations

import marshal
import os
import shutil
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jumar.core.job import Job
from jumar.errors import SandboxUnavailable
from jumar.sandboxes import metering
from jumar.sandboxes.cgroup import Group, places
from jumar.sandboxes.confined import Exit, Running, Streams, connected, own_fd
from jumar.sandboxes.leavings import settle
from jumar.sandboxes.mounts import make_room
from jumar.sandboxes.starting import Ended, warden

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


_SCRATCH = ".scratch"


def make_scratch(job: Job) -> Path:
    """A folder for temporary files, counted with the output folder and removed with the run."""
    scratch = job.out / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return scratch


def start(job: Job, streams: Streams, spec: dict[str, Any], env: dict[str, str]) -> Running:
    """Start what `spec` says (see `launcher._become`), metered and watched as `job` says."""
    group = Group(places())
    group.limit_memory(job.caps.memory_bytes)
    spec = {**spec, "groups": group.entries, "parent": warden().pid, "env": env}
    read, write = (own_fd(fd) for fd in os.pipe2(os.O_CLOEXEC))
    handed = own_fd(os.memfd_create("jumar", os.MFD_CLOEXEC))
    try:
        os.write(handed, marshal.dumps(spec))
        os.lseek(handed, 0, os.SEEK_SET)
        argv = [sys.executable, "-I", "-S", _LAUNCHER, str(handed), str(write)]
        with connected(job, streams, (handed, write)) as (numbers, log_fd):
            process = warden().start_outside(argv, {"LANG": "C.UTF-8"}, numbers)
    except BaseException:
        os.close(read)
        group.remove()
        raise
    finally:
        os.close(handed)
        os.close(write)
    return Running(job, process, _Launched(job, process.pid, read, group), log_fd)


def link_inputs(job: Job) -> None:
    """Place links to the inputs into the tree: there is no mount to show them with."""
    for place, source in job.inputs.items():
        link = job.tree / place
        if link.is_symlink() and link.resolve() == source.resolve():
            continue
        make_room(job.tree, place, is_folder=False)
        link.unlink()
        link.symlink_to(source.resolve())


class _Launched:
    """Reaches the descendants of one launcher."""

    def __init__(self, job: Job, pid: int, report_fd: int, group: Group) -> None:
        self._job, self._pid, self._report_fd, self._group = job, pid, report_fd, group
        self.keeps_memory = group.caps_memory

    def processes(self) -> Iterable[str]:
        return [f"/proc/{pid}" for pid in metering.below(self._pid)]

    def out_of_memory(self) -> bool:
        return self._group.out_of_memory()

    def cpu_s(self) -> float | None:
        return self._group.cpu_s()

    def kill(self) -> None:
        """The launcher ends the rest and tells what it all used; a run may have stopped it."""
        for pid in metering.below(self._pid):
            _send(pid, signal.SIGKILL)
        _send(self._pid, signal.SIGTERM)
        _send(self._pid, signal.SIGCONT)

    def exit(self, ended: Ended) -> Exit:
        with os.fdopen(self._report_fd, "rb") as file:
            told = file.read()
        settle(self._job.out)
        shutil.rmtree(self._job.out / _SCRATCH, ignore_errors=True)
        if not told:
            # A run that kills its launcher hides what it used: what we saw of it still counts.
            code = os.waitstatus_to_exitcode(ended.status)
            return Exit(code if code < 0 else -signal.SIGKILL, 0, 0)
        command, cpu_s, peak_kib, why = marshal.loads(told)
        if why.startswith("prepare: "):
            raise SandboxUnavailable(f"the run could not be confined: {why[9:]}", fix="see `jumar doctor`")
        return Exit(os.waitstatus_to_exitcode(command), cpu_s, peak_kib << 10, why.removeprefix("start: "))

    def close(self) -> None:
        self._group.remove()


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
