"""What must hold of a study after a death, and of one that has come to rest after many."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from bench.torture.target import STUDY, Kind, names_of_ideas
from jumar.core.event import Entry, Judged, Proposed, RunEnded, RunLost, RunStarted, StudyStarted
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import Condition, StudyRecord
from jumar.errors import LedgerEmpty, LedgerUnfit
from jumar.ledgers.artefacts import FolderArtefacts
from jumar.ledgers.hold import holder
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.workspaces.git import open_workspace

#: What Jumar writes in a repository; everything else is the user's.
_OURS = (
    ".jumar/",
    ".git/objects/",
    ".git/refs/jumar/",
    ".git/refs/heads/jumar/",
    ".git/logs/refs/heads/jumar/",
)
_TEMPORARY = ("tmp_", "streamed_git2_", ".unfinished-")


class Told(NamedTuple):
    """What a study that ends the same every time has to say: compared with an undisturbed one."""

    verdicts: tuple[tuple[str, str, str], ...]  #: hypothesis, decision, and its reason with the numbers
    champion: bytes  #: the file as it was kept
    files: frozenset[str]  #: what lies below .jumar/, artefacts apart


def users(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Everything in a repository that is not ours: mode, time and digest of every file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if f"{name}/".startswith(_OURS) or not (path.is_symlink() or path.is_file()):
            continue
        status = path.lstat()
        content = os.readlink(path).encode() if stat.S_ISLNK(status.st_mode) else path.read_bytes()
        found[name] = (status.st_mode, status.st_mtime_ns, sha256(content).hexdigest())
    return found


def wrong_after_a_death(folder: Path, before: dict[str, tuple[int, int, str]]) -> Iterator[str]:
    """What is wrong already before anybody takes the study up again."""
    if users(folder) != before:
        changed = {name for name, _ in users(folder).items() ^ before.items()}
        yield f"the user's files changed: {', '.join(sorted(changed))}"
    if holder(folder / ".jumar" / "studies" / STUDY) is not None:
        yield "the study is still held"
    if (path := folder / ".jumar" / "ledger.db").exists():
        try:
            ledger = open_ledger(path, read_only=True)
        except LedgerEmpty:
            return
        with closing(ledger):
            if broken := ledger.verify():
                yield f"the chain is broken at {broken.seq}: {broken.problem}"
            yield from _doubled(list(ledger.entries(STUDY)))


def wrong_at_rest(
    folder: Path, kind: Kind, before: dict[str, tuple[int, int, str]], undisturbed: Told | None
) -> Iterator[str]:
    """What is wrong with a study that was left to finish."""
    yield from wrong_after_a_death(folder, before)
    path = folder / ".jumar" / "ledger.db"
    with closing(sqlite3.connect(path)) as raw:
        if (said := raw.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
            yield f"the database is damaged: {said}"
    with closing(open_ledger(path, read_only=True)) as ledger:
        record, experiments = ledger.study(STUDY), ledger.experiments(STUDY)
        if record is None:
            yield "there is no study"
            return
        yield from _incomplete(record, experiments)
        yield from _repository(folder, record, experiments)
        yield from _artefacts(folder, ledger)
    yield from _left_over(folder)
    if undisturbed is not None:
        yield from _differences(told_by(folder, kind), undisturbed)


def told_by(folder: Path, kind: Kind) -> Told:
    """The essence of a study at rest."""
    with closing(open_ledger(folder / ".jumar" / "ledger.db", read_only=True)) as ledger:
        record, experiments = ledger.study(STUDY), ledger.experiments(STUDY)
    assert record is not None, kind
    verdicts = tuple(
        (
            one.experiment.hypothesis,
            one.verdict.decision.value if one.verdict else "open",
            one.verdict.reason if one.verdict else "",
        )
        for one in experiments
    )
    champion = open_workspace(folder).read(record.champion_commit, "work.py") or b""
    state = folder / ".jumar"
    files = (path.relative_to(state).as_posix() for path in state.rglob("*") if path.is_file())
    ours = frozenset(name for name in files if not name.startswith(("artefacts/", "ledger.db-")))
    return Told(verdicts, champion, ours)


def _doubled(entries: list[Entry]) -> Iterator[str]:
    counts: Counter[tuple[str, Any]] = Counter()
    for entry in entries:
        match entry.event:
            case StudyStarted():
                counts["study", ""] += 1
            case Proposed(experiment=experiment):
                counts["experiment", experiment.number] += 1
            case Judged(experiment=number):
                counts["verdict", number] += 1
            case RunStarted(run=run):
                counts["run", run.key] += 1
            case RunEnded(key=key) | RunLost(key=key):
                counts["end of run", key] += 1
    yield from (f"{what} {which} was recorded {n} times" for (what, which), n in counts.items() if n > 1)


def _incomplete(record: StudyRecord, experiments: tuple[ExperimentRecord, ...]) -> Iterator[str]:
    if record.condition is not Condition.RESTING:
        yield f"it does not rest: {record.condition.value} ({record.reason})"
    if [one.number for one in experiments] != list(range(len(experiments))):
        yield f"experiments have the numbers {[one.number for one in experiments]}"
    own = [one for one in experiments[1:] if "retest_of" not in one.experiment.details]
    replayed = [one.experiment.details.get("replayed") for one in own]
    if replayed != names_of_ideas():
        yield f"the ideas were tried as {replayed}"
    if unjudged := [one.number for one in experiments if one.verdict is None]:
        yield f"experiments {unjudged} have no verdict"
    if under_way := [run.run.key for one in experiments for run in one.runs if run.is_open]:
        yield f"runs {under_way} are still open"
    if [one for one in experiments if one.stands][-1:] != [experiments[record.champion]]:
        yield "the champion is not what was kept last, of what stands"


def _repository(
    folder: Path, record: StudyRecord, experiments: tuple[ExperimentRecord, ...]
) -> Iterator[str]:
    workspace = open_workspace(folder)
    if workspace.resolve(f"refs/heads/jumar/{STUDY}") != record.champion_commit:
        yield "the branch is not at the ledger's champion"
    for one in experiments[1:]:
        made = one.experiment.commit != one.experiment.parent
        if made and workspace.resolve(f"refs/jumar/{STUDY}/{one.number}") != one.experiment.commit:
            yield f"the ref of experiment {one.number} does not keep its commit"
    checked = ["git", "fsck", "--no-dangling", "--no-progress", "--connectivity-only"]
    done = subprocess.run(checked, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"git fsck: {done.stdout}{done.stderr}"


def _artefacts(folder: Path, ledger: SqlLedger) -> Iterator[str]:
    artefacts = FolderArtefacts(folder / ".jumar" / "artefacts")
    for entry in ledger.entries(STUDY):
        if isinstance(entry.event, RunEnded):
            for name, digest in entry.event.artefacts.items():
                try:
                    artefacts.get(digest)
                except LedgerUnfit as error:
                    yield f"the {name} of run {entry.event.key}: {error.problem}"


def _left_over(folder: Path) -> Iterator[str]:
    for path in sorted((*(folder / ".git").rglob("*"), *(folder / ".jumar").rglob("*"))):
        ours = path.relative_to(folder).as_posix().startswith(_OURS)
        if ours and (path.name.endswith(".lock") or path.name.startswith(_TEMPORARY)):
            yield f"left over: {path.relative_to(folder)}"
    scratch = folder / ".jumar" / "studies" / STUDY / "scratch"
    if scratch.exists():
        yield f"left over: {[path.name for path in scratch.iterdir()] or 'the scratch folder'}"


def _differences(now: Told, undisturbed: Told) -> Iterator[str]:
    for mine, theirs in zip(now.verdicts, undisturbed.verdicts, strict=False):
        if mine != theirs:
            yield f"undisturbed it would be {theirs}, and is {mine}"
    if len(now.verdicts) != len(undisturbed.verdicts):
        yield f"undisturbed it would have {len(undisturbed.verdicts)} experiments, not {len(now.verdicts)}"
    if now.champion != undisturbed.champion:
        yield "undisturbed it would have kept another file"
    if now.files != undisturbed.files:
        yield f"files of another name: {sorted(now.files ^ undisturbed.files)}"
