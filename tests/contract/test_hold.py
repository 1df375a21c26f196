"""One controller at a time has a study, and a dead one does not keep it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jumar.errors import EnvironmentUnfit, StudyHeld
from jumar.ledgers.hold import hold, holder, is_starting, starting

HOLDER = """
import sys
from pathlib import Path
from jumar.ledgers.hold import hold, is_starting, starting
with hold(Path(sys.argv[1]), now=lambda: 1772668800.0):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout and child.stdout.readline() == "held\n"
    return child


def test_a_second_holder_is_told_who_and_since_when(tmp_path: Path) -> None:
    child = start_holder(tmp_path)
    with child:
        with pytest.raises(StudyHeld, match=rf"process {child.pid} on {socket.gethostname()} .*2026-03-05"):
            with hold(tmp_path):
                pass
        found = holder(tmp_path)
        assert found is not None and (found.pid, found.since) == (child.pid, 1772668800.0)
        child.communicate()
    assert holder(tmp_path) is None


def test_the_lock_of_a_killed_holder_is_free_by_itself(tmp_path: Path) -> None:
    with start_holder(tmp_path) as child:
        child.send_signal(signal.SIGKILL)
    assert holder(tmp_path) is None
    with hold(tmp_path) as mine:
        assert holder(tmp_path) == mine
        assert mine.pid == os.getpid()


def test_a_holder_that_fails_lets_go(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), hold(tmp_path):
        raise KeyboardInterrupt
    assert holder(tmp_path) is None


def test_commands_that_a_holder_starts_do_not_keep_the_lock(tmp_path: Path) -> None:
    with hold(tmp_path):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert holder(tmp_path) is None
    with child:
        child.communicate()


def test_whoever_only_asks_leaves_nothing_behind(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentUnfit, match="cannot be written"), hold(tmp_path / "file"):
        pass


def test_who_is_about_to_run_a_study_is_known_until_it_ends(tmp_path: Path) -> None:
    assert not is_starting(tmp_path)
    with starting(tmp_path), starting(tmp_path):  # a second one, which the first will refuse
        assert is_starting(tmp_path)
        assert holder(tmp_path) is None
    assert not is_starting(tmp_path)
