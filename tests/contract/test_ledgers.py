"""The exam of ledgers over each ledger, and what is the SQL ledger's alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Pool, event, inspect, text

from jumar.core.desk import Usage
from jumar.core.event import (
    Answered,
    Asked,
    Certified,
    Event,
    Idled,
    Noticed,
    Rested,
    Resumed,
    RunLost,
    TakenUp,
    Thought,
    Wish,
)
from jumar.core.ledger import Ledger
from jumar.core.outcome import Measured
from jumar.core.verdict import Decision
from jumar.errors import LedgerConflict, LedgerEmpty, LedgerUnfit
from jumar.ledgers.schema import STEPS, TABLES, check, migrate
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.ledgers.sqlite import SqliteFile, sqlite_engine
from jumar.rules.history import History
from jumar.testing.events import claim, judged, proposed, run_ended, run_started, started
from jumar.testing.ledger_suite import STUDY, DurableLedgerSuite, LedgerSuite
from jumar.testing.memory_ledger import MemoryLedger


class TestMemoryLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return MemoryLedger()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqlLedger]:
    ledger = open_ledger(path)
    yield ledger
    assert ledger.verify() is None, "whatever a test did, the record is whole"
    ledger.close()


class TestSqlLedger(DurableLedgerSuite):
    @pytest.fixture
    def opener(self, path: Path) -> Callable[[], Ledger]:
        return partial(open_ledger, path)


RESUMED, RESTED = Resumed(pid=1, host="h"), Rested(reason="enough", finished=False)
PAUSE, GO_ON, TELL = Asked(wish=Wish.PAUSE), Asked(wish=Wish.RESUME), Asked(wish=Wish.TELL, words="x")
#: What happened when, and the seconds in it during which a controller had the study.
DAYS: dict[str, tuple[float, list[tuple[float, Event]]]] = {
    "two sittings": (13.0, [(0, RESUMED), (10, RESTED), (500, RESUMED), (503, RESTED)]),
    "killed between two words, and taken up in the morning": (
        17.0,
        [(0, RESUMED), (3, proposed(0)), (10, run_started(0)), (8000, TELL), (9000, RESUMED), (9007, RESTED)],
    ),
    "killed in a run, which is lost when it is taken up": (
        12.0,
        [
            (0, RESUMED),
            (3, proposed(0)),
            (10, run_started(0)),
            (9000, RESUMED),
            (9000, RunLost(key="0-0", reason="died")),
            (9002, RESTED),
        ],
    ),
    "killed, and never taken up": (8.0, [(0, RESUMED), (8, proposed(0)), (9000, TELL)]),
    "paused": (
        7.0,
        [(0, RESUMED), (4, PAUSE), (9, proposed(0)), (12, GO_ON), (15, Noticed(words="on"))],
    ),
    "paused until its end": (4.0, [(0, RESUMED), (4, PAUSE), (900, RESTED)]),
    "a machine that slept, and one that is set back": (
        9.0,
        [
            (0, RESUMED),
            (4, proposed(0)),
            (86_400, Idled(over=True, jumped=True)),
            (86_403, run_started(0)),
            (500, Idled(over=True, jumped=True)),
            (502, RESTED),
            (600, Idled(over=True, jumped=True)),
        ],
    ),
    "a clock that was set back": (0.0, [(100, RESUMED), (40, proposed(0))]),
}


@pytest.mark.parametrize("made", [MemoryLedger, partial(open_ledger, Path("ledger.db"))])
@pytest.mark.parametrize("day", DAYS)
def test_the_time_that_a_controller_had_a_study_is_counted(
    day: str, made: Callable[..., Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    active_s, happened = DAYS[day]
    times = iter([0.0, 0.0, *(at for at, _ in happened)])
    with closing(made(now=lambda: next(times))) as ledger:
        ledger.append("another", started())
        ledger.append(STUDY, started())
        for _, one in happened:
            ledger.append(STUDY, one)
        study = ledger.study(STUDY)
        assert study is not None and study.active_s == active_s


@pytest.mark.parametrize("seed", range(20))
def test_the_tables_and_the_history_count_the_same_time(seed: int, tmp_path: Path) -> None:
    dice, history = Random(seed), History()
    talk: list[Event] = [
        *(TakenUp(key="k", who="a", until=1e9, outside=outside) for outside in (False, True)),
        Answered(agent="a", request="r", reply="b", usage=Usage(model="m")),
        Thought(agent="a", waited_s=1),
    ]
    times = iter([0.0, *sorted(dice.uniform(0, 9000) for _ in range(60))])
    with closing(open_ledger(tmp_path / "ledger.db", now=lambda: next(times))) as ledger:
        ledger.append(STUDY, started())
        for _ in range(60):
            with suppress(LedgerConflict):
                ledger.append(STUDY, dice.choice([RESUMED, RESTED, some_event(dice), dice.choice(talk)]))
        for entry in ledger.entries(STUDY):
            history.apply(entry)
        study = ledger.study(STUDY)
    assert study is not None and study.active_s == pytest.approx(history.active_s)
    assert study.active_s > 0


def test_a_ledger_that_is_closed_is_one_file_though_a_reader_still_has_it(path: Path, tmp_path: Path) -> None:
    writer = open_ledger(path)
    writer.append(STUDY, started())
    with closing(open_ledger(path, read_only=True)) as reader:
        assert reader.study(STUDY) is not None
        writer.close()
        alone = tmp_path / "alone.db"
        alone.write_bytes(path.read_bytes())
        with closing(open_ledger(alone, read_only=True)) as copied:
            assert list(copied.entries(STUDY)) == list(reader.entries(STUDY))


def fill(ledger: Ledger, experiments: int, study: str = STUDY) -> None:
    ledger.append(study, started())
    for first in range(0, experiments, 500):
        numbers = range(first, min(first + 500, experiments))
        ledger.append(
            study,
            *(event for n in numbers for event in (proposed(n), run_started(n), run_ended(n), judged(n))),
        )


def some_event(dice: Random) -> Event:
    number, index = dice.randrange(4), dice.randrange(2)
    choices: list[Event] = [
        started(),
        proposed(number, usd=0.5),
        run_started(number, index),
        run_ended(number, index),
        RunLost(key=f"{number}-{index}", reason="died"),
        judged(number, dice.choice(list(Decision))),
        Asked(wish=dice.choice(list(Wish))),
        Resumed(pid=1, host="h"),
        Rested(reason="enough", finished=dice.random() < 0.5),
        Certified(claim=claim(certified=True)),
    ]
    return dice.choice(choices)


def append_to(ledger: Ledger, study: str, events: list[Event]) -> object:
    try:
        return ledger.append(study, *events)
    except LedgerConflict as refusal:
        return refusal.problem


@pytest.mark.parametrize("seed", range(4))
def test_ledgers_agree_on_whatever_happens(path: Path, seed: int) -> None:
    """Events in no sensible order: each is written or refused by both, and both tell the same after."""
    dice, memory, refused = Random(seed), MemoryLedger(now=lambda: 1.0), 0
    with closing(open_ledger(path, now=lambda: 1.0)) as ledger:
        for _ in range(200):
            study, events = dice.choice("ab"), [some_event(dice) for _ in range(dice.randint(1, 2))]
            outcome = append_to(ledger, study, events)
            assert outcome == append_to(memory, study, events)
            refused += isinstance(outcome, str)
        assert 0 < refused < 200
        assert ledger.studies() == memory.studies()
        for study in "ab":
            assert list(ledger.entries(study)) == list(memory.entries(study))
            assert ledger.experiments(study) == memory.experiments(study)
            assert ledger.experiments(study, last=2) == memory.experiments(study, last=2)
        assert ledger.verify() is None


# --- growth ---------------------------------------------------------------------------------------


@pytest.fixture
def steps_taken() -> Iterator[Callable[[Callable[[], object]], int]]:
    """Counts what SQLite's virtual machine does: a measure of work that no busy machine disturbs."""
    counted = [0]

    def step() -> int:
        counted[0] += 1
        return 0

    def watch(connection: sqlite3.Connection, _: Any) -> None:
        connection.set_progress_handler(step, 1)

    def measure(call: Callable[[], object]) -> int:
        call()  # a first one, so that SQLAlchemy has learned what it wants to know
        before = counted[0]
        call()
        return counted[0] - before

    event.listen(Pool, "connect", watch)
    yield measure
    event.remove(Pool, "connect", watch)


@pytest.mark.parametrize(
    "call",
    [
        lambda ledger: ledger.study(STUDY),
        lambda ledger: ledger.studies(),
        lambda ledger: ledger.experiments(STUDY, last=10),
        lambda ledger: ledger.experiment(STUDY, 30),
        lambda ledger: list(ledger.entries(STUDY, after=ledger.study(STUDY).last_seq)),
        lambda ledger: ledger.append(STUDY, Noticed(words="tick")),
    ],
    ids=["study", "studies", "last experiments", "one experiment", "newest entries", "append"],
)
def test_work_does_not_grow_with_the_study(
    path: Path, steps_taken: Callable[[Callable[[], object]], int], call: Callable[[SqlLedger], object]
) -> None:
    costs = []
    for experiments in (50, 1000):
        ledger = open_ledger(path.with_name(f"{experiments}.db"))
        fill(ledger, experiments)
        costs.append(steps_taken(partial(call, ledger)))
        ledger.close()
    small, large = costs
    assert 0 < large <= small * 1.1


# --- durability and order -------------------------------------------------------------------------


def test_a_commit_is_on_the_disk_before_append_returns(path: Path) -> None:
    engine = sqlite_engine(path.parent.parent / "plain.db", patience_s=1)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()


def test_time_comes_from_the_clock_that_was_handed_in(path: Path) -> None:
    ticks = iter([10.0, 20.0])
    ledger = open_ledger(path, now=lambda: next(ticks))
    ledger.append(STUDY, started(), proposed(1))
    ledger.append(STUDY, judged(1))
    assert [entry.at for entry in ledger.entries(STUDY)] == [10.0, 10.0, 20.0]
    ledger.close()


def test_threads_share_a_ledger(ledger: SqlLedger) -> None:
    ledger.append(STUDY, started())

    def write_and_read(first: int) -> None:
        for number in range(first, first + 10):
            ledger.append(STUDY, proposed(number))
            assert ledger.experiment(STUDY, number) is not None

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_and_read, (0, 10, 20, 30)))
    assert [record.number for record in ledger.experiments(STUDY)] == list(range(40))


# --- the chain ------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["UPDATE entry SET at = 1", "DELETE FROM entry WHERE seq = 3"])
def test_the_database_itself_refuses_to_change_the_record(
    ledger: SqlLedger, path: Path, statement: str
) -> None:
    fill(ledger, 3)
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        raw.execute(statement)
    raw.close()


FORGERIES = {
    "two in another order": (
        "UPDATE entry SET seq = seq - 100 WHERE seq IN (4, 6);UPDATE entry SET seq = -90 - seq WHERE seq < 0",
        4,
    ),
    "one gone, and the others moved up": (
        "DELETE FROM entry WHERE seq = 5; UPDATE entry SET seq = seq - 1 WHERE seq > 5",
        5,
    ),
    "one put in between": (
        "UPDATE entry SET seq = -seq - 1 WHERE seq > 5; UPDATE entry SET seq = -seq WHERE seq < 0;"
        "INSERT INTO entry SELECT 6, at, study, experiment, event, digest FROM entry WHERE seq = 5",
        6,
    ),
    "the newest two gone, and the counts set back": (
        "DELETE FROM entry WHERE seq > 11; UPDATE study SET last = 11, open = 1, discarded = 2",
        0,
    ),
    "another value": ("UPDATE entry SET event = replace(event, '1.5', '1.4') WHERE seq = 4", 4),
    "another time": ("UPDATE entry SET at = at + 1 WHERE seq = 3", 3),
    "another study": ("UPDATE entry SET study = 'mine' WHERE seq = 5", 5),
    "an entry gone": ("DELETE FROM entry WHERE seq = 5", 5),
    "the newest gone": ("DELETE FROM entry WHERE seq = 13", 0),
    "filed elsewhere": ("UPDATE entry SET experiment = 2 WHERE seq = 4", 4),
    "a count": ("UPDATE study SET kept = 3", 0),
    "a champion": ("UPDATE study SET champion = 2", 0),
    "a verdict to be given again": ("UPDATE experiment SET judged = NULL WHERE number = 1", 0),
    "another commit": ("UPDATE experiment SET commit_sha = 'mine' WHERE number = 1", 0),
    "a run to be ended again": ("UPDATE run SET ended = NULL WHERE experiment = 1", 0),
    "a run gone": ("DELETE FROM run WHERE experiment = 1", 0),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_verify_names_the_first_place_that_was_tampered_with(path: Path, forgery: str) -> None:
    statement, seq = FORGERIES[forgery]
    ledger = open_ledger(path)
    fill(ledger, 3)
    assert ledger.verify() is None
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER entry_never_changes")
    raw.execute("DROP TRIGGER entry_never_goes")
    before = raw.total_changes
    raw.executescript(f"BEGIN; {statement}; COMMIT")
    assert raw.total_changes > before
    raw.close()
    broken = ledger.verify()
    assert broken is not None and broken.seq == seq
    ledger.close()


# --- versions -------------------------------------------------------------------------------------

STORED = Path(__file__).parent / "stored"


def stored(version: int, path: Path) -> None:
    """A ledger as the Jumar of that version wrote it; the files in `stored` never change."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript((STORED / f"ledger-{version}.sql").read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_a_ledger_that_an_older_jumar_wrote_is_read_verified_and_continued(path: Path, version: int) -> None:
    stored(version, path)
    with closing(open_ledger(path)) as ledger:
        assert ledger.verify() is None
        first, second = ledger.studies()
        assert (first.name, first.champion, first.cost_usd) == ("mar5", 1, 0.5)
        assert first.claim is not None and first.claim.experiment == 1
        assert (second.name, second.open_experiments) == ("mar6", 1)
        lost, measured = ledger.experiments("mar5")[1].runs
        assert lost.lost == "power cut"
        assert isinstance(measured.outcome, Measured) and measured.outcome.value == 1.25
        ledger.append("mar6", run_ended(0), judged(0, Decision.KEPT))
        assert ledger.verify() is None


NEXT = (*STEPS, ("ALTER TABLE study ADD COLUMN note TEXT", "UPDATE study SET note = 'moved'"))


def test_the_steps_lead_to_the_tables_that_the_code_uses(path: Path) -> None:
    open_ledger(path).close()
    engine = sqlite_engine(path, patience_s=1)
    found = inspect(engine)
    assert set(found.get_table_names()) == set(TABLES.tables)
    for name, table in TABLES.tables.items():
        columns = [(c["name"], c["nullable"]) for c in found.get_columns(name)]
        assert columns == [(c.name, bool(c.nullable)) for c in table.columns]
    engine.dispose()


def test_an_older_ledger_is_brought_forward_with_all_it_holds(path: Path) -> None:
    stored(1, path)
    with closing(open_ledger(path, read_only=True)) as ledger:
        before = list(ledger.entries("mar5"))
    engine = sqlite_engine(path, patience_s=1)
    with engine.begin() as connection:
        assert migrate(connection, NEXT) == 1
        assert connection.execute(text("SELECT DISTINCT note FROM study")).scalars().all() == ["moved"]
        assert check(connection, NEXT) == 2
        assert migrate(connection, NEXT) == 2
    engine.dispose()
    with closing(SqlLedger(SqliteFile.read(path), now=None)) as ledger:
        assert list(ledger.entries("mar5")) == before


def test_a_step_that_fails_leaves_the_older_ledger_as_it_was(ledger: SqlLedger, path: Path) -> None:
    fill(ledger, 3)
    engine = sqlite_engine(path, patience_s=1)
    with pytest.raises(Exception, match="nonsense"), engine.begin() as connection:
        migrate(connection, (*STEPS, (NEXT[1][0], "nonsense")))
    with engine.begin() as connection:
        assert check(connection) == 1
        assert "note" not in [column["name"] for column in inspect(connection).get_columns("study")]
    engine.dispose()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_of_a_newer_jumar_is_refused_and_left_alone(path: Path, read_only: bool) -> None:
    open_ledger(path).close()
    engine = sqlite_engine(path, patience_s=1)
    with engine.begin() as connection:
        migrate(connection, NEXT)
    engine.dispose()
    before = path.read_bytes()
    with pytest.raises(LedgerUnfit, match=r"version 2, and this Jumar knows.* 1 .*update Jumar"):
        open_ledger(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_ledger_that_is_only_just_made_is_empty_and_not_changed_by_a_reader(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with pytest.raises(LedgerEmpty, match="nothing was ever written"):
        open_ledger(path, read_only=True)
    assert path.read_bytes() == b""


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE photo (name TEXT)")
    raw.close()
    with pytest.raises(LedgerUnfit, match=r"photo.*a file of its own"):
        open_ledger(path)


# --- readers --------------------------------------------------------------------------------------


def test_a_reader_needs_no_writer_and_may_not_write(ledger: SqlLedger, path: Path) -> None:
    ledger.append(STUDY, started(), proposed(1), judged(1, Decision.KEPT))
    reader = open_ledger(path, read_only=True)
    assert reader.study(STUDY) == ledger.study(STUDY)
    ledger.append(STUDY, proposed(2))
    assert [record.number for record in reader.experiments(STUDY)] == [1, 2]
    with pytest.raises(LedgerUnfit, match="opened to be read"):
        reader.append(STUDY, proposed(3))
    reader.close()


def test_while_a_writer_has_the_ledger_readers_read_and_other_writers_are_told(path: Path) -> None:
    ledger = open_ledger(path, patience_s=0.01)
    ledger.append(STUDY, started())
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    assert ledger.study(STUDY) is not None
    with pytest.raises(LedgerUnfit, match=r"locked by another process.*fuser"):
        ledger.append(STUDY, proposed(1))
    raw.close()
    ledger.append(STUDY, proposed(1))
    assert ledger.verify() is None
    ledger.close()


# --- what can be wrong with a file ----------------------------------------------------------------


def test_a_ledger_that_is_not_there_is_not_made_by_a_reader(path: Path) -> None:
    with pytest.raises(LedgerUnfit, match="there is no ledger"):
        open_ledger(path, read_only=True)
    assert not path.parent.exists()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database_is_refused(path: Path, read_only: bool) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a diary, " * 1000)
    with pytest.raises(LedgerUnfit, match=r"is not a database.*restore"):
        open_ledger(path, read_only=read_only)
    assert path.read_bytes() == b"a diary, " * 1000


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LedgerUnfit, match="cannot be opened"):
        open_ledger(path)


def test_a_file_in_place_of_its_folder_is_refused(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(LedgerUnfit, match="cannot be made"):
        open_ledger(path)


@pytest.mark.parametrize("first", [4096, -16 * 4096], ids=["all but the first page", "the last pages"])
def test_a_damaged_file_is_told_as_such(path: Path, first: int) -> None:
    ledger = open_ledger(path)
    fill(ledger, 100)
    ledger.close()
    content = bytearray(path.read_bytes())
    content[first:] = b"\xff" * len(content[first:])
    path.write_bytes(content)
    with (
        pytest.raises(LedgerUnfit, match=r"damaged.*\.recover"),
        closing(open_ledger(path)) as damaged,
    ):
        list(damaged.entries(STUDY))


def test_an_event_of_a_kind_that_is_not_known_is_told_as_such(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.append(STUDY, started())
    raw = sqlite3.connect(path)
    raw.execute("INSERT INTO entry VALUES (2, 0, ?, NULL, ?, '')", (STUDY, '{"type":"dreamt"}'))
    raw.commit()
    raw.close()
    with pytest.raises(LedgerUnfit, match=r"entry 2 .*dreamt.*update Jumar"):
        list(ledger.entries(STUDY))
    ledger.close()
