"""What this machine can do for a study, finding by finding, each shortcoming with what mends it."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import Condition, StudyRecord
from jumar.core.sandbox import Promise
from jumar.errors import EnvironmentUnfit, JumarError, LedgerUnfit, TargetUnfit
from jumar.executors.machine import free_disk_bytes, ground, load, slowdown, this_machine
from jumar.executors.seats import Wanted, circumstances, most_workers, seats
from jumar.home import CONTRACT, Home, Options, find_home, wanted_of
from jumar.ledgers.place import Place, is_there
from jumar.ledgers.served import bring_commits
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.rules.contract_file import read_contract
from jumar.rules.preflight import IN_WORDS
from jumar.sandboxes.detect import Found, detect
from jumar.workspaces.git import GitWorkspace, open_workspace

GIB = 1 << 30
ENOUGH_DISK = 2 * GIB  # a night of small runs, with their logs and curves, stays under one
ENOUGH_MEMORY = 2 * GIB
QUIET_LOAD = 0.5  # per core; above it, wall-clock measurements are of the other work too
NOTICED_SLOWDOWN = 1.1
_FORESEEN = 64  # numbers behind the last experiment at which a forgotten one is looked for


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `fix` is empty where `ok`."""

    name: str
    value: str
    ok: bool = True
    fix: str = ""
    passes: bool = False  #: not `ok` at this moment, and no fault of the machine


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
    if is_there(ledger := find_home(folder).ledger):
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
    yield Finding(name="cores", value=f"{machine.cores} ({machine.cpu})")
    memory = machine.memory_bytes
    yield Finding(
        name="memory",
        value=f"{memory / GIB:.1f} GiB",
        ok=memory >= ENOUGH_MEMORY,
        fix="" if memory >= ENOUGH_MEMORY else "lower `memory` in [run], or use a larger machine",
    )
    yield Finding(name="gpus", value=", ".join(machine.gpus) or "none; runs use the CPU")
    yield _workers(folder)
    free = free_disk_bytes(folder)
    yield Finding(
        name="disk",
        value=f"{free / GIB:.1f} GiB free",
        ok=free >= ENOUGH_DISK,
        fix=""
        if free >= ENOUGH_DISK
        else "free some: a study keeps logs and every run needs room for its output",
    )


def _workers(folder: Path) -> Finding:
    """What `jumar run` shares out when it is told nothing, and the most that it could."""
    here, wanted = ground(), Wanted(memory_bytes=4 * GIB)
    with suppress(OSError, JumarError):
        wanted = wanted_of(read_contract((folder / CONTRACT).read_text(encoding="utf-8")), Options())
    try:
        found = seats(here, wanted)
    except EnvironmentUnfit as error:
        return Finding(name="workers", value=error.problem, ok=False, fix=error.fix)
    value = f"{len(found)} unless told otherwise: each has {circumstances(here, wanted, found).machine}"
    most = most_workers(here, wanted)
    more = f"; up to {most} have room (`jumar doctor --workers` measures how many)" if most > 1 else ""
    return Finding(name="workers", value=f"{value}, {wanted.memory_bytes / GIB:.3g} GiB{more}")


def _quiet() -> Iterator[Finding]:
    busy = load()
    yield Finding(
        name="load",
        value=f"{busy:.2f} per core",
        ok=busy < QUIET_LOAD,
        fix="" if busy < QUIET_LOAD else 'other work is running: measure with `clock = "cpu"`, or stop it',
        passes=busy >= QUIET_LOAD,
    )
    factor = slowdown()
    slows = factor > NOTICED_SLOWDOWN
    yield Finding(
        name="side by side",
        value=f"the same work takes {factor:.2f} times as long with every core busy",
        ok=not slows,
        fix="see with your target whether it matters: jumar doctor --workers" if slows else "",
        passes=slows,
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


def _record(ledger: Place) -> Finding:
    """The chain of this folder's ledger, from the first entry to the last."""
    try:
        with closing(open_ledger(ledger, read_only=True)) as opened:
            return _chain(opened)
    except JumarError as error:
        return Finding(name="ledger", value=error.problem, ok=False, fix=error.fix)


def inspect_ledger(folder: Path) -> tuple[Finding, ...]:
    """What can be known of the record in `folder`: its chain, and whether all that it names agrees.

    A chain cannot show that its newest entries are gone; the repository and the artefacts can. It
    has no secret either: who rewrites every entry behind a change is found by the newest digest
    alone, noted elsewhere. Raises LedgerUnfit when there is no ledger, or none that can be opened.
    """
    home = find_home(folder)
    with closing(open_ledger(home.ledger, read_only=True)) as ledger:
        chain = _chain(ledger)
        if not chain.ok:
            return (chain,)
        return (chain, *_studies(home, ledger), _artefacts(ledger))


def _chain(ledger: SqlLedger) -> Finding:
    if broken := ledger.verify():
        fix = "restore a backup (`jumar backup` makes them); trust nothing after that"
        return Finding(name="ledger", value=broken.problem, ok=False, fix=fix)
    if not (studies := ledger.studies()):
        return Finding(name="ledger", value="no study was started yet")
    newest = max(studies, key=lambda study: study.last_seq)
    (last,) = ledger.entries(newest.name, after=newest.last_seq - 1)
    return Finding(
        name="ledger", value=f"the chain of {last.seq:,} entries is whole; its head is {last.digest}"
    )


def _studies(home: Home, ledger: SqlLedger) -> Iterator[Finding]:
    try:
        workspace = open_workspace(home.folder)
    except TargetUnfit as error:
        yield Finding(name="repository", value=error.problem, ok=False, fix=error.fix)
        return
    for record in ledger.studies():
        bring_commits(ledger, record.name, workspace)
        wrong, fix = _disagreement(record, ledger.experiments(record.name), workspace)
        said = f"the repository agrees with its {sum(record.decisions.values())} verdicts"
        yield Finding(name=f"study {record.name}", value=wrong or said, ok=not wrong, fix=fix)


def _disagreement(
    record: StudyRecord, experiments: tuple[ExperimentRecord, ...], workspace: GitWorkspace
) -> tuple[str, str]:
    """Where the repository contradicts a study's record, and what to do; empty when nowhere."""
    for one in experiments:
        number, commit = one.number, one.experiment.commit
        kept = workspace.resolve(f"refs/jumar/{record.name}/{number}")
        # A power cut may take the ref of what was discarded; not of a champion.
        if commit not in (one.experiment.parent, kept) and (kept or one.is_kept):
            problem = (
                f"experiment {number} is commit {commit[:10]}, and its ref keeps {(kept or 'nothing')[:10]}"
            )
            return problem, f"if git still has it: git update-ref refs/jumar/{record.name}/{number} {commit}"
    if record.condition not in (Condition.RESTING, Condition.FINISHED):
        return "", ""  # the refs may be one step ahead, or one behind
    name = f"jumar/{record.name}"
    branch = workspace.resolve(f"refs/heads/{name}")
    if branch and branch not in {one.experiment.commit for one in experiments}:
        return (
            f"the branch {name} is at {branch[:10]}, which the ledger does not know: "
            "somebody committed there, or the newest entries of the ledger are gone",
            f"restore the newest ledger, or give the commits another name: git branch -m {name} NAME",
        )
    if branch and branch != record.champion_commit:
        return f"the branch {name} is not at the champion", "bring it up: jumar run"
    beyond = (f"refs/jumar/{record.name}/{len(experiments) + n}" for n in range(_FORESEEN))
    if ref := next((ref for ref in beyond if workspace.resolve(ref)), None):
        return (
            f"the repository has {ref}, of which the ledger knows nothing: its newest entries are gone, or "
            "the study was killed while it proposed",
            f"restore the newest ledger; if there is none, go on without: git update-ref -d {ref}",
        )
    return "", ""


def _artefacts(ledger: SqlLedger) -> Finding:
    named = {
        digest
        for record in ledger.studies()
        for one in ledger.experiments(record.name)
        for run in one.runs
        for digest in run.artefacts.values()
    }
    kept, lost = ledger.artefacts(), list[LedgerUnfit]()
    for digest in sorted(named):
        try:
            kept.get(digest)
        except LedgerUnfit as error:
            lost.append(error)
    if lost:
        value = f"{len(lost)} of {len(named)} are lost; the first: {lost[0].problem}"
        return Finding(name="artefacts", value=value, ok=False, fix=lost[0].fix)
    return Finding(name="artefacts", value=f"all {len(named)} are as they were kept")
