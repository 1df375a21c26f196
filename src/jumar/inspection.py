"""What this machine can do for a study, finding by finding, each shortcoming with what mends it."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from jumar.core.sandbox import Promise
from jumar.errors import JumarError
from jumar.executors.machine import default_slots, free_disk_bytes, load, slowdown, this_machine
from jumar.home import STATE
from jumar.ledgers.sql import open_ledger
from jumar.rules.preflight import IN_WORDS
from jumar.sandboxes.detect import Found, detect

GIB = 1 << 30
ENOUGH_DISK = 2 * GIB  # a night of small runs, with their logs and curves, stays under one
ENOUGH_MEMORY = 2 * GIB
QUIET_LOAD = 0.5  # per core; above it, wall-clock measurements are of the other work too
NOTICED_SLOWDOWN = 1.1


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `fix` is empty where `ok`."""

    name: str
    value: str
    ok: bool = True
    fix: str = ""


def inspect(folder: Path) -> tuple[Finding, ...]:
    """Everything `jumar doctor` shows. Takes about two seconds, most of them for the cores."""
    return tuple(_findings(folder))


def _findings(folder: Path) -> Iterator[Finding]:
    yield _python()
    yield _git()
    yield from _sandboxes(detect())
    yield from _size(folder)
    yield from _quiet()
    yield _clock()
    yield _charts()
    if (ledger := folder / STATE / "ledger.db").exists():
        yield _record(ledger)


def _python() -> Finding:
    return Finding(name="python", value=f"{platform.python_version()} at {sys.executable}")


def _git() -> Finding:
    program = shutil.which("git")
    if program is None:
        return Finding(name="git", value="not found", ok=False, fix="apt install git (or your system's way)")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return Finding(name="git", value=said.strip().removeprefix("git version "))


def _sandboxes(found: tuple[Found, ...]) -> Iterator[Finding]:
    """The one that would be used, and why not a stronger one."""
    chosen = next((one for one in found if one.usable and one.name != "process"), None)
    for one in found:
        if one is chosen:
            lacks = [IN_WORDS[promise] for promise in Promise if promise not in one.promises]
            value = f"{one.name}: {len(one.promises)} of {len(Promise)} promises"
            yield Finding(name="sandbox", value=value + (f"; not {'; not '.join(lacks)}" if lacks else ""))
            return
        yield Finding(name="sandbox", value=f"{one.name} does not work: {one.reason}", ok=False, fix=one.fix)


def _size(folder: Path) -> Iterator[Finding]:
    machine = this_machine()
    slots = default_slots(machine)
    yield Finding(name="cores", value=f"{machine.cores} ({machine.cpu}); {slots} runs at once")
    memory = machine.memory_bytes
    yield Finding(
        name="memory",
        value=f"{memory / GIB:.1f} GiB",
        ok=memory >= ENOUGH_MEMORY,
        fix="" if memory >= ENOUGH_MEMORY else "lower `memory` in [run], or use a larger machine",
    )
    yield Finding(name="gpus", value=", ".join(machine.gpus) or "none; runs use the CPU")
    free = free_disk_bytes(folder)
    yield Finding(
        name="disk",
        value=f"{free / GIB:.1f} GiB free",
        ok=free >= ENOUGH_DISK,
        fix=""
        if free >= ENOUGH_DISK
        else "free some: a study keeps logs and every run needs room for its output",
    )


def _quiet() -> Iterator[Finding]:
    busy = load()
    yield Finding(
        name="load",
        value=f"{busy:.2f} per core",
        ok=busy < QUIET_LOAD,
        fix="" if busy < QUIET_LOAD else 'other work is running: measure with `clock = "cpu"`, or stop it',
    )
    factor = slowdown()
    slows = factor > NOTICED_SLOWDOWN
    yield Finding(
        name="side by side",
        value=f"the same work takes {factor:.2f} times as long with every core busy",
        ok=not slows,
        fix="run one at a time where speed is what you measure: --slots 1" if slows else "",
    )


def _clock() -> Finding:
    resolution = time.get_clock_info("process_time").resolution
    return Finding(
        name="clock", value=f"CPU time to {resolution:.0e} s, {time.strftime('%Y-%m-%d %H:%M %Z')}"
    )


def _charts() -> Finding:
    if importlib.util.find_spec("matplotlib"):
        return Finding(name="charts", value="matplotlib is installed")
    return Finding(
        name="charts", value="no matplotlib: no progress.png", ok=False, fix="pip install 'jumar[chart]'"
    )


def _record(ledger: Path) -> Finding:
    """The chain of the ledger in this folder, from the first entry to the last."""
    try:
        opened = open_ledger(ledger, read_only=True)
        try:
            broken = opened.verify()
        finally:
            opened.close()
    except JumarError as error:
        return Finding(name="ledger", value=error.problem, ok=False, fix=error.fix)
    if broken:
        where = f"entry {broken.seq}: {broken.problem}"
        return Finding(
            name="ledger", value=where, ok=False, fix="restore it from a copy; trust nothing after that"
        )
    return Finding(name="ledger", value="the chain is whole")
