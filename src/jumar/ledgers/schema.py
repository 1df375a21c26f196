"""The ledger's tables and how older ones become today's.

`entry` is the record; the other tables are drawn from it, in the transaction that appends, and hold
nothing but counts and places in it. They give the write-once rules something to stand on.

Migrations are numbered lists of SQL here instead of Alembic: importing that costs 0.15 s of every
`jumar status`, and a forward-only list does all that a file which its owner never edits needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
)

from jumar.errors import LedgerNewer, LedgerUnfit

TABLES = MetaData()

SCHEMA = Table("schema", TABLES, Column("version", Integer, primary_key=True))

ENTRY = Table(
    "entry",
    TABLES,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("study", Text, nullable=False),
    Column("experiment", Integer),  # that the event is about, if any: the way to all its entries
    Column("event", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

STUDY = Table(
    "study",
    TABLES,
    Column("name", Text, primary_key=True),
    Column("started", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("certified", Integer),
    Column("condition", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("champion", Integer, nullable=False),
    Column("champion_commit", Text, nullable=False),
    Column("open", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("discarded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("invalid", Integer, nullable=False),
    Column("cost_usd", Float, nullable=False),
)

EXPERIMENT = Table(
    "experiment",
    TABLES,
    Column("study", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("commit_sha", Text, nullable=False),
    Column("judged", Integer),
)

RUN = Table(
    "run",
    TABLES,
    Column("study", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("experiment", Integer, nullable=False),
    Column("ended", Integer),
)

#: What a server holds beside the record: for its files each host has a lock and a folder of its own.
SHARED = MetaData()

ARTEFACT = Table(
    "artefact",
    SHARED,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

COMMIT = Table(
    "git_commit",
    SHARED,
    Column("sha", Text, primary_key=True),
    Column("objects", LargeBinary, nullable=False),
)

LEASE = Table(
    "lease",
    SHARED,
    Column("study", Text, primary_key=True),
    Column("token", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
)


class Only(NamedTuple):
    """A statement that one kind of database is given."""

    dialect: str
    sql: str


#: Step n takes version n - 1 to n. A step that was released never changes.
STEPS: tuple[tuple[str | Only, ...], ...] = (
    (
        """CREATE TABLE entry (
            seq INTEGER NOT NULL PRIMARY KEY, at DOUBLE PRECISION NOT NULL, study TEXT NOT NULL,
            experiment INTEGER, event TEXT NOT NULL, digest TEXT NOT NULL)""",
        "CREATE INDEX entry_of_study ON entry (study, seq)",
        "CREATE INDEX entry_of_experiment ON entry (study, experiment, seq)",
        """CREATE TABLE study (
            name TEXT NOT NULL PRIMARY KEY,
            started INTEGER NOT NULL, last INTEGER NOT NULL, certified INTEGER,
            condition TEXT NOT NULL, reason TEXT NOT NULL,
            champion INTEGER NOT NULL, champion_commit TEXT NOT NULL,
            open INTEGER NOT NULL, kept INTEGER NOT NULL, discarded INTEGER NOT NULL,
            failed INTEGER NOT NULL, invalid INTEGER NOT NULL, cost_usd DOUBLE PRECISION NOT NULL)""",
        """CREATE TABLE experiment (
            study TEXT NOT NULL, number INTEGER NOT NULL, commit_sha TEXT NOT NULL, judged INTEGER,
            PRIMARY KEY (study, number))""",
        """CREATE TABLE run (
            study TEXT NOT NULL, key TEXT NOT NULL, experiment INTEGER NOT NULL, ended INTEGER,
            PRIMARY KEY (study, key),
            FOREIGN KEY (study, experiment) REFERENCES experiment (study, number))""",
        Only(
            "sqlite",
            """CREATE TRIGGER entry_never_changes BEFORE UPDATE ON entry
            BEGIN SELECT RAISE(ABORT, 'what is in the ledger never changes'); END""",
        ),
        Only(
            "sqlite",
            """CREATE TRIGGER entry_never_goes BEFORE DELETE ON entry
            BEGIN SELECT RAISE(ABORT, 'what is in the ledger never goes'); END""",
        ),
        Only(
            "postgresql",
            """CREATE FUNCTION entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE integrity_constraint_violation
                USING MESSAGE = 'what is in the ledger never changes and never goes'; END $$""",
        ),
        Only(
            "postgresql",
            """CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
            FOR EACH STATEMENT EXECUTE FUNCTION entry_stays()""",
        ),
        Only(
            "postgresql", "CREATE TABLE artefact (digest TEXT NOT NULL PRIMARY KEY, content BYTEA NOT NULL)"
        ),
        # Compressed by us: the server need not try again.
        Only("postgresql", "ALTER TABLE artefact ALTER content SET STORAGE EXTERNAL"),
        Only("postgresql", "CREATE TABLE git_commit (sha TEXT PRIMARY KEY, objects BYTEA NOT NULL)"),
        Only("postgresql", "ALTER TABLE git_commit ALTER objects SET STORAGE EXTERNAL"),
        Only(
            "postgresql",
            """CREATE TABLE lease (
            study TEXT NOT NULL PRIMARY KEY, token INTEGER NOT NULL, host TEXT NOT NULL,
            pid INTEGER NOT NULL, since DOUBLE PRECISION NOT NULL, expires TIMESTAMPTZ NOT NULL)""",
        ),
    ),
)


def version_of(connection: Connection) -> int:
    """The version the database is at; 0 when it is empty. Raises LedgerUnfit when it is no ledger."""
    names = inspect(connection).get_table_names()
    if SCHEMA.name in names:
        return int(connection.execute(select(SCHEMA.c.version)).scalar_one())
    if names:
        raise LedgerUnfit(
            f"the database holds other tables ({', '.join(names[:3])}) and no ledger",
            fix="give the ledger a file of its own; on a server, a database",
        )
    return 0


def migrate(connection: Connection, steps: Sequence[Sequence[str | Only]] = STEPS) -> int:
    """Bring the database up to date in the caller's transaction. Returns the version it had.

    Raises LedgerUnfit, and changes nothing, when a newer Jumar has written it or it is no ledger.
    """
    version = check(connection, steps)
    if version == len(steps):
        return version
    if version == 0:
        SCHEMA.create(connection)
        connection.execute(insert(SCHEMA).values(version=0))
    for step in steps[version:]:
        for statement in step:
            given = Only(connection.dialect.name, statement) if isinstance(statement, str) else statement
            if given.dialect == connection.dialect.name:
                connection.exec_driver_sql(given.sql)
    connection.execute(SCHEMA.update().values(version=len(steps)))
    return version


def check(connection: Connection, steps: Sequence[Sequence[str | Only]] = STEPS) -> int:
    """The version the database is at. Raises LedgerNewer when this Jumar is too old for it."""
    version = version_of(connection)
    if version > len(steps):
        raise LedgerNewer(
            f"the ledger is of version {version}, and this Jumar knows versions up to {len(steps)}",
            fix="update Jumar to the version that wrote it: git pull in its checkout, and install it again",
        )
    return version
