"""The lease that one controller of several has on a study: the server's clock ends it, and a token fences.

Whoever takes a study gets a token that is one higher than the last. Each append of a controller looks,
in its own transaction and behind the door where writers queue, whether its token is still the newest:
one that was thought dead and is not (a suspended laptop, a network that healed) writes nothing more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict
from sqlalchemy import Connection, DateTime, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from jumar.errors import LeaseLost, LedgerUnfit
from jumar.ledgers.hold import Holder, held, holder, myself
from jumar.ledgers.schema import LEASE
from jumar.ledgers.sql import SqlLedger

if TYPE_CHECKING:
    from jumar.ledgers.postgres import Server

LEASE_S = 15.0  #: without a sign of life, another may take the study
RENEW_S = 3.0  # four signs may get lost
TOKEN = "lease"  #: file beside a study's lock: the token that was taken last from this folder

_NOW = func.clock_timestamp(type_=DateTime(timezone=True))
_LATER = _NOW + timedelta(seconds=LEASE_S)
_MINE = (LEASE.c.study == bindparam("of")) & (LEASE.c.token == bindparam("mine"))
_STANDS = select(LEASE.c.token).where(_MINE)
_RENEW = update(LEASE).where(_MINE).values(expires=_LATER)
_RELEASE = update(LEASE).where(_MINE).values(expires=_NOW)
_HAS = select(LEASE).where(LEASE.c.study == bindparam("of"), LEASE.c.expires > _NOW)
_GIVEN = insert(LEASE).values(token=1, expires=_LATER)
_TAKE = _GIVEN.on_conflict_do_update(
    index_elements=[LEASE.c.study],
    set_={"token": LEASE.c.token + 1}
    | {name: _GIVEN.excluded[name] for name in ("host", "pid", "since", "expires")},
).returning(LEASE.c.token)


class Lease:
    """A controller's right to a study, kept alive by a thread."""

    def __init__(self, server: Server, study: str, token: int) -> None:
        self._server = server
        self._names = {"of": study, "mine": token}
        self._ended, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._renew, name="jumar-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise LeaseLost when it is known that another controller has the study."""
        if self._lost.is_set():
            raise self._over()

    def check_in(self, connection: Connection) -> None:
        """Raise LeaseLost when another controller has the study, as the database has it."""
        if connection.scalar(_STANDS, self._names) is None:
            self._lost.set()
            raise self._over()

    def close(self) -> None:
        """Let the study go, so that another can have it at once."""
        self._ended.set()
        self._thread.join()
        # Where the server cannot be told, the lease ends by itself.
        with suppress(LedgerUnfit), self._server.explained(), self._server.engine.begin() as connection:
            connection.execute(_RELEASE, self._names)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_S):
            # A server that is away renews nothing and gives the study to nobody else either.
            with suppress(LedgerUnfit), self._server.explained(), self._server.engine.begin() as connection:
                if not connection.execute(_RENEW, self._names).rowcount:
                    return self._lost.set()

    def _over(self) -> LeaseLost:
        return LeaseLost(
            f"another controller has taken study {self._names['of']} up: this one stops and writes nothing",
            fix="nothing is lost: watch it with `jumar status`, or stand by with `jumar join`",
        )


@contextmanager
def leased(ledger: SqlLedger, study: str, own: Path) -> Iterator[SqlLedger]:
    """The ledger, for as long as this controller has the study; where no server is needed, just the ledger.

    Raises StudyHeld while another controller has it. `own` is the study's folder here, whose lock the
    caller has: a lease that was taken from there and not let go is of a controller that died, and needs
    no waiting for.
    """
    server = ledger.server
    if server is None:
        yield ledger
        return
    me, remembered = myself(time.time()), own / TOKEN
    with server.explained(), server.writer.begin() as connection:
        row = connection.execute(_HAS, {"of": study}).first()
        if row is not None and (row.host, _mark(row.token, own)) != (me.host, _read(remembered)):
            raise held(Holder(pid=row.pid, host=row.host, since=row.since), own)
        token: int = connection.execute(_TAKE, {"study": study, **asdict(me)}).scalar_one()
    remembered.write_text(_mark(token, own), encoding="utf-8")
    lease = Lease(server, study, token)
    try:
        yield ledger.guarded(lease)
    finally:
        lease.close()


def holder_of(ledger: SqlLedger | None, study: str, own: Path) -> Holder | None:
    """Who runs a study now, here or on another host; None when nobody does."""
    server = ledger.server if ledger else None
    if server is None:
        return holder(own)
    with server.explained(), server.reader.begin() as connection:
        row = connection.execute(_HAS, {"of": study}).first()
    return Holder(pid=row.pid, host=row.host, since=row.since) if row else None


def _mark(token: int, own: Path) -> str:
    """What proves that a lease was taken from this very folder, and not from one that it is a copy of."""
    known = own.stat()
    return f"{token} of {known.st_dev}:{known.st_ino}"


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8").strip()
    return ""
