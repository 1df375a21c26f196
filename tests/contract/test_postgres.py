"""The exam of ledgers on a PostgreSQL server, and what is that one's alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from jumar.core.event import Noticed
from jumar.core.ledger import Ledger
from jumar.core.verdict import Decision
from jumar.errors import LeaseLost, LedgerConflict, LedgerEmpty, LedgerUnfit, StudyHeld, Usage
from jumar.ledgers import lease
from jumar.ledgers.backup import back_up
from jumar.ledgers.lease import holder_of, leased
from jumar.ledgers.place import Address, read_address
from jumar.ledgers.postgres import Server
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.testing.events import judged, proposed, run_ended, run_started, started
from jumar.testing.ledger_suite import STUDY, DurableLedgerSuite
from jumar.testing.postgres import PASSWORD, LocalServer


def at(url: str) -> Address:
    return read_address(url, whence="a test")


@pytest.fixture
def address(postgres: LocalServer) -> Address:
    return at(postgres.fresh())


@pytest.fixture
def ledger(address: Address) -> Iterator[SqlLedger]:
    ledger = open_ledger(address)
    yield ledger
    assert ledger.verify() is None, "whatever a test did, the record is whole"


class TestPostgresLedger(DurableLedgerSuite):
    @pytest.fixture
    def opener(self, address: Address) -> Callable[[], Ledger]:
        return partial(open_ledger, address)


def experiments_of(address: Address, first: int, *, most: int) -> None:
    """What a controller writes of so many experiments, in the two transactions that each takes."""
    ledger = open_ledger(address)
    for number in range(first, first + most):
        ledger.append(STUDY, proposed(number), run_started(number))
        ledger.append(STUDY, run_ended(number), judged(number))


def test_eight_writers_make_one_chain_and_lose_and_double_nothing(
    address: Address, ledger: SqlLedger
) -> None:
    ledger.append(STUDY, started())
    each = 6
    with ThreadPoolExecutor(8) as writers:
        firsts = range(0, 8 * each, each)
        list(writers.map(partial(experiments_of, address, most=each), firsts))
    entries = list(ledger.entries(STUDY))
    assert [entry.seq for entry in entries] == list(range(1, 4 * 8 * each + 2))
    record = ledger.study(STUDY)
    assert record is not None and record.decisions[Decision.DISCARDED] == 8 * each - 1  # without the baseline
    assert ledger.verify() is None


def test_the_database_itself_refuses_to_change_the_record(ledger: SqlLedger) -> None:
    ledger.append(STUDY, started(), Noticed(words="so it was"))
    assert ledger.server is not None
    for statement in ("UPDATE entry SET at = 1", "DELETE FROM entry", "TRUNCATE entry"):
        with pytest.raises(LedgerUnfit, match="never changes"):
            with ledger.server.explained(), ledger.server.engine.begin() as connection:
                connection.execute(text(statement))


def test_what_was_tampered_with_by_the_servers_owner_is_found(
    postgres: LocalServer, address: Address
) -> None:
    ledger = open_ledger(address)
    ledger.append(STUDY, started(), proposed(0), proposed(1), judged(1))
    place = f"SET search_path = {address.url.rpartition('%3D')[2]}"
    postgres.does(f"{place}; ALTER TABLE entry DISABLE TRIGGER entry_stays", db="jumar")
    for forgery, seq in (
        ("DELETE FROM entry WHERE seq = 4", 0),
        ("UPDATE entry SET at = at + 1 WHERE seq = 2", 2),
    ):
        postgres.does(f"{place}; {forgery}", db="jumar")
        broken = ledger.verify()
        assert broken is not None and broken.seq == seq


def test_a_reader_makes_nothing_and_may_not_write(address: Address) -> None:
    with pytest.raises(LedgerEmpty):
        open_ledger(address, read_only=True)
    writer = open_ledger(address)
    writer.append(STUDY, started())
    reader = open_ledger(address, read_only=True)
    assert list(reader.entries(STUDY)) == list(writer.entries(STUDY))
    with pytest.raises(LedgerUnfit, match="opened to be read"):
        reader.append(STUDY, proposed(1))


def test_artefacts_are_kept_once_and_come_back_for_every_host(ledger: SqlLedger, address: Address) -> None:
    kept, content = ledger.artefacts(), b"loss: 1.5\n\0" * 1000
    digest = kept.put(content)
    assert kept.put(content) == digest
    again = open_ledger(address, read_only=True).artefacts()
    assert again.get(digest) == content
    with pytest.raises(LedgerUnfit, match="is gone"):
        again.get("0" * 64)
    with pytest.raises(LedgerUnfit, match="is no digest"):
        again.get("../secret")


# --- who leads ------------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life ten times a second, so that a loss is heard at once."""
    monkeypatch.setattr(lease, "RENEW_S", 0.1)


def folders(place: Path, most: int) -> list[Path]:
    """A study's folder in each of several clones."""
    made = [place / str(number) for number in range(most)]
    for folder in made:
        folder.mkdir()
    return made


def expire(address: Address) -> None:
    """What time does to the lease of a controller that gives no sign of life."""
    with psycopg.connect(address.url, password=address.password) as connection:
        connection.execute("UPDATE lease SET expires = now() - interval '1 second'")


def test_one_controller_has_a_study_and_the_others_are_told_who(ledger: SqlLedger, tmp_path: Path) -> None:
    here, there, other = folders(tmp_path, 3)
    with leased(ledger, STUDY, here) as mine, leased(ledger, "another", other):
        mine.append(STUDY, started())
        holder = holder_of(ledger, STUDY, there)
        assert holder is not None
        with pytest.raises(StudyHeld, match=f"process {holder.pid} on {holder.host}"):
            with leased(ledger, STUDY, there):
                pass
    assert holder_of(ledger, STUDY, there) is None
    with leased(ledger, STUDY, there) as theirs:
        theirs.append(STUDY, proposed(0))


def test_a_controller_that_lost_its_lease_writes_and_reads_nothing_more(
    ledger: SqlLedger, address: Address, tmp_path: Path, hasty: None
) -> None:
    here, there = folders(tmp_path, 2)
    with leased(ledger, STUDY, here) as late:
        late.append(STUDY, started())
        expire(address)
        with leased(open_ledger(address), STUDY, there) as new:
            with pytest.raises(LeaseLost, match=f"taken study {STUDY} up"):
                late.append(STUDY, proposed(0))
            with pytest.raises(LeaseLost):
                late.study(STUDY)
            new.append(STUDY, proposed(0))
        assert holder_of(ledger, STUDY, there) is None
    assert [record.number for record in ledger.experiments(STUDY)] == [0]


def test_the_loss_is_heard_without_a_write(
    ledger: SqlLedger, address: Address, tmp_path: Path, hasty: None
) -> None:
    here, there = folders(tmp_path, 2)
    with leased(ledger, STUDY, here) as late:
        expire(address)
        with leased(ledger, STUDY, there), pytest.raises(LeaseLost):
            until = time.monotonic() + 20
            while time.monotonic() < until:
                late.study(STUDY)
                time.sleep(0.02)


def test_a_lease_that_nobody_else_took_may_end_and_goes_on(
    ledger: SqlLedger, address: Address, tmp_path: Path
) -> None:
    with leased(ledger, STUDY, tmp_path) as mine:
        expire(address)
        mine.append(STUDY, started())


def test_a_killed_controller_is_followed_at_once_from_the_same_folder(
    ledger: SqlLedger, address: Address, tmp_path: Path
) -> None:
    with leased(ledger, STUDY, tmp_path):
        left = (tmp_path / lease.TOKEN).read_text()
        with leased(ledger, STUDY, tmp_path):
            assert (tmp_path / lease.TOKEN).read_text() != left


def test_a_copy_of_a_folder_does_not_take_what_its_original_leads(ledger: SqlLedger, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with leased(ledger, STUDY, tmp_path / "here"):
        shutil.copytree(tmp_path / "here", tmp_path / "copy")
        with pytest.raises(StudyHeld), leased(ledger, STUDY, tmp_path / "copy"):
            pass


# --- what can be wrong with a server --------------------------------------------------------------


def test_each_fault_of_a_server_is_one_line_with_the_fix_and_without_the_password(
    postgres: LocalServer,
) -> None:
    postgres.does(
        f"CREATE ROLE bob LOGIN PASSWORD '{PASSWORD}'",
        "CREATE DATABASE latin ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C' OWNER ann",
        "CREATE DATABASE still OWNER ann",
        "ALTER DATABASE still SET default_transaction_read_only = on",
    )
    dead = postgres.url().replace(f":{postgres.port}/", ":9/")
    for url, problem, fix in (
        (postgres.url(password="wrong%"), "refuses the password of ann", "~/.pgpass"),
        (postgres.url(password=None), "wants a password", ":jumar:ann:PASSWORD"),
        (postgres.url(db="nowhere"), "is not there", "createdb --host=127.0.0.1"),
        (postgres.url(user="bob"), "gives bob no right", "GRANT USAGE, CREATE ON SCHEMA public TO bob"),
        (postgres.url(db="latin"), "encoding is SQL_ASCII", "createdb --encoding=UTF8"),
        (postgres.url(db="still"), "can only be read", "the server that takes writes"),
        (dead, "no server listens there", "start the server"),
        (postgres.url() + "?sslmode=require", "agree on no encryption", "sslmode"),
        (postgres.url() + "?colour=red", "unknown setting", "libpq"),
        ("postgresql://ann@nowhere.invalid/jumar", "host that nobody knows", "nowhere.invalid"),
    ):
        with pytest.raises(LedgerUnfit) as refused:
            open_ledger(at(url))
        told = str(refused.value)
        assert problem in refused.value.problem and fix in refused.value.fix, told
        assert "\n" not in told and PASSWORD not in told and "wrong%" not in told, told


@pytest.mark.parametrize(
    ("error", "problem", "fix"),
    [
        (psycopg.errors.DiskFull("no space"), "the server's disk is full", "free some there"),
        (psycopg.errors.TooManyConnections("no"), "no connection left", "max_connections"),
        (psycopg.errors.LockNotAvailable("no"), "locked by another writer", "pg_stat_activity"),
        (psycopg.errors.CannotConnectNow("no"), "starting or stopping", "wait a moment"),
        (
            psycopg.OperationalError("SSL connection has been closed unexpectedly"),
            "is gone: the connection was lost",
            "see that the server runs",
        ),
        (
            psycopg.OperationalError("connection failed: it was s3cret"),
            r"gave an error .*it was \*\*\*",
            "log",
        ),
    ],
)
def test_faults_that_no_test_can_bring_about(error: psycopg.Error, problem: str, fix: str) -> None:
    server = Server(Address("postgresql://ann@h/jumar", "s3cret"), patience_s=1)
    with pytest.raises(LedgerUnfit, match=rf"ledger postgresql://ann@h/jumar .*{problem}.*{fix}"):
        with server.explained():
            raise error


def test_a_password_is_kept_apart_from_the_address() -> None:
    address = at("postgres://ann:a%2Fb%40c@h:5433/jumar?sslmode=require")
    assert (str(address), address.password) == ("postgresql://ann@h:5433/jumar?sslmode=require", "a/b@c")
    assert "a/b" not in repr(address)
    assert at("postgresql://h/jumar?password=x&user=y") == Address("postgresql://h/jumar?user=y", "x")
    more = "sslpassword=k%2B1&ssl%70assword=k+2&scram_client_key=k3&sslkey=%2Ff&options=-c%20a%3Db"
    address = at(f"postgresql://h/jumar?{more}")
    assert address.hidden == ("k+2", "k3")
    assert str(address) == "postgresql://h/jumar?sslkey=%2Ff&options=-c%20a%3Db" and "k3" not in repr(address)


@pytest.mark.parametrize("url", ["ledger.db", "mysql://h/d", "postgresql://h", "postgresql://ann:s3/cr@h/d"])
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Usage, match=r"address of the ledger in a test .*postgresql://") as refused:
        at(url)
    assert "s3" not in str(refused.value)


def test_a_backup_is_the_servers(address: Address, tmp_path: Path) -> None:
    with pytest.raises(Usage, match=r"pg_dump --format=custom .*postgresql://ann@"):
        back_up(address, tmp_path / "copy")


def test_a_connection_that_is_cut_in_mid_transaction_writes_nothing_and_the_next_try_goes_on(
    ledger: SqlLedger, postgres: LocalServer
) -> None:
    ledger.append(STUDY, started())
    tries = []

    class Cut:
        def check(self) -> None: ...

        def check_in(self, connection: object) -> None:
            tries.append(connection)
            if len(tries) == 1:
                postgres.does("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ann'")

    ledger.guarded(Cut()).append(STUDY, proposed(0))
    assert len(tries) == 2
    with pytest.raises(LedgerConflict):
        ledger.append(STUDY, proposed(0))


def test_a_server_that_starts_anew_is_waited_for(ledger: SqlLedger, postgres: LocalServer) -> None:
    ledger.append(STUDY, started())
    postgres.stop()
    postgres.start()
    ledger.append(STUDY, proposed(0))
    assert [record.number for record in ledger.experiments(STUDY)] == [0]
