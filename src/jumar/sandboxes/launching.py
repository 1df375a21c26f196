"""Starts a command below a launcher (`launcher.py`): shared by the sandboxes without namespaces."""

from __future__ import annotations

import marshal
import os
import shutil
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jumar.core.job import Job
from jumar.errors import SandboxUnavailable
from jumar.sandboxes import metering
from jumar.sandboxes.confined import Exit, Running, Streams, connected, own_fd
from jumar.sandboxes.leavings import settle
from jumar.sandboxes.mounts import make_room
from jumar.sandboxes.starting import Ended, Started, warden

_SCRATCH = ".scratch"


def make_scratch(job: Job) -> Path:
    """A folder for temporary files, counted with the output folder and removed with the run."""
    scratch = job.out / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return scratch


def start(
    job: Job, streams: Streams, command: tuple[str, ...], env: dict[str, str], confine: dict[str, Any]
) -> Running:
    """Start `command`, confined as `confine` says (see `launcher._become`) and watched as `job` says."""
    read, write = (own_fd(fd) for fd in os.pipe2(os.O_CLOEXEC))
    folder = job.out.resolve() / job.work if job.work else job.tree
    confine = {**confine, "folder": str(folder), "report": write}
    try:
        with connected(job, streams, (write,)) as (numbers, log_fd):
            process = warden().start(list(command), env, numbers, job.caps.memory_bytes, confine, job.cores)
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    return Running(job, process, _Launched(job, process, read), log_fd)


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

    def __init__(self, job: Job, process: Started, report_fd: int) -> None:
        self._job, self._process, self._report_fd = job, process, report_fd
        self._group = process.group
        self.keeps_memory = process.group.caps_memory

    def processes(self) -> Iterable[str]:
        return [f"/proc/{pid}" for pid in metering.below(self._process.pid)]

    def out_of_memory(self) -> bool:
        return self._group.out_of_memory()

    def cpu_s(self) -> float | None:
        return self._group.cpu_s()

    def kill(self) -> None:
        """The launcher ends the rest and tells what it all used; a run may have stopped it."""
        for pid in metering.below(self._process.pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self._process.send(signal.SIGTERM)
        self._process.send(signal.SIGCONT)

    def exit(self, ended: Ended) -> Exit:
        with os.fdopen(self._report_fd, "rb", closefd=False) as file:
            told = file.read()
        if not told:
            self._group.kill()  # what the launcher would have ended
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
        os.close(self._report_fd)
        self._group.remove()
