"""How the file of an SQLite ledger is opened, and what its faults mean to the person who meets them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from jumar.errors import LedgerUnfit

READERS_WAIT_S = 30.0  # for a writer that makes a new file ready; it takes moments

TIDY_MS = 500  # for readers to finish; they take a few

#: What SQLite's error code begins with → what is wrong, and what mends it.
_FAULTS = {
    "SQLITE_BUSY": (
        "is locked by another process",
        "see which one with `fuser {path}`, end it or wait, and do the same again",
    ),
    "SQLITE_NOTADB": (
        "is not a database",
        "restore the ledger from a backup, or move the file away to begin anew",
    ),
    "SQLITE_CORRUPT": (
        "is damaged",
        "restore a backup, or save what can be read: sqlite3 {path} .recover | sqlite3 saved.db",
    ),
    "SQLITE_READONLY": (
        "cannot be written",
        "make the file and its folder writable for you: chmod u+w {folder} {path}",
    ),
    "SQLITE_CANTOPEN": (
        "cannot be opened",
        "make sure that {path} is a file and that you may write in {folder}",
    ),
    "SQLITE_FULL": (
        "cannot grow: the disk is full",
        "free some space (`df -h {folder}`) and do the same again; all that was recorded is kept",
    ),
    "SQLITE_IOERR": (
        "cannot be read or written",
        "look for faults of the disk (`dmesg | tail`, `df -h {folder}`); it must be a local one",
    ),
}


class SqliteFile:
    """Keeps the promises of `engine.Database` for one file."""

    def __init__(self, path: Path, engine: Engine, *, writes: bool) -> None:
        self.path, self._writes = path, writes
        self.reader, self.writer = engine, engine.execution_options(writing=True)

    def __str__(self) -> str:
        return str(self.path)

    @classmethod
    def write(cls, path: Path, patience_s: float) -> SqliteFile:
        """For one writer at a time and any number of readers; the file is made when it is missing."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerUnfit(
                f"the folder {path.parent} cannot be made: {error}", fix="choose another"
            ) from error
        return cls(path, sqlite_engine(path, patience_s=patience_s), writes=True)

    @classmethod
    def read(cls, path: Path) -> SqliteFile:
        """For readers alone; the file is neither made nor changed."""
        if not path.exists():
            raise LedgerUnfit(f"there is no ledger at {path}", fix="start a study first: jumar run")
        return cls(path, reading_engine(path), writes=False)

    def refuse_unfit(self, connection: Connection) -> None:
        """Any file will do; a wrong one was refused when it was opened."""

    def unfit(self, error: BaseException | None) -> LedgerUnfit:
        return unfit(error, self.path)

    def explained(self) -> AbstractContextManager[None]:
        return explained(self.path)

    def is_passing(self, error: BaseException | None) -> bool:
        return False  # a writer has waited long enough when SQLite says so

    def close(self) -> None:
        if self._writes:
            tidy(self.reader)
        self.reader.dispose()


def sqlite_engine(path: Path, *, patience_s: float) -> Engine:
    """For one writer at a time and any number of readers, who never wait."""
    for place in (path, path.parent):
        # SQLite opens what it may only read, and fails at the first append: too late to be told.
        if place.exists() and not os.access(place, os.W_OK):
            raise _explained("SQLITE_READONLY", path, f"{place} is read-only")
    return _engine(partial(_connect_writer, f"{path.absolute().as_uri()}?mode=rwc", patience_s))


def reading_engine(path: Path) -> Engine:
    """For readers alone; leaves the file as it is, and works on read-only media.

    There, a ledger whose last writer died is refused with LedgerUnfit: its newest entries are still
    in the file beside it, and reading the rest alone would hide them.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        _connect(uri, READERS_WAIT_S).close()
    except sqlite3.Error as error:
        if not _fault(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise unfit(error, path) from error
        if not path.is_file():
            raise unfit(error, path) from error
        beside = path.with_name(f"{path.name}-wal")
        if beside.exists() and beside.stat().st_size:
            raise LedgerUnfit(
                f"the newest entries of {path} are still in {beside.name}, and this place cannot be written",
                fix="copy the two files to a place that can, and read them there",
            ) from error
        uri += "&immutable=1"
    return _engine(partial(_connect, uri, READERS_WAIT_S))


def tidy(engine: Engine) -> None:
    """Move what is in the file beside the ledger into it, so that the one file is the whole record.

    SQLite would do so when nobody has it open any more; but whoever runs a study reads it as well.
    """
    # Where it is busy, or has no room, nothing is lost: SQLite reads both files.
    with suppress(DBAPIError, sqlite3.Error):
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {TIDY_MS}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.invalidate()  # closed, and not given to the next with so little patience


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a fault of the database into a LedgerUnfit that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise unfit(error.orig, path) from error
    except sqlite3.Error as error:
        raise unfit(error, path) from error


def unfit(error: BaseException | None, path: Path) -> LedgerUnfit:
    """What is wrong with the ledger at `path`, and what mends it."""
    return _explained(_fault(error), path, str(error))


def _explained(fault: str, path: Path, detail: str) -> LedgerUnfit:
    for code, (problem, fix) in _FAULTS.items():
        if fault.startswith(code):
            return LedgerUnfit(
                f"the ledger {path} {problem} ({detail})", fix=fix.format(path=path, folder=path.parent)
            )
    return LedgerUnfit(f"the ledger {path} gave an error: {detail}", fix="restore it from a backup")


def _engine(connect: partial[sqlite3.Connection]) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A plain BEGIN that reads first and then writes fails at once when someone else wrote in
    # between, whatever the patience: 2,100 of 2,400 transactions of 8 processes did.
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _connect(uri: str, patience_s: float) -> sqlite3.Connection:
    # isolation_level None: the module shall not begin transactions of its own. The pool hands a
    # connection to one thread at a time.
    connection = sqlite3.connect(
        uri, uri=True, timeout=patience_s, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_writer(uri: str, patience_s: float) -> sqlite3.Connection:
    connection = _connect(uri, patience_s)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # in WAL, NORMAL loses the last commits
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _fault(error: BaseException | None) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
