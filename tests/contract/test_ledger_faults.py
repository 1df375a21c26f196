"""Disks that are full and places that cannot be written, on real file systems of a few hundred kB.

Each test is a program of its own in a user and mount namespace, where it may mount what it needs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]

PREAMBLE = """
import subprocess, sys
from pathlib import Path
import pytest
from jumar.core.event import Noticed
from jumar.errors import LedgerUnfit
from jumar.ledgers.artefacts import FolderArtefacts
from jumar.ledgers.sql import open_ledger
from jumar.testing.events import started

place = Path(sys.argv[1])
path = place / "ledger.db"

def mount(*arguments):
    subprocess.run(["mount", *arguments, str(place)], check=True)

"""


def has_own_mounts() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not has_own_mounts(), reason="needs user namespaces")


def run(program: str, place: Path) -> None:
    command = [*OWN_MOUNTS, sys.executable, "-W", "error", "-c", PREAMBLE + program, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    run(
        """
mount("-t", "tmpfs", "-o", "size=600k", "none")
(place / "ballast").write_bytes(bytes(200_000))
ledger = open_ledger(path)
acknowledged = len(ledger.append("s", started()))
with pytest.raises(LedgerUnfit, match="disk is full.*free some space"):
    while True:
        acknowledged += len(ledger.append("s", Noticed(words="x" * 5000), Noticed(words="y" * 5000)))
assert len(list(ledger.entries("s"))) == acknowledged > 1
(place / "ballast").unlink()
ledger.append("s", Noticed(words="there is room"))
assert len(list(ledger.entries("s"))) == acknowledged + 1
assert ledger.verify() is None
ledger.close()
""",
        tmp_path,
    )


def test_artefacts_on_a_full_disk_are_refused_and_leave_no_half(tmp_path: Path) -> None:
    run(
        """
import os
mount("-t", "tmpfs", "-o", "size=200k", "none")
artefacts = FolderArtefacts(place)
kept = artefacts.put(b"small")
with pytest.raises(LedgerUnfit, match="No space left.*free some space"):
    artefacts.put(os.urandom(400_000))
assert [file.name for file in place.rglob("*") if file.is_file()] == [kept[2:]]
assert artefacts.get(kept) == b"small"
""",
        tmp_path,
    )


def test_read_only_media_can_be_read_and_writers_are_told(tmp_path: Path) -> None:
    run(
        """
mount("-t", "tmpfs", "none")
ledger = open_ledger(path)
ledger.append("s", started())
ledger.close()
mount("-o", "remount,ro")
reader = open_ledger(path, read_only=True)
assert reader.study("s").last_seq == 1
assert reader.verify() is None
reader.close()
with pytest.raises(LedgerUnfit, match="cannot be written.*chmod"):
    open_ledger(path)
""",
        tmp_path,
    )


def test_a_dead_writers_ledger_on_read_only_media_does_not_hide_its_newest_entries(tmp_path: Path) -> None:
    run(
        """
import os
mount("-t", "tmpfs", "none")
if os.fork() == 0:
    open_ledger(path).append("s", started())
    os._exit(0)
os.wait()
(place / "ledger.db-shm").unlink()  # it is not carried along when a folder is copied or burnt
mount("-o", "remount,ro")
with pytest.raises(LedgerUnfit, match="newest entries .*ledger.db-wal.*copy the two files"):
    open_ledger(path, read_only=True)
""",
        tmp_path,
    )


def test_a_writer_that_runs_is_read_through_a_read_only_view(tmp_path: Path) -> None:
    run(
        """
mount("-t", "tmpfs", "none")
ledger = open_ledger(path)
ledger.append("s", started())
view = place / "view"
view.mkdir()
subprocess.run(["mount", "--bind", place, view], check=True)
subprocess.run(["mount", "-o", "remount,ro,bind", view], check=True)
reader = open_ledger(view / "ledger.db", read_only=True)
ledger.append("s", Noticed(words="new"))
assert reader.study("s").last_seq == 2
with pytest.raises(LedgerUnfit, match="cannot be written.*chmod"):
    open_ledger(view / "ledger.db")
""",
        tmp_path,
    )
