"""The ledger in a database, SQLite's or PostgreSQL's, through SQLAlchemy Core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from jumar.core.event import Entry, Event
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import Artefacts, StudyRecord
from jumar.errors import LedgerEmpty, LedgerUnfit
from jumar.ledgers import chain, rows
from jumar.ledgers.artefacts import ARTEFACTS, FolderArtefacts
from jumar.ledgers.audit import audit
from jumar.ledgers.engine import PATIENCE_S, Database, database_at
from jumar.ledgers.place import Place
from jumar.ledgers.schema import STEPS, check, migrate
from jumar.ledgers.served import ServedArtefacts
from jumar.ledgers.sqlite import SqliteFile
from jumar.ledgers.tally import Tally, places, record
from jumar.ledgers.transitions import take
from jumar.rules.history import History

if TYPE_CHECKING:
    from jumar.ledgers.postgres import Server

BATCH = 256  #: entries read at a time; between batches no transaction is open
AGAIN_S = 0.5  # between two tries while a server is away

Found = TypeVar("Found")


class Head(NamedTuple):
    """A place in the chain, and its digest. By itself it is before the first entry."""

    seq: int = 0
    digest: str = chain.GENESIS


class Guard(Protocol):
    """What a controller's right to a study hangs on. Both raise LedgerUnfit when it is gone."""

    def check(self) -> None:
        """As far as this process knows."""
        ...

    def check_in(self, connection: Connection) -> None:
        """As the database knows, in the transaction that is about to write."""
        ...


class SqlLedger:
    """Keeps the promises of `core.ledger.Ledger`; `append` is one transaction and one sync of the disk.

    May be used from several threads and processes at once. `ledgers.chain` has the form of the chain.
    With a guard nothing is read or written once the guard refuses.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], float] | None, guard: Guard | None = None
    ) -> None:
        self.database, self._now, self._guard = database, now, guard

    @property
    def server(self) -> Server | None:
        """The server that several hosts share, where there is one."""
        return None if isinstance(self.database, SqliteFile) else cast("Server", self.database)

    def artefacts(self, *, drafts: Path | None = None) -> Artefacts:
        """What is kept beside the record, where that is; `drafts` as in `FolderArtefacts`."""
        if isinstance(self.database, SqliteFile):
            return FolderArtefacts(self.database.path.with_name(ARTEFACTS), drafts=drafts)
        return ServedArtefacts(cast("Server", self.database))

    def guarded(self, guard: Guard) -> SqlLedger:
        """The same ledger, for as long as the guard lets."""
        return SqlLedger(self.database, now=self._now, guard=guard)

    def append(self, study: str, *events: Event) -> tuple[Entry, ...]:
        """Write all of `events`, or none. Raises LedgerConflict and LedgerUnfit as the protocol says.

        What is returned is what any reader will be given, decoded from the bytes that were stored.
        """
        if self._now is None:
            raise LedgerUnfit(f"the ledger {self.database} was opened to be read", fix="open it for writing")
        recorded, at = [chain.encode(event) for event in events], self._now
        return self._write(lambda connection: _append(connection, study, recorded, at)) if recorded else ()

    def entries(self, study: str, *, after: int = 0) -> Iterator[Entry]:
        while True:
            batch = self._read(partial(rows.entries_after, study=study, after=after, most=BATCH))
            yield from batch
            if len(batch) < BATCH:
                return
            after = batch[-1].seq

    def studies(self) -> tuple[StudyRecord, ...]:
        return self._read(
            lambda connection: tuple(
                _record(connection, name, tally) for name, tally in rows.tallies(connection).items()
            )
        )

    def study(self, name: str, *, active_s: float | None = None) -> StudyRecord | None:
        """As the protocol says; whoever knows how long it was worked on spares the look that tells."""

        def at_a_glance(connection: Connection) -> StudyRecord | None:
            tally = rows.tally_of(connection, name)
            return _record(connection, name, tally, active_s) if tally else None

        return self._read(at_a_glance)

    def number_of(self, study: str, commit: str) -> int | None:
        """The experiment that made a commit, if one did."""
        return self._read(partial(rows.number_of, study=study, commit=commit))

    def last_seq(self, study: str) -> int:
        """The place of a study's newest entry; 0 where there is none. For whoever asks all the time."""
        return self._read(partial(rows.last_of, study=study))

    def entries_at(self, places: Sequence[int]) -> dict[int, Entry]:
        """The entries in these places."""
        return self._read(partial(rows.entries_at, places=places)) if places else {}

    def head(self) -> Head:
        """The newest entry of all studies."""
        return Head(*self._read(rows.head))

    def follow(self, head: Head) -> Head | chain.Broken:
        """Check the links of what was written since a place whose digest is known, by whichever study.

        Returns where that leads. The tables that are drawn from the entries are for `verify`.
        """
        while True:
            found = self._read(partial(rows.links_after, after=head.seq, most=BATCH))
            for row in found:
                digest = chain.link(head.digest, head.seq + 1, row.at, row.study, row.event)
                if (row.seq, row.digest) != (head.seq + 1, digest):
                    return chain.Broken(seq=head.seq + 1, problem=f"entry {head.seq + 1} does not follow")
                head = Head(row.seq, digest)
            if len(found) < BATCH:
                return head

    def experiments(self, study: str, *, last: int | None = None) -> tuple[ExperimentRecord, ...]:
        return self._read(lambda connection: _fold(rows.entries_of_last(connection, study, last)))

    def experiment(self, study: str, number: int) -> ExperimentRecord | None:
        return self._read(
            lambda connection: next(iter(_fold(rows.entries_of(connection, study, number))), None)
        )

    def verify(self) -> chain.Broken | None:
        """The first broken link, or the first place where the tables and the record disagree.

        Reads everything; another process may write meanwhile.
        """
        return self._read(audit)

    def close(self) -> None:
        self.database.close()

    def _read(self, work: Callable[[Connection], Found]) -> Found:
        if self._guard is not None:
            self._guard.check()
        try:
            return _patiently(self.database, self.database.reader, work)
        except KeyError as error:  # an entry that others build on is gone
            raise LedgerUnfit(
                f"the ledger {self.database} lacks what its other entries build on ({error})",
                fix="see what is missing: jumar doctor --ledger",
            ) from error

    def _write(self, work: Callable[[Connection], Found]) -> Found:
        guard = self._guard

        def guarded(connection: Connection) -> Found:
            if guard is not None:
                guard.check_in(connection)
            return work(connection)

        return _patiently(self.database, self.database.writer, guarded)


def _patiently(database: Database, engine: Engine, work: Callable[[Connection], Found]) -> Found:
    """Do it in a transaction, and again while the server is away for a moment.

    Not where the commit itself was cut off: whether that was done, only the record can tell.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        committing = False
        try:
            with database.explained(), engine.connect() as connection, connection.begin() as transaction:
                found = work(connection)
                committing = True
                transaction.commit()
                return found
        except LedgerUnfit as error:
            fault = error.__cause__ or error.__context__
            fault = fault.orig if isinstance(fault, DBAPIError) else fault
            if committing or not database.is_passing(fault) or time.monotonic() > until:
                raise
            time.sleep(AGAIN_S)


def _append(
    connection: Connection, study: str, recorded: list[tuple[str, Event]], now: Callable[[], float]
) -> tuple[Entry, ...]:
    seq, digest = rows.head(connection)
    tally, marks, at = rows.tally_of(connection, study), rows.SqlRows(connection, study), now()
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


def open_ledger(
    place: Place,
    *,
    read_only: bool = False,
    now: Callable[[], float] = time.time,
    patience_s: float = PATIENCE_S,
) -> SqlLedger:
    """The ledger at `place`: made when it is missing, brought up to date when it is old.

    With `read_only` it is neither made nor changed. Writers wait `patience_s` for each other.
    Raises LedgerUnfit when it cannot be used, with the cause and what mends it.
    """
    database = database_at(place, read_only=read_only, patience_s=patience_s)
    step = _refuse_old if read_only else migrate
    engine = database.reader if read_only else database.writer
    try:
        with database.explained(), engine.begin() as connection:
            database.refuse_unfit(connection)
            step(connection)
    except BaseException:
        database.close()
        raise
    return SqlLedger(database, now=None if read_only else now)


def _refuse_old(connection: Connection) -> None:
    version = check(connection)
    if version == 0:
        raise LedgerEmpty("nothing was ever written to the ledger", fix="start a study first: jumar run")
    if version < len(STEPS):
        raise LedgerUnfit(
            f"the ledger is of version {version} and must be brought to version {len(STEPS)} first",
            fix="open it once for writing, as `jumar run` does",
        )


def _record(connection: Connection, name: str, tally: Tally, active_s: float | None = None) -> StudyRecord:
    entries = rows.entries_at(connection, places(tally))
    return record(name, tally, entries, rows.active_s_of(connection, name) if active_s is None else active_s)


def _fold(entries: Iterator[Entry]) -> tuple[ExperimentRecord, ...]:
    history = History()
    for entry in entries:
        history.apply(entry)
    return tuple(history.experiments[number] for number in sorted(history.experiments))
