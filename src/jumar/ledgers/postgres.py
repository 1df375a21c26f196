"""How a PostgreSQL ledger is opened, and what its faults mean to the person who meets them."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from jumar.errors import EnvironmentUnfit, LedgerUnfit
from jumar.ledgers.place import Address

try:
    import psycopg
except ImportError as error:
    raise EnvironmentUnfit(
        "a ledger on a PostgreSQL server needs psycopg, which is not installed",
        fix="python -m pip install 'jumar[postgres]'",
    ) from error

#: Of whoever writes; the same everywhere, for all must queue at one door. Says "jumar".
DOOR = 0x6A756D6172
#: A network that swallows packets, or a machine that is gone, is noticed in half a minute.
_NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: A writer that sleeps in the middle of a transaction (a suspended laptop) loses it, and others go on.
_IDLE_MS = 60_000

_AGAIN = "then do the same again: all that was recorded is kept"

#: What the SQLSTATE is or the message has → what is wrong, and what mends it. The first that fits.
_FAULTS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("no password supplied",),
        "wants a password, and there is none",
        "put it into ~/.pgpass ({host}:{port}:{db}:{user}:PASSWORD, chmod 600), PGPASSWORD or JUMAR_LEDGER",
    ),
    (
        ("28P01", "password authentication failed"),
        "refuses the password of {user}",
        "correct it in ~/.pgpass, PGPASSWORD or JUMAR_LEDGER; also a user who is not there looks like this",
    ),
    (
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
        "lets {user} not in from this machine",
        "on the server, add a line for {user} to pg_hba.conf and reload it",
    ),
    (("3D000",), "is not there", "make it: createdb {server} --owner={user} {db}"),
    (("28000",), "does not know {user}", "make the user: createuser {server} --pwprompt {user}"),
    (
        ("53300", "too many clients", "remaining connection slots"),
        "has no connection left",
        "raise max_connections on the server, or end some who use it",
    ),
    (
        ("42501",),
        "gives {user} no right to do this",
        "as its owner: psql {url} -c 'GRANT USAGE, CREATE ON SCHEMA public TO {user}'; or use a database "
        "that is {user}'s own",
    ),
    (
        ("25006",),
        "can only be read: it is a standby, or is set so",
        "name the server that takes writes (several hosts: add target_session_attrs=read-write)",
    ),
    (("53100", "No space left"), "cannot grow: the server's disk is full", f"free some there, {_AGAIN}"),
    (
        ("55P03",),
        "is locked by another writer",
        "see who: psql {url} -c \"SELECT * FROM pg_stat_activity WHERE state <> 'idle'\"; end it or wait",
    ),
    (
        ("resolve host", "could not translate host name"),
        "is on a host that nobody knows",
        "correct the host in the address: {host}",
    ),
    (
        ("Connection refused", "No such file or directory"),
        "does not answer: no server listens there",
        f"start the server, or correct host and port in the address; {_AGAIN}",
    ),
    (
        ("57P03", "starting up", "shutting down"),
        "is starting or stopping",
        f"wait a moment, {_AGAIN}",
    ),
    (
        ("timeout expired", "timed out", "No route to host", "Network is unreachable"),
        "cannot be reached",
        "see that network and firewalls let you through to {host}, port {port}; " + _AGAIN,
    ),
    (
        # An encrypted connection that is lost is an "SSL error" too, so this comes first.
        (
            "57P01",
            "57P02",
            "25P03",
            "08",
            "closed",
            "lost",
            "terminating connection",
            "server sent",
            "EOF",
            "eof",
        ),
        "is gone: the connection was lost",
        f"see that the server runs, {_AGAIN}",
    ),
    (
        ("SSL", "certificate"),
        "and this machine agree on no encryption",
        "set sslmode in the address as the server wants it, such as ?sslmode=require",
    ),
    (
        ("invalid URI query parameter", "invalid connection option"),
        "has an address with an unknown setting",
        "leave it out; those that there are: https://www.postgresql.org/docs/current/libpq-connect.html",
    ),
)
_PASSING = ("does not answer", "is starting", "cannot be reached", "is gone", "has no connection")


class Server:
    """Keeps the promises of `engine.Database` for a database on a server.

    Connections are shared by all that this process opens there, and stay until it ends.
    """

    def __init__(self, address: Address, *, patience_s: float) -> None:
        self._address = address
        self.engine = _engine(address, patience_s)
        self.reader = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.writer = self.engine.execution_options(writing=True)

    def __str__(self) -> str:
        return str(self._address)

    def unfit(self, error: BaseException | None) -> LedgerUnfit:
        detail = _detail(error, self._address)
        problem, fix = _meaning(error) or ("gave an error", "see the server's log")
        names = _names(self._address)
        return LedgerUnfit(
            f"the ledger {self._address} {problem.format(**names)} ({detail})", fix=fix.format(**names)
        )

    def is_passing(self, error: BaseException | None) -> bool:
        meaning = _meaning(error)
        return meaning is not None and meaning[0].startswith(_PASSING)

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self.unfit(error.orig) from None  # SQLAlchemy's own words show what was to be written
        except psycopg.Error as error:
            raise self.unfit(error) from None

    def refuse_unfit(self, connection: Connection) -> None:
        """Raise LedgerUnfit for a database that could not hold a ledger, before anything depends on it."""
        asked = (
            "SELECT current_setting('server_encoding'), current_setting('transaction_read_only'),"
            " pg_is_in_recovery()"
        )
        encoding, read_only, standby = connection.exec_driver_sql(asked).one()
        if encoding != "UTF8":
            db = _names(self._address)["db"]
            raise LedgerUnfit(
                f"the ledger {self} cannot hold every text: its encoding is {encoding}",
                fix=f"make another: createdb --encoding=UTF8 --template=template0 {db}-utf8",
            )
        if connection.get_execution_options().get("writing") and (read_only == "on" or standby):
            raise self.unfit(psycopg.errors.ReadOnlySqlTransaction("the server says so"))

    def close(self) -> None:
        """Nothing is freed: what this process opens there next takes the same connections."""


def let_go() -> None:
    """Close every connection to every server that nobody uses."""
    for engine in _ENGINES:
        engine.dispose()


_ENGINES: list[Engine] = []
atexit.register(let_go)


@cache
def _engine(address: Address, patience_s: float) -> Engine:
    # The address is not SQLAlchemy's to know: it would show it, and the password, in its own words.
    engine = create_engine(
        "postgresql+psycopg://", creator=partial(_connect, address, patience_s), pool_pre_ping=True
    )
    event.listen(engine, "begin", _begin)
    _ENGINES.append(engine)
    return engine


def _begin(connection: Connection) -> None:
    # Writers queue here, before they look: what each then sees has all that those before it wrote.
    if connection.get_execution_options().get("writing"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({DOOR})")


def _connect(address: Address, patience_s: float) -> psycopg.Connection[Any]:
    given, asked = urlsplit(address.url).query, {"application_name": "jumar", **_NETWORK}
    settings: dict[str, Any] = {name: value for name, value in asked.items() if f"{name}=" not in given}
    settings |= dict(address.secrets)
    if address.password:
        settings["password"] = address.password
    connection = psycopg.connect(address.url, **settings)
    connection.execute(
        f"SET lock_timeout = {patience_s * 1000:.0f}; SET idle_in_transaction_session_timeout = {_IDLE_MS};"
        "SET client_encoding = 'UTF8'"
    )
    connection.commit()
    return connection


def _meaning(error: BaseException | None) -> tuple[str, str] | None:
    state, words = str(getattr(error, "sqlstate", None) or ""), str(error)
    for marks, problem, fix in _FAULTS:
        if any(state.startswith(mark) if _is_state(mark) else mark in words for mark in marks):
            return problem, fix
    if 'database "' in words and "does not exist" in words:
        return _of_state("3D000")
    if 'role "' in words and "does not exist" in words:
        return _of_state("28000")
    return None


def _of_state(state: str) -> tuple[str, str]:
    return next((problem, fix) for marks, problem, fix in _FAULTS if state in marks)


def _is_state(mark: str) -> bool:
    return mark[:2].isdigit() or mark in ("3D000",)


def _detail(error: BaseException | None, address: Address) -> str:
    """The fault in the server's words, on one line, and never a secret."""
    said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    words = " ".join(said.split()).removeprefix("connection failed: ")
    for secret in address.hidden:
        words = words.replace(secret, "***")
    return words


def _names(address: Address) -> dict[str, str]:
    parts = urlsplit(address.url)
    host, port = parts.hostname or "localhost", str(parts.port or 5432)
    return {
        "url": address.url,
        "host": host,
        "port": port,
        "db": parts.path.strip("/"),
        "user": parts.username or "you",
        "server": f"--host={host} --port={port}",
    }
