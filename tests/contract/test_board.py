"""What pages are told of studies: on every kind of ledger, while they run, and when something is broken."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.beside import trouble_of
from jumar.board import KEEP_EVERY, Board
from jumar.core.agent import Brief
from jumar.core.event import Entry
from jumar.core.proposal import Edit, Proposal
from jumar.errors import JumarError
from jumar.home import LEDGER_VARIABLE, Home, Options, find_home
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.remembered import NAME, recall, remember
from jumar.reports.pages import InFlight, Query
from jumar.study.loop import Loop
from jumar.study.tick import Tick
from jumar.testing.boards import examine
from jumar.testing.lab import until
from jumar.testing.postgres import LocalServer
from jumar.testing.records import STUDY, make_study
from jumar.testing.repository import Repository
from jumar.testing.retold import retold
from jumar.testing.tiny import contract

EXPERIMENTS = 40
Make = Callable[[Mapping[str, str]], Path]

#: Counts down B times a twentieth of a second, and says so in a log and a curve; 0 crashes.
WORK = """\
import json
import os
import time

A = 3
B = 0.0
with open(os.path.join(os.environ["JUMAR_OUT"], "curve.jsonl"), "w") as curve:
    for step in range(4):
        print(f"step {step} </script><b>", flush=True)
        json.dump({"progress": (step + 1) / 4, "loss": 2.0 / A + 1 / (step + 1), "step": step}, curve)
        print(file=curve, flush=True)
        time.sleep(B)
print(f"loss: {1 / A:.6f}")
"""


class Script:
    """Makes these edits of the champion's file, in order."""

    name, repeats = "script", False

    def __init__(self, *edits: tuple[str, str]) -> None:
        self._edits = list(edits)

    def propose(self, brief: Brief) -> Proposal | None:
        if not self._edits:
            return None
        old, new = self._edits.pop(0)
        content = brief.files["work.py"].decode().replace(old, new).encode()
        edits = (Edit(path="work.py" if old != "escape" else "jumar.toml", content=content),)
        return Proposal(hypothesis=f"<b>{new}</b>", edits=edits, agent="script", predicted=0.1)


def sit(folder: Path, agent: Script, observe: Callable[[Entry | Tick], None]) -> None:
    text = (folder / "jumar.toml").read_text(encoding="utf-8")
    with assembled(Home(folder=folder, study="tiny"), text, Options(workers=1), observe) as parts:
        Loop(replace(parts, agent=agent)).run()


@pytest.fixture
def target(repository: Make) -> Path:
    return repository({"work.py": WORK, "jumar.toml": contract(experiments=20)})


def refreshed(study: Study) -> Board:
    board = Board(study)
    board.refresh()
    return board


def test_a_study_is_told_while_it_runs_and_after(target: Path) -> None:
    edits = (("A = 3", "A = 4"), ("B = 0.0", "B = 0.4"), ("loss: ", "lost: "), *[("escape", "x")] * 3)
    seen: list[InFlight] = []
    thread = threading.Thread(target=sit, args=(target, Script(*edits), lambda _: None))
    thread.start()
    try:
        until((target / ".jumar" / "ledger.db").exists, "the record")
        until(lambda: open_study(target).record(), "the study")
        board = refreshed(open_study(target))

        def is_drawing() -> bool:
            board.refresh()
            told = board.overview()
            seen[:] = [run for run in told.running if run.experiment == 2 and len(run.curve) > 1]
            return bool(seen)

        until(is_drawing, "a live curve")
        log = board.log(2)
        assert log is not None and log.is_live and "step 0 </script><b>" in log.text
        assert board.overview().is_running
        assert seen[0].progress is not None and 0 < seen[0].progress <= 1
    finally:
        thread.join()
    assert not list((target / ".jumar" / "studies" / "tiny").glob("now.*")), "nothing goes on any more"
    assert board.changed()
    board.refresh()
    assert not board.changed()
    examine(open_study(target))
    holds_what_happened(board)
    holds_without_its_commits(board, Repository(target))
    board.close()


def holds_what_happened(board: Board) -> None:
    """Pages of a study that rests."""
    said = board.overview()
    assert (said.counts["kept"], said.counts["failed"], said.counts["invalid"]) == (1, 1, 1)
    assert said.running == () and not said.is_running
    assert "#1 kept" in " ".join(one.words for one in said.latest)
    kept = board.detail(1)
    assert "+A = 4" in kept.diff and kept.row.state == "kept" and kept.pairs
    assert {run.side for run in kept.runs} == {"candidate", "reference"}
    assert all(curve.points[-1][0] == 1.0 for curve in kept.curves) and kept.curves
    assert kept.log is not None and "step 3" in kept.log.text
    assert "10.0 % predicted" in kept.predicted_words and kept.lesson
    assert [row.number for row in board.detail(2).lineage] == [2, 1, 0]
    assert [group.code for group in board.integrity().breaches] == ["protected-file"]
    assert board.lessons().lessons[0].experiment == 4
    checked = board.check_all()
    assert checked.broken_at is None and checked.whole_checked_at


def holds_without_its_commits(board: Board, user: Repository) -> None:
    """A branch is deleted, with all that was on it: what the record says stays."""
    kept = board.detail(1)
    for ref in user.git("for-each-ref", "--format=%(refname)", "refs/jumar", "refs/heads/jumar").split():
        user.git("update-ref", "-d", ref)
    user.git("reflog", "expire", "--expire=now", "--all")
    user.git("gc", "-q", "--prune=now")
    lost = board.detail(1)
    assert lost.diff == "" and lost.diff_trouble is not None and lost.diff_trouble.kind == "CommitLost"
    assert lost.row == kept.row and lost.runs == kept.runs


@pytest.fixture(params=["sqlite", "postgres"])
def told(request: pytest.FixtureRequest, repository: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target whose record is empty, in a file or on a server."""
    if request.param == "postgres":
        server: LocalServer = request.getfixturevalue("postgres")
        monkeypatch.setenv(LEDGER_VARIABLE, server.fresh())
    return repository({"work.py": WORK, "jumar.toml": contract()})


def tell(folder: Path, first: int, last: int) -> None:
    """Write a part of a synthetic study into the target's record."""
    record, records, _ = make_study(EXPERIMENTS)
    terms = replace(record.terms, contract=contract())
    told = list(retold(replace(record, terms=terms), records))[first:last]
    home = find_home(folder, STUDY)
    home.make()
    with closing(open_ledger(home.ledger)) as ledger:
        ledger.append(STUDY, *(event for _, event in told))


def test_pages_say_what_the_record_says_on_every_kind_of_ledger(told: Path) -> None:
    tell(told, 0, 150)
    study = open_study(told)
    board = refreshed(study)
    before = board.rows(Query()).total
    assert not board.changed()
    tell(told, 150, 10_000)
    assert board.changed()
    last = board.refresh()
    assert board.rows(Query()).total == EXPERIMENTS + 1 > before
    record = study.record()
    assert record is not None and last == record.last_seq
    assert board.integrity().chain.entries == last - 150
    examine(study)
    page = board.rows(Query(states=("kept",), sort="gain", first=1, most=3))
    assert page.found == board.overview().counts["kept"] and len(page.rows) == 3
    gains = [row.gain for row in page.rows if row.gain is not None]
    assert gains == sorted(gains, reverse=True)
    trouble = board.detail(3).diff_trouble  # whose commits nobody ever made
    assert trouble is not None and trouble.kind == "CommitLost"
    assert board.transcript(3) == ()
    assert board.check_all().problem == ""
    board.close()


def test_what_was_forged_while_a_study_rested_is_found_beside_the_pages(target: Path) -> None:
    tell(target, 0, 150)
    with closing(sqlite3.connect(target / ".jumar" / "ledger.db")) as database:
        database.execute("DROP TRIGGER entry_never_changes")
        database.execute("UPDATE entry SET at = at + 1 WHERE seq = 3")
        database.commit()
    board, done = refreshed(open_study(target)), threading.Event()
    assert board.chain.broken_at is None and board.chain.whole_checked_at is None
    board.check_beside(done.set)
    assert done.wait(60)
    assert board.integrity().chain.broken_at == 3
    done.clear()
    board.check_beside(done.set)
    assert not board.chain.is_checking and not done.is_set()
    board.close()


def never_run(folder: Path) -> None:
    """Nothing there."""


def made_and_empty(folder: Path) -> None:
    home = find_home(folder, STUDY)
    home.make()
    assert isinstance(home.ledger, Path)
    home.ledger.touch()


def of_a_newer_jumar(folder: Path) -> None:
    tell(folder, 0, 20)
    with closing(sqlite3.connect(folder / ".jumar" / "ledger.db")) as database:
        database.execute("UPDATE schema SET version = 99")
        database.commit()


def half_written(folder: Path) -> None:
    tell(folder, 0, 10_000)
    path = folder / ".jumar" / "ledger.db"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def with_a_hole(folder: Path) -> None:
    tell(folder, 0, 60)
    with closing(sqlite3.connect(folder / ".jumar" / "ledger.db")) as database:
        database.execute("DROP TRIGGER entry_never_goes")
        database.execute("DELETE FROM entry WHERE event LIKE '%\"proposed\"%' AND experiment = 3")
        database.commit()


@pytest.mark.parametrize(
    ("breaks", "kind"),
    [
        (never_run, "NeverRun"),
        (made_and_empty, "NeverRun"),
        (of_a_newer_jumar, "LedgerNewer"),
        (half_written, "LedgerUnfit"),
        (with_a_hole, "LedgerUnfit"),
    ],
)
def test_a_record_that_cannot_be_read_is_named_with_what_mends_it(
    breaks: Callable[[Path], None], kind: str, target: Path
) -> None:
    breaks(target)
    with pytest.raises(JumarError) as told:
        refreshed(open_study(target))
    trouble = trouble_of(told.value)
    assert trouble.kind == kind
    assert trouble.problem and trouble.fix


def test_a_baseline_alone_is_a_study_to_look_at(target: Path) -> None:
    tell(target, 0, 2)  # started, and nothing proposed yet
    board = refreshed(open_study(target))
    assert board.overview().steps == () and board.tree().nodes == () and board.lessons().lessons == ()
    assert board.rows(Query()).total == 0
    tell(target, 2, 11)
    board.refresh()
    assert [dot.number for dot in board.overview().steps] == [0]
    assert board.detail(0).parent is None


def test_a_course_is_recalled_only_where_the_record_goes_on_from_it(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jumar.board.KEEP_EVERY", 100)
    assert KEEP_EVERY > 100
    tell(target, 0, 200)
    board = refreshed(open_study(target))
    own = find_home(target, STUDY).own
    kept = recall(own, STUDY)
    assert kept is not None and kept.last_seq == 200
    assert recall(own, "another") is None
    tell(target, 200, 10_000)
    reads: list[int] = []
    entries = SqlLedger.entries

    def counted(self: SqlLedger, study: str, *, after: int = 0) -> object:
        reads.append(after)
        return entries(self, study, after=after)

    with monkeypatch.context() as watched:
        watched.setattr(SqlLedger, "entries", counted)
        again = refreshed(open_study(target))
    assert reads == [200], "it goes on behind what was kept"
    board.refresh()
    assert again.overview().steps == board.overview().steps
    assert again.rows(Query()).rows == board.rows(Query()).rows
    examine(open_study(target))

    # A ledger that is another one is read anew, and a file that is no cache is none.
    remember(own, STUDY, replace(kept, last_digest="f" * 64))
    assert refreshed(open_study(target)).rows(Query()).rows == board.rows(Query()).rows
    (own / NAME).write_bytes(b"\x00 not a course")
    assert recall(own, STUDY) is None
    assert refreshed(open_study(target)).rows(Query()).rows == board.rows(Query()).rows
