"""One study on the rack: the user's repository, its sittings, and what is left of each."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.torture.soundness import Told, users, wrong_after_a_death, wrong_at_rest
from bench.torture.target import STUDY, Kind, make_ideas, make_user
from jumar.ledgers.hold import holder

GONE_WITHIN_S = 5.0
ENVIRONMENT, LEDGER = 3, 5
_SET_CHILD_SUBREAPER = 36
_ROOT = Path(__file__).parents[2]


class Killed(NamedTuple):
    """How a sitting ended."""

    killed: bool
    code: int = 0


def adopt_orphans() -> None:
    """Have every process whose parent dies become our child: then none of them can hide."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Story:
    """A study, from the first sitting to the one that is left to finish."""

    def __init__(self, place: Path, kind: Kind, said: Path) -> None:
        self.place, self.kind, self.said = place, kind, said
        self.folder = make_user(place / "repository", kind)
        ideas = make_ideas(place / "ideas", kind)
        self.words = ("run", "--agent", f"replay:{ideas}", "--workers", str(kind.slots))
        # A sitting begins in the target's folder and finds the bench's own modules all the same.
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self.sittings = 0
        self.slowest_end_s = 0.0
        self._before = users(self.folder)

    def command(self) -> tuple[str, ...]:
        """The real command, in a process of its own."""
        return (sys.executable, "-m", self.kind.module, *self.words)

    # Processes

    def wait(self, pid: int, timeout_s: float, *, kill: bool = False) -> Killed:
        """Wait for the end of a sitting; after `timeout_s` it is killed, or (not `kill`) it hangs."""
        self.sittings += 1
        deadline = time.monotonic() + timeout_s
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                break
            if time.monotonic() >= deadline:
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
                if not kill:
                    raise TimeoutError(f"a sitting took more than {timeout_s:.0f} s")
                break
            time.sleep(min(0.005, max(0.0, deadline - time.monotonic())))
        code = os.waitstatus_to_exitcode(status)
        return Killed(code == -signal.SIGKILL, code)

    def wait_until_held(self, pid: int) -> None:
        """Return when this process has the study, or is over."""
        own = self.folder / ".jumar" / "studies" / STUDY
        while not self.is_over(pid):
            if (by := holder(own)) and by.pid == pid:
                return
            time.sleep(0.005)

    @staticmethod
    def is_over(pid: int) -> bool:
        """True when the process has ended, whether or not it was waited for."""
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    @staticmethod
    def children(pid: int) -> list[int]:
        """Process ids of a process's children."""
        found: list[int] = []
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
        return found

    def runs_for_long(self, pid: int) -> bool:
        """True while the run that sleeps is under way."""
        todo, seen = [pid], 0
        while todo and seen < 100:
            with suppress(OSError):
                child = todo.pop()
                todo += self.children(child)
                seen += 1
                line = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if b"work.py" in line and line[0].endswith(b"python") and _age_s(child) > 0.3:
                    return True
        return False

    # Circumstances

    def leave_locks(self, dice: random.Random) -> None:
        """Leave locks as processes do that were killed: of the user's git, and of our refs."""
        git = self.folder / ".git"
        for name in ("index.lock", "HEAD.lock"):
            lock = git / name
            if not lock.exists():
                lock.touch()
        ours = [git / "refs" / "jumar" / STUDY / f"{dice.randrange(1, 11)}.lock"]
        if dice.random() < 0.3:
            ours.append(git / "refs" / "heads" / "jumar" / f"{STUDY}.lock")
        for lock in ours:
            lock.parent.mkdir(parents=True, exist_ok=True)
            lock.touch()
            off_s = dice.choice((-3600.0, 0.0, 3600.0))  # the clock may have been set since
            os.utime(lock, (time.time() + off_s,) * 2)
        self._before = users(self.folder)

    def fill_disk(self, free_bytes: int) -> None:
        """Leave only so much free on the small disk that this story is on."""
        status = os.statvfs(self.place)
        size = status.f_bavail * status.f_frsize - free_bytes
        with open(self.place / "ballast", "wb") as ballast:
            ballast.write(bytes(max(0, size)))

    def empty_disk(self) -> None:
        """Make room again."""
        (self.place / "ballast").unlink(missing_ok=True)

    # What is wrong

    def wrong_now(self) -> list[str]:
        """What is wrong after a death, before anybody takes the study up."""
        return [*self._processes(), *wrong_after_a_death(self.folder, self._before)]

    def wrong_in_the_end(self, undisturbed: Told | None) -> list[str]:
        """What is wrong with the study now that it rests."""
        return [*self._processes(), *wrong_at_rest(self.folder, self.kind, self._before, undisturbed)]

    def last_words(self) -> str:
        """The end of what the last sitting said."""
        return self.said.read_text(errors="replace")[-800:] if self.said.exists() else ""

    def _processes(self) -> list[str]:
        """Processes of a dead controller that go on; they are ended, so that each is told once."""
        began = time.monotonic()
        while time.monotonic() < began + GONE_WITHIN_S:
            try:
                if not os.waitpid(-1, os.WNOHANG)[0]:
                    time.sleep(0.002)
            except ChildProcessError:
                self.slowest_end_s = max(self.slowest_end_s, time.monotonic() - began)
                return []
        found = []
        for child in self.children(os.getpid()):
            words = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")[:100]
            found.append(f"process {child} goes on: {words.decode(errors='replace')}")
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return found


def _age_s(pid: int) -> float:
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
