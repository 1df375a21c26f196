"""Ways to kill a controller, and what else goes wrong around it. Each is dealt to one sitting of a study."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.torture import ahead, approving
from bench.torture.faults import Fault, arm
from bench.torture.story import Killed, Story
from jumar.cli.main import ending

#: System calls that change something on the disk. `strace` kills the controller as it enters one.
_CHANGES = (
    "rename,link,symlink,unlink,unlinkat,mkdir,rmdir,write,pwrite64,ftruncate,fsync,fdatasync,"
    "chmod,fchmod,chown"
)
MOST_CHANGES = 700  # of a whole study of these targets
PLENTY_S = 60.0  # a sitting that takes longer hangs

Blow = Callable[[Story], Killed]


def at_transition(fault: Fault) -> Blow:
    """The controller dies by its own hand. It is a fork of this process, which has imported it already."""

    def deal(story: Story) -> Killed:
        return story.wait(_fork(story, fault), PLENTY_S)

    return deal


def at_system_call(nth: int) -> Blow:
    """The controller dies as it enters the `nth` system call that changes the disk."""
    watch = ("strace", "-o", "/dev/null", "-e", f"trace={_CHANGES}")

    def deal(story: Story) -> Killed:
        inject = ("-e", f"inject={_CHANGES}:signal=SIGKILL:when={nth}")
        return story.wait(_spawn(story, (*watch, *inject, *story.command())), PLENTY_S)

    return deal


def at_moment(after_s: float, *, off_s: float = 0.0, fork: bool = False) -> Blow:
    """The controller dies this long after it took the study; `off_s` is how wrong its clock goes."""

    def deal(story: Story) -> Killed:
        wrong = (sys.executable, "-m", "bench.torture.clock", str(off_s), *story.words)
        pid = _fork(story, None) if fork else _spawn(story, wrong if off_s else story.command())
        story.wait_until_held(pid)
        return story.wait(pid, after_s, kill=True)

    return deal


def warden_first(story: Story) -> Killed:
    """The process that would end the runs dies first, with a run under way; then the controller."""
    pid = _spawn(story, story.command())
    deadline = time.monotonic() + PLENTY_S
    while not story.runs_for_long(pid):
        if time.monotonic() > deadline or story.is_over(pid):
            return story.wait(pid, 0.0, kill=True)
        time.sleep(0.02)
    for child in story.children(pid):
        if b"warden.py" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    return story.wait(pid, random.Random(pid).choice((0.0, 0.1)), kill=True)


def with_locks(blow: Blow, dice: random.Random) -> Blow:
    """Lock files lie about when the next sitting begins: of git's that are the user's, and of our refs."""

    def deal(story: Story) -> Killed:
        story.leave_locks(dice)
        return blow(story)

    return deal


def with_full_disk(blow: Blow, free_bytes: int) -> Blow:
    """Only so much is free on the disk until this sitting has ended."""

    def deal(story: Story) -> Killed:
        story.fill_disk(free_bytes)
        try:
            return blow(story)
        finally:
            story.empty_disk()

    return deal


def can_trace() -> bool:
    """Whether this machine has strace and lets us use it."""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0
    except FileNotFoundError:
        return False


class Torn(NamedTuple):
    """A blow with the name of its sort."""

    sort: str
    name: str
    blow: Blow


def _spawn(story: Story, command: tuple[str, ...]) -> int:
    with open(story.said, "wb") as said:
        return subprocess.Popen(
            command,
            cwd=story.folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=story.environment,
        ).pid


def _fork(story: Story, fault: Fault | None) -> int:
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.chdir(story.folder)
        said = os.open(story.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(said, number)
        if fault:
            arm(fault)
        if story.kind.thinks:
            ahead.arrange()
        if story.kind.approved:
            approving.arrange()
        code = ending(story.words)
        sys.stdout.flush()
    finally:
        os._exit(code)
