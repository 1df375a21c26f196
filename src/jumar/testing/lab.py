"""A folder in which a sandbox or an executor is put to the test with small Python programs."""

from __future__ import annotations

import os
import select
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

from jumar.core.job import Caps, ExitReport, Job
from jumar.core.sandbox import Confined, Sandbox

_LOOK_S = 0.02


class Lab:
    """Makes jobs below `folder`. `mark` is in the command line of each, so none can hide from us."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self._count = 0

    def job(self, code: str, *, command: tuple[str, ...] = (), **terms: Any) -> Job:
        """A job that runs `code` in a Python (or `command`), with a tree of its own and roomy caps."""
        self._count += 1
        place = self.folder / f"run{self._count}"
        (place / "tree").mkdir(parents=True)
        (place / "tree" / "main.py").write_text("x = 1\n")
        python = (sys.executable, "-I", "-S", "-c", dedent(code), self.mark)
        given = {
            "key": place.name,
            "command": command or python,
            "tree": place / "tree",
            "out": place / "out",
            "log": place / "log",
            "caps": caps(),
            "env": {"PATH": os.environ["PATH"]},
        }
        return Job(**{**given, **terms})

    def survivors(self) -> list[int]:
        """Processes of our jobs that are still alive."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        try:
            return self.mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False


def caps(**changed: Any) -> Caps:
    """Caps that a small program never meets, with the given ones instead."""
    return Caps(**{"wall_s": 60.0, "memory_bytes": 1 << 30, **changed})


def until(is_so: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    """Wait for something that must come; fails by name when it does not."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.005)


def finish(running: Confined) -> ExitReport:
    """Look at the caps until the end, as an executor does."""
    while not select.select([running], [], [], _LOOK_S)[0]:
        running.check()
    return running.report()


def run(sandbox: Sandbox, job: Job) -> ExitReport:
    """Launch, watch to the end, report."""
    return finish(sandbox.launch(job))
