"""What a ledger asks of its database, whichever that is, and how one is opened by its place."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine

from jumar.errors import LedgerUnfit
from jumar.ledgers.place import Address, Place
from jumar.ledgers.sqlite import SqliteFile

#: Eight processes that write all the time made one wait 7.5 s at worst; a controller writes seldom.
PATIENCE_S = 30.0


class Database(Protocol):
    """Opened for writing or for reading. In words it is its place."""

    @property
    def reader(self) -> Engine:
        """Its transactions see one moment, and never wait for a writer."""
        ...

    @property
    def writer(self) -> Engine:
        """Its transactions come one after the other, from their first statement on."""
        ...

    def refuse_unfit(self, connection: Connection) -> None:
        """Raise LedgerUnfit for a database that could not hold a ledger, before anything depends on it."""
        ...

    def unfit(self, error: BaseException | None) -> LedgerUnfit:
        """What a fault of the database means, and what mends it."""
        ...

    def explained(self) -> AbstractContextManager[None]:
        """Turns faults of the database into what `unfit` says of them."""
        ...

    def is_passing(self, error: BaseException | None) -> bool:
        """Whether the fault is one that a moment may mend, such as a server that starts anew."""
        ...

    def close(self) -> None: ...


def database_at(place: Place, *, read_only: bool, patience_s: float) -> Database:
    """The database of the ledger at `place`. Writers wait `patience_s` for each other."""
    if isinstance(place, Address):
        from jumar.ledgers.postgres import Server  # noqa: PLC0415 - an extra that most do without

        return Server(place, patience_s=patience_s)
    return SqliteFile.read(place) if read_only else SqliteFile.write(place, patience_s)
