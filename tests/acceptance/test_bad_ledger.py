"""Ledgers that cannot be used: told with the fix and exit code 5, and left as they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.core.verdict import Decision
from jumar.testing.repository import Repository
from jumar.testing.tiny import EXACT, Cli, contract

USAGE, ENVIRONMENT, LEDGER = 2, 3, 5
FAILED = Decision.FAILED
ORDINARY = 65534


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


#: How a record is tampered with → the first thing that doctor then says of it.
TAMPERED = {
    "UPDATE entry SET at = at + 1 WHERE seq = 3": "entry 3 is not what was written",
    "DELETE FROM entry WHERE seq = 5": "entry 5 is missing",
    "UPDATE entry SET seq = -seq WHERE seq IN (5, 6); UPDATE entry SET seq = 11 + seq WHERE seq < 0": (
        "entry 5 is not what was written"
    ),
    "DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)": "it was changed, or the last are gone",
}


def tamper(ledger: Path, statements: str) -> None:
    """As somebody would who knows SQLite, and that the database itself refuses to change an entry."""
    with closing(sqlite3.connect(ledger)) as connection:
        guards = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        drops = "".join(f"DROP TRIGGER {guard};" for (guard,) in guards)
        before = connection.total_changes
        connection.executescript(f"{drops} BEGIN; {statements}; COMMIT")
        assert connection.total_changes > before


@pytest.mark.parametrize("statements", TAMPERED)
def test_a_record_that_was_tampered_with_is_named_and_not_built_on(
    statements: str, folder: Path, jumar: Cli
) -> None:
    assert "the chain of" in jumar(folder, "doctor", "--ledger").stdout
    tamper(folder / ".jumar" / "ledger.db", statements)
    said = jumar(folder, "doctor", "--ledger", expect=LEDGER).stdout
    assert TAMPERED[statements] in said
    assert "trust nothing after that" in said
    assert TAMPERED[statements] in jumar(folder, "doctor", expect=None).stdout
    for reader in ("status", "log"):
        jumar(folder, reader, expect=None)  # may still be read, and never ends in a traceback
    assert "jumar doctor --ledger" in jumar(folder, "run", expect=LEDGER).stderr


def test_a_ledger_that_lost_its_newest_entries_with_every_trace_is_given_away_by_the_repository(
    folder: Path, jumar: Cli, tmp_path: Path
) -> None:
    jumar(folder, "backup", str(tmp_path / "monday"))
    jumar(folder, "run", "--experiments", "1")
    restore(folder, tmp_path / "monday")
    said = jumar(folder, "doctor", "--ledger", expect=LEDGER).stdout
    assert "newest entries" in said
    assert "restore the newest ledger" in said


def test_an_artefact_that_is_lost_is_named(folder: Path, jumar: Cli) -> None:
    artefact = next(path for path in (folder / ".jumar" / "artefacts").rglob("*") if path.is_file())
    artefact.unlink()
    said = jumar(folder, "doctor", "--ledger", "--json", expect=LEDGER).stdout
    assert "1 of " in said
    assert str(artefact) in said


def test_doctor_says_it_where_there_is_no_ledger(tiny: Callable[..., Path], jumar: Cli) -> None:
    assert "there is no ledger" in jumar(tiny(), "doctor", "--ledger", expect=LEDGER).stderr


def restore(folder: Path, backup: Path) -> None:
    """As `jumar backup` says."""
    (folder / ".jumar").rename(folder.parent / "lost")
    shutil.copytree(backup, folder / ".jumar")


def test_a_backup_is_refused_where_something_is_or_nothing_can_be(
    folder: Path, jumar: Cli, tmp_path: Path, tiny: Callable[..., Path]
) -> None:
    assert "exists already" in jumar(folder, "backup", str(tmp_path), expect=USAGE).stderr
    (tmp_path / "file").touch()
    assert "cannot be written" in jumar(folder, "backup", str(tmp_path / "file" / "x"), expect=LEDGER).stderr
    assert "there is no ledger" in jumar(tiny(), "backup", str(tmp_path / "new"), expect=LEDGER).stderr
    assert not (tmp_path / "new").exists()
    tamper(folder / ".jumar" / "ledger.db", "DELETE FROM entry WHERE seq = 5")
    assert "entry 5 is missing" in jumar(folder, "backup", str(tmp_path / "new"), expect=LEDGER).stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "spoiled", "target"]


# --- disks ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("free_bytes", [0, 16 << 10, 200 << 10])
def test_a_disk_that_is_full_is_told_and_the_study_goes_on_when_there_is_room(
    small_disk: Path, rested: Path, jumar: Cli, assert_sound: Callable[[Path], None], free_bytes: int
) -> None:
    folder = Path(shutil.copytree(rested, small_disk / "target", symlinks=True))
    status = os.statvfs(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - free_bytes))
    said = jumar(folder, "run", expect=None)
    assert said.returncode in (ENVIRONMENT, LEDGER), said.stdout + said.stderr
    assert "free some" in said.stderr or "has room" in said.stderr
    before = len(open_study(folder).experiments())
    ballast.unlink()
    jumar(folder, "run", "--experiments", "2")
    assert_sound(folder)
    experiments = open_study(folder).experiments()
    assert len(experiments) >= before
    blamed = [one.verdict.reason for one in experiments if one.verdict and one.verdict.decision is FAILED]
    assert blamed == [], "no candidate is blamed for a disk that is full"


class Nobody(Cli):
    """Runs `jumar` as an ordinary user."""

    @staticmethod
    def command(*words: str) -> list[str]:
        drop = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
        return [*(drop if os.geteuid() == 0 else []), *Cli.command(*words)]


@pytest.fixture
def theirs(rested: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the study at rest that an ordinary user owns, where one may go."""
    with tempfile.TemporaryDirectory(prefix="jumar-theirs-") as place:
        os.chmod(place, 0o755)
        folder = Path(shutil.copytree(rested, Path(place) / "target", symlinks=True))
        monkeypatch.setenv("HOME", place)  # git reads its settings there
        give(folder, ORDINARY)
        done = subprocess.run(Nobody.command("--version"), cwd=folder, capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this Python cannot be run by an ordinary user")
        yield folder


def give(folder: Path, user: int) -> None:
    """Have a user own all of it, where we may say so."""
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{user}:{user}", str(folder)], check=True)


@pytest.mark.parametrize("what", ["ledger.db", "."])
def test_a_read_only_ledger_is_told_with_the_fix_and_loses_nothing(
    theirs: Path, what: str, jumar: Cli, assert_sound: Callable[[Path], None]
) -> None:
    ordinary, ledger = Nobody(), theirs / ".jumar" / "ledger.db"
    place, before = ledger.parent / what, seen(ledger)
    mode = place.stat().st_mode
    place.chmod(mode & ~0o222)
    said = ordinary(theirs, "run", expect=LEDGER).stderr
    assert "read-only" in said
    assert f"chmod u+w {ledger.parent} {ledger}" in said
    assert "champion" in ordinary(theirs, "status").stdout
    assert "the chain of" in ordinary(theirs, "doctor", "--ledger").stdout
    assert seen(ledger) == before
    place.chmod(mode)
    give(theirs, os.geteuid())
    jumar(theirs, "run", "--experiments", "1")
    assert len(open_study(theirs).experiments()) == 3
    assert_sound(theirs)
