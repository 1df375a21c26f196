"""Ledgers that cannot be used: told with the fix and exit code 5, and left as they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.testing.repository import Repository
from jumar.testing.tiny import EXACT, Cli, contract

LEDGER = 5


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study at rest in the middle."""
    user = Repository(tmp_path_factory.mktemp("rested"))
    user.commit(**{"work.py": EXACT, "jumar.toml": contract(experiments=50)})
    Cli()(user.folder, "run", "--experiments", "1")
    return user.folder


@pytest.fixture
def folder(rested: Path, tmp_path: Path) -> Path:
    """A copy of it to be spoiled."""
    return Path(shutil.copytree(rested, tmp_path / "spoiled", symlinks=True))


def seen(ledger: Path) -> str:
    return hashlib.sha256(ledger.read_bytes()).hexdigest()


def overwrite(ledger: Path) -> None:
    ledger.write_bytes(b"SQLite format 3\0" + os.urandom(4000))


def cut(ledger: Path) -> None:
    os.truncate(ledger, ledger.stat().st_size // 2)


def no_database(ledger: Path) -> None:
    ledger.write_text("these are my holiday notes\n" * 100)


@pytest.mark.parametrize("spoil", [overwrite, cut, no_database])
@pytest.mark.parametrize("verb", ["run", "status", "log"])
def test_a_corrupt_ledger_is_told_and_left_alone(
    spoil: Callable[[Path], None], verb: str, folder: Path, jumar: Cli
) -> None:
    ledger = folder / ".jumar" / "ledger.db"
    for side in ("-wal", "-shm"):
        ledger.with_name(f"ledger.db{side}").unlink(missing_ok=True)
    spoil(ledger)
    before = seen(ledger)
    said = jumar(folder, verb, expect=LEDGER).stderr
    assert "ledger.db" in said
    assert "fix:" in said
    assert seen(ledger) == before


def test_a_ledger_of_a_newer_jumar_asks_for_an_update(folder: Path, jumar: Cli) -> None:
    ledger = folder / ".jumar" / "ledger.db"
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE schema SET version = 99")
    connection.close()
    for verb in ("run", "status"):
        assert "update Jumar" in jumar(folder, verb, expect=LEDGER).stderr


def test_a_record_that_was_rewritten_is_noticed(folder: Path, jumar: Cli) -> None:
    ledger = folder / ".jumar" / "ledger.db"
    with sqlite3.connect(ledger) as connection:
        guards = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (guard,) in guards:
            connection.execute(f"DROP TRIGGER {guard}")
        connection.execute("DELETE FROM entry WHERE seq = 5")
    connection.close()
    assert "trust nothing after that" in jumar(folder, "doctor", expect=None).stdout
