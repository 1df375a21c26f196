"""The real command in real processes, on small targets that a user might have."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.ledgers.sql import open_ledger
from jumar.testing.boards import examine
from jumar.testing.tiny import CONTRACT, NOISY, Cli


@pytest.fixture
def jumar() -> Cli:
    return Cli()


@pytest.fixture
def tiny(repository: Callable[[Mapping[str, str]], Path]) -> Callable[..., Path]:
    """Makes a repository with the small target; `work` and `contract` may be others."""

    def make(work: str = NOISY, contract: str = CONTRACT, **others: str) -> Path:
        return repository({"work.py": work, "jumar.toml": contract, **others})

    return make


@pytest.fixture
def started(jumar: Cli) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `jumar` without waiting; nothing of it outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def start(folder: Path, *words: str, **more: Mapping[str, str]) -> subprocess.Popen[str]:
        running.append(jumar.start(folder, *words, **more))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def processes_of(word: str) -> list[str]:
    """The command lines of all processes on this machine that name `word`."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line:
            found.append(line)
    return found


@pytest.fixture
def assert_sound() -> Callable[[Path], None]:
    """Asserts that a study at rest is whole: record, pages, branch, disk and processes agree."""

    def check(folder: Path) -> None:
        study = open_study(folder)
        record, experiments = study.record(), study.experiments()
        assert record is not None
        assert [one.number for one in experiments] == list(range(len(experiments)))
        runs = [run for one in experiments for run in one.runs]
        assert [run.run.key for run in runs if run.is_open] == []
        assert len({run.run.key for run in runs}) == len(runs)
        branch = ["git", "rev-parse", "--verify", f"jumar/{study.name}"]
        told = subprocess.run(branch, cwd=folder, capture_output=True, text=True, check=True).stdout
        assert told.strip() == record.champion_commit
        scratch = folder / ".jumar" / "studies" / study.name / "scratch"
        assert not scratch.exists() or not list(scratch.iterdir())
        deadline = time.monotonic() + 5
        while processes_of(str(folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_of(str(folder)) == []
        examine(study)
        ledger = open_ledger(folder / ".jumar" / "ledger.db", read_only=True)
        try:
            assert ledger.verify() is None
        finally:
            ledger.close()

    return check
