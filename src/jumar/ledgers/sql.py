"""The ledger in a database: SQLite here and now, through SQLAlchemy Core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine

from jumar.core.event import Entry, Event
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.errors import LedgerEmpty, LedgerUnfit
from jumar.ledgers import chain, rows
from jumar.ledgers.audit import audit
from jumar.ledgers.engine import PATIENCE_S, explained, reading_engine, sqlite_engine, tidy
from jumar.ledgers.schema import STEPS, check, migrate
from jumar.ledgers.tally import Tally, places, record
from jumar.ledgers.transitions import take
from jumar.rules.history import History

BATCH = 256  #: entries read at a time; between batches no transaction is open


class SqlLedger:
    """Keeps the promises of `core.ledger.Ledger`; `append` is one transaction and one sync of the disk.

    May be used from several threads and processes at once. `ledgers.chain` has the form of the chain.
    """

    def __init__(self, engine: Engine, path: Path, *, now: Callable[[], float] | None) -> None:
        self._engine, self._path, self._now = engine, path, now
        self._writer = engine.execution_options(writing=True)

    def append(self, study: str, *events: Event) -> tuple[Entry, ...]:
        """Write all of `events`, or none. Raises LedgerConflict and LedgerUnfit as the protocol says.

        What is returned is what any reader will be given, decoded from the bytes that were stored.
        """
        if self._now is None:
            raise LedgerUnfit(f"the ledger {self._path} was opened to be read", fix="open it for writing")
        recorded = [chain.encode(event) for event in events]
        if not recorded:
            return ()
        with self._writing() as connection:
            seq, digest = rows.head(connection)
            tally, marks, at = rows.tally_of(connection, study), rows.SqlRows(connection, study), self._now()
            entries, written = [], []
            for content, event in recorded:
                seq += 1
                tally, experiment = take(tally, marks, study, seq, event)
                digest = chain.link(digest, seq, at, study, content)
                entry = Entry(seq=seq, at=at, study=study, event=event, digest=digest)
                entries.append(entry)
                written.append(rows.columns(entry, experiment, content))
            rows.append(connection, written)
            rows.write_tally(connection, study, cast(Tally, tally))
        return tuple(entries)

    def entries(self, study: str, *, after: int = 0) -> Iterator[Entry]:
        while True:
            with self._reading() as connection:
                batch = rows.entries_after(connection, study, after, BATCH)
            yield from batch
            if len(batch) < BATCH:
                return
            after = batch[-1].seq

    def studies(self) -> tuple[StudyRecord, ...]:
        with self._reading() as connection:
            tallies = rows.tallies(connection)
            return tuple(_record(connection, name, tally) for name, tally in tallies.items())

    def study(self, name: str) -> StudyRecord | None:
        with self._reading() as connection:
            tally = rows.tally_of(connection, name)
            return _record(connection, name, tally) if tally else None

    def experiments(self, study: str, *, last: int | None = None) -> tuple[ExperimentRecord, ...]:
        with self._reading() as connection:
            return _fold(rows.entries_of_last(connection, study, last))

    def experiment(self, study: str, number: int) -> ExperimentRecord | None:
        with self._reading() as connection:
            return next(iter(_fold(rows.entries_of(connection, study, number))), None)

    def verify(self) -> chain.Broken | None:
        """The first broken link, or the first place where the tables and the record disagree.

        Reads everything; another process may write meanwhile.
        """
        with self._reading() as connection:
            return audit(connection)

    def close(self) -> None:
        if self._now is not None:
            tidy(self._engine)
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with explained(self._path), self._engine.begin() as connection:
                yield connection
        except KeyError as error:  # an entry that others build on is gone
            raise LedgerUnfit(
                f"the ledger {self._path} lacks what its other entries build on ({error})",
                fix="see what is missing: jumar doctor --ledger",
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with explained(self._path), self._writer.begin() as connection:
            yield connection


def open_ledger(
    path: Path,
    *,
    read_only: bool = False,
    now: Callable[[], float] = time.time,
    patience_s: float = PATIENCE_S,
) -> SqlLedger:
    """The ledger in the file `path`: made when it is missing, brought up to date when it is old.

    With `read_only` the file is neither made nor changed. Writers wait `patience_s` for each other.
    Raises LedgerUnfit when it cannot be used, with the cause and what mends it.
    """
    if read_only:
        if not path.exists():
            raise LedgerUnfit(f"there is no ledger at {path}", fix="start a study first: jumar run")
        engine = reading_engine(path)
        _prepare(engine, path, _refuse_old)
        return SqlLedger(engine, path, now=None)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnfit(
            f"the folder {path.parent} cannot be made: {error}", fix="choose another"
        ) from error
    engine = sqlite_engine(path, patience_s=patience_s)
    _prepare(engine.execution_options(writing=True), path, migrate)
    return SqlLedger(engine, path, now=now)


def _prepare(engine: Engine, path: Path, step: Callable[[Connection], object]) -> None:
    try:
        with explained(path), engine.begin() as connection:
            step(connection)
    except BaseException:
        engine.dispose()
        raise


def _refuse_old(connection: Connection) -> None:
    version = check(connection)
    if version == 0:
        raise LedgerEmpty("nothing was ever written to the ledger", fix="start a study first: jumar run")
    if version < len(STEPS):
        raise LedgerUnfit(
            f"the ledger is of version {version} and must be brought to version {len(STEPS)} first",
            fix="open it once for writing, as `jumar run` does",
        )


def _record(connection: Connection, name: str, tally: Tally) -> StudyRecord:
    entries, active_s = rows.entries_at(connection, places(tally)), rows.active_s_of(connection, name)
    return record(name, tally, entries, active_s)


def _fold(entries: Iterator[Entry]) -> tuple[ExperimentRecord, ...]:
    history = History()
    for entry in entries:
        history.apply(entry)
    return tuple(history.experiments[number] for number in sorted(history.experiments))
