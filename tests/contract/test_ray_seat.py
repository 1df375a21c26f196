"""What a worker says of a machine that is not fit for a study: which one, what it lacks, what to do."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jumar
from jumar.core.machine import Circumstances
from jumar.core.sandbox import Promise
from jumar.errors import JumarError
from jumar.executors import ray_holds, ray_seat
from jumar.executors.freight import outline
from jumar.executors.ray_seat import RaySeat, Terms, version_of
from jumar.sandboxes.detect import choose


@pytest.fixture
def seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RaySeat]:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    before = os.umask(0o022)
    seat = RaySeat()
    yield seat
    seat.close()
    os.umask(before)


def terms(**changes: Any) -> Terms:
    python = shutil.which("python3") or ""
    given = {
        "study": "tiny",
        "version": jumar.__version__,
        "choose": choose,
        "sandbox": None,
        "needs": frozenset({Promise.KILLS_TREE}),
        "path": os.environ["PATH"],
        "programs": {"python3": python},
        "python": version_of(python),
        "standing": {},
        "watched": (),
        "cores": 1,
        "gpus": 0.0,
        "workers": 2,
    }
    return Terms(**{**given, **changes})


def test_a_machine_that_is_fit_says_under_what_runs_are_made_and_is_left_as_it_was(
    seat: RaySeat, tmp_path: Path
) -> None:
    found = seat.settle(terms())
    assert isinstance(found, Circumstances) and found.workers == 2 and "1 core" in found.machine
    assert (tmp_path / f"jumar-seats-{os.getuid()}" / "tiny").is_dir()
    seat.close()
    assert not (tmp_path / f"jumar-seats-{os.getuid()}" / "tiny").exists()


def test_seats_of_one_machine_have_cores_of_their_own(seat: RaySeat) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core")
    seat.settle(terms())
    other = RaySeat()
    other.settle(terms())
    cores = [each._seat.cores for each in (seat, other)]
    other.close()
    assert all(cores) and not set(cores[0]) & set(cores[1])


@pytest.mark.parametrize(
    ("changes", "lack", "fix"),
    [
        ({"version": "9.9"}, f"has Jumar {jumar.__version__}, and 9.9 runs the study", "install jumar 9.9"),
        ({"programs": {"no-such": "/opt/no-such"}}, "has no `no-such`", "on PATH"),
        ({"python": "Python 2.7.18"}, "elsewhere Python 2.7.18", "the same Python"),
        ({"sandbox": "process", "needs": frozenset(Promise)}, "`process` does not promise", "bubblewrap"),
        ({"standing": {"/no/such/data": "0"}}, "lacks /no/such/data", "copy /no/such/data there"),
        ({"standing": {str(Path(__file__).parent): "0"}}, "has other files in", "there"),
    ],
    ids=["version", "program", "python", "sandbox", "inputs", "other inputs"],
)
def test_a_machine_that_lacks_something_is_named(
    seat: RaySeat, changes: dict[str, Any], lack: str, fix: str
) -> None:
    found = seat.settle(terms(**changes))
    assert isinstance(found, JumarError)
    assert found.problem.startswith(f"{socket.gethostname()}: ") and lack in found.problem, found
    assert fix in found.fix


def test_a_full_disk_is_said_before_anything_runs(seat: RaySeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_seat, "SPARE_BYTES", 1 << 60)
    found = seat.settle(terms())
    assert isinstance(found, JumarError) and "is full" in found.problem


def test_a_place_that_every_machine_has_is_fit_when_it_looks_the_same(seat: RaySeat, tmp_path: Path) -> None:
    (tmp_path / "numbers").write_text("1\n")
    standing = {str(tmp_path / "numbers"): outline(tmp_path / "numbers")}
    assert isinstance(seat.settle(terms(standing=standing)), Circumstances)


def test_what_a_killed_seat_left_is_removed_by_the_next_one(seat: RaySeat, tmp_path: Path) -> None:
    old = tmp_path / f"jumar-seats-{os.getuid()}" / "older"
    old.mkdir(parents=True)
    (old / "parts").mkdir()
    seat.settle(terms())
    assert not old.exists()


def test_seats_share_no_cpu_and_one_that_has_to_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(ray_holds, "nodes", lambda: (((0, 1), (2, 3)),))
    seats = [RaySeat() for _ in range(5)]
    before = os.umask(0o022)
    try:
        found = [seat.settle(terms(cores=cores)) for seat, cores in zip(seats, (2, 1, 1, 1, 1), strict=True)]
    finally:
        os.umask(before)
        cores = [seat._seat.cores for seat in seats]
        for seat in seats:
            seat.close()
    assert cores == [(0, 1), (2,), (3,), (), ()]
    said = [each.machine if isinstance(each, Circumstances) else str(each) for each in found]
    assert ["shared with others" in words for words in said] == [False] * 3 + [True] * 2
