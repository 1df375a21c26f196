"""Where a study's runs live on disk, and what of the machine they are shown."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Clock, Contract, RunTerms
from jumar.core.job import THREAD_COUNTS, Caps, Job
from jumar.core.run import Purpose, Run
from jumar.rules.budget import caps

# On a CPU clock a second thread would only burn the same budget faster and less evenly.
_ONE_THREAD = dict.fromkeys(THREAD_COUNTS, "1")
MOST_LOG_BYTES = 512 << 10
OUT, LOG = "out", "log"  # in a run's folder
#: A folder that Python finds its profiler in: see the one file there.
PROFILER = Path(__file__).with_name("profiler")


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every run of a study is shown beside its tree, and what is hidden from it."""

    env: Mapping[str, str]  #: the contract's `env`, and PATH
    inputs: Mapping[str, Path]  #: place in the tree → folder or file outside it
    readable: tuple[Path, ...]  #: shown at their own places
    masked: tuple[Path, ...]  #: hidden wherever they would be visible
    without: tuple[str, ...]  #: tracked paths that runs do not get (the hidden ones)


class Place:
    """One run's own folder, made before it starts and removed when its artefacts are kept.

    Its name is drawn: a run can read it (from its table of mounts, say), and one that learnt whose
    side it is on could lose on purpose when it is only the reference.
    """

    def __init__(self, scratch: Path) -> None:
        self.root = scratch / secrets.token_hex(8)
        self.tree = self.root / "tree"
        self.out = self.root / OUT
        self.log = self.root / LOG
        self.work = self.root / "work"

    def make(self) -> None:
        """Make the folder anew; the tree itself is the workspace's to write."""
        self.remove()
        self.out.mkdir(parents=True)
        self.work.mkdir()

    def remove(self) -> None:
        """Remove everything of this run. Called again and again without harm."""
        remove_folder(self.root)


def remove_folder(folder: Path) -> None:
    """Remove a folder whatever a candidate did to the modes inside it."""

    def give_leave(_function: object, path: str, _error: object) -> None:
        parent = os.path.dirname(path)
        os.chmod(parent, stat.S_IRWXU)
        if not os.path.islink(path) and os.path.isdir(path):
            os.chmod(path, stat.S_IRWXU)
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)

    if folder.exists():
        shutil.rmtree(folder, onerror=give_leave)


def run_job(contract: Contract, run: Run, place: Place, around: Surroundings) -> Job:
    """The job that executes a run."""
    terms = contract.run
    command = contract.measure.checks[run.pair] if run.purpose is Purpose.CHECK else terms.command
    clock, amount = terms.budget.clock, terms.budget.amount * run.share
    readable = around.readable
    env = {
        **(_ONE_THREAD if clock is Clock.CPU else {}),
        **around.env,
        "JUMAR_SEED": str(run.seed),
        "JUMAR_SCALE": contract.scale,
        "JUMAR_CLOCK": clock.value,
        "JUMAR_BUDGET_STEPS" if clock is Clock.STEPS else "JUMAR_BUDGET_S": f"{amount:g}",
    }
    if run.profiled:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PROFILER), env.get("PYTHONPATH"))))
        readable = (*readable, PROFILER)
    return Job(
        key=run.key,
        command=command,
        tree=place.tree,
        out=place.out,
        log=place.log,
        caps=_caps(terms, run),
        env=env,
        inputs=around.inputs,
        readable=readable,
        masked=around.masked,
        network=terms.network,
    )


def read_untrusted(folder: Path, name: str, most: int) -> bytes:
    """A regular file that a candidate may have written, cut at `most` bytes; else nothing.

    Never follows a link and never waits on a pipe: the candidate chose what lies there.
    """
    try:
        fd = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        # Asked before Python opens it: of a folder it would only raise.
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(fd)


def read_log(log: Path) -> bytes:
    """A log of ours; of a long one the beginning and the end, which say what matters."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if size <= MOST_LOG_BYTES:
                return file.read()
            beginning = file.read(MOST_LOG_BYTES // 4)
            file.seek(-(MOST_LOG_BYTES * 3 // 4), os.SEEK_END)
            left_out = size - MOST_LOG_BYTES
            return beginning + b"\n[... %d bytes left out ...]\n" % left_out + file.read()
    except FileNotFoundError:
        return b""


def _caps(terms: RunTerms, run: Run) -> Caps:
    # A check is not the work that the budget is for: only the timeout bounds it.
    return replace(caps(terms), cpu_s=None) if run.purpose is Purpose.CHECK else caps(terms)
