"""Runs one program: what it is told, how long it may take, and how much of its words is kept."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

MOST_SAID_BYTES = 64 << 10  #: of one program's words; the rest is read and dropped
MOST_LOG_BYTES = 1 << 20
_LOOK_S = 0.1


def run_program(
    command: tuple[str, ...],
    content: bytes,
    where: tuple[Path, Path],
    environ: Mapping[str, str],
    is_over: Callable[[float], bool],
) -> str:
    """Run a program to its end; why it failed, or nothing.

    `content` is its standard input, `where` its folder and the log. It is ended, with its process group,
    once `is_over` says so of the seconds that it has taken.
    """
    folder, log_path = where
    name = Path(command[0]).name
    try:
        with tempfile.TemporaryFile() as told, log_path.open("ab") as log:
            if log.tell() > MOST_LOG_BYTES:
                log.truncate(0)
            told.write(content)
            told.seek(0)
            with subprocess.Popen(
                command,
                stdin=told,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environ),
                start_new_session=True,
            ) as process:
                try:
                    took = _listen(process, log, is_over)
                finally:
                    if process.poll() is None:
                        _end(process)
    except OSError as error:
        return f"{name} cannot be started: {error.strerror}"
    if took is not None:
        return f"{name} took more than {took:.0f} s, and was ended"
    return f"{name} ended with {process.returncode}" if process.returncode else ""


def _listen(
    process: subprocess.Popen[bytes], log: IO[bytes], is_over: Callable[[float], bool]
) -> float | None:
    """Keep the beginning of what it says until it ends; how long it took where it is to be ended."""
    assert process.stdout is not None, "it was asked for"
    begun, room, says = time.monotonic(), MOST_SAID_BYTES, [process.stdout.fileno()]
    while True:
        # What it started may hold the pipe open for ever, so its own end counts.
        over = process.poll() is not None
        while says and select.select(says, [], [], 0.0 if over else _LOOK_S)[0]:
            said = os.read(says[0], 1 << 16)
            log.write(said[:room])
            room -= min(room, len(said))
            says = says if said else []
            if is_over(time.monotonic() - begun):
                break
        if over:
            return None
        if is_over(took := time.monotonic() - begun):
            return took
        if not says:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
