"""`jumar init` in folders of other people's making, as a real process."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from jumar.core.contract import Clock, Direction
from jumar.rules.contract_file import read_contract

TRAIN = """\
from prepare import TIME_BUDGET, evaluate

print("Training completed in 0.1s")
val_bpb = evaluate(0.9979)
print("---")
print(f"val_bpb:          {val_bpb:.6f}")
print(f"training_seconds: {0.1:.1f}")
"""
PREPARE = """\
import os

TIME_BUDGET = 300  # training time budget in seconds (5 minutes)
CACHE_DIR = os.path.join(os.path.expanduser("~"), ".cache", "autoresearch")


def evaluate(value):
    return value
"""
PROGRAM = """\
# autoresearch

You launch it simply as: `uv run train.py`. **The goal is simple: get the lowest val_bpb.**
If a run exceeds 10 minutes, kill it and treat it as a failure.
"""
BENCH = 'print(f"warm-up done")\nprint(f"seconds: {0.25}")\n'


Repository = Callable[[dict[str, str], str], Path]


class Init(Protocol):
    def __call__(self, folder: Path, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def init(jumar: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Init:
    """Runs `jumar init` for a user whose home is `tmp_path`."""

    def run(folder: Path, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        return jumar(folder, "init", *words, expect=expect, extra={"HOME": str(tmp_path)})

    return run


@pytest.fixture
def three_files(repository: Repository) -> Path:
    return repository({"train.py": TRAIN, "prepare.py": PREPARE, "program.md": PROGRAM}, "autoresearch")


def test_the_three_file_layout_is_recognised_and_its_settings_are_taken_over(
    three_files: Path, init: Init
) -> None:
    (three_files.parent / ".cache/autoresearch").mkdir(parents=True)
    done = init(three_files, "--no-run")
    assert "recognised" in done.stdout
    contract = read_contract((three_files / "jumar.toml").read_text())
    assert contract.target.editable == ("train.py",)
    assert contract.run.command == ("python", "train.py")
    assert "5m (TIME_BUDGET)" in done.stdout
    # Five minutes are for training; a run also starts, compiles and evaluates, and is killed after ten.
    assert (contract.run.budget.amount, contract.run.budget.clock) == (300.0, Clock.WALL)
    assert contract.run.timeout_s == 600.0
    assert contract.run.inputs == ("~/.cache/autoresearch",)
    assert contract.measure.metric.name == "val_bpb"
    assert contract.measure.metric.direction is Direction.MINIMIZE
    assert (three_files / "program.md").read_text() == PROGRAM


def test_data_that_is_not_there_yet_stands_in_a_comment(three_files: Path, init: Init) -> None:
    init(three_files, "--no-run")
    text = (three_files / "jumar.toml").read_text()
    assert '# inputs = ["~/.cache/autoresearch"]' in text
    assert read_contract(text).run.inputs == ()


def test_the_target_is_run_once_and_what_it_measured_is_shown(three_files: Path, init: Init) -> None:
    done = init(three_files)
    assert "val_bpb" in done.stdout
    assert "0.9979" in done.stdout
    assert "git add jumar.toml && git commit" in done.stdout
    assert not (three_files / ".jumar").exists()
    status = subprocess.run(["git", "status", "--short"], cwd=three_files, capture_output=True, check=True)
    assert status.stdout == b"?? jumar.toml\n"


def test_a_plain_folder_takes_flags(init: Init, repository: Repository) -> None:
    folder = repository({"bench.py": BENCH, "src/sort.py": "x = 1\n", "tests/test_it.py": ""}, "sorter")
    flags = ["--run", "python bench.py --size 10", "--edit", "src/*.py", "--edit", "!src/api.py"]
    flags += ["--metric", "ops_per_s", "--budget", "7s", "--clock", "wall", "--check", "python -m pytest -q"]
    done = init(folder, "--no-run", *flags)
    contract = read_contract((folder / "jumar.toml").read_text())
    assert contract.target.name == "sorter"
    assert contract.target.editable == ("src/*.py", "!src/api.py")
    assert contract.run.command == ("python", "bench.py", "--size", "10")
    assert (contract.run.budget.amount, contract.run.budget.clock) == (7.0, Clock.WALL)
    assert contract.measure.metric.direction is Direction.MAXIMIZE
    assert contract.measure.checks == (("python", "-m", "pytest", "-q"),)
    assert "`ops_per_s`" in (folder / "program.md").read_text()
    assert "self-reported" in done.stdout
    assert "git add jumar.toml program.md && git commit" in done.stdout
    assert "docs/" not in done.stdout + (folder / "jumar.toml").read_text()


def test_a_plain_folder_is_guessed_with_yes_and_measured(init: Init, repository: Repository) -> None:
    folder = repository({"bench.py": BENCH}, "sorter")
    done = init(folder, "--yes")
    assert read_contract((folder / "jumar.toml").read_text()).measure.metric.name == "seconds"
    assert "0.25" in done.stdout


OPTIONS = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--layers", type=int, default=2)
given = parser.parse_args()
print(f"seconds: {given.lr + given.layers}")
"""


def test_the_knobs_that_were_found_are_named(
    init: Init, repository: Repository, jumar: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = repository({"bench.py": OPTIONS}, "sorter")
    said = "2 knobs for the tuner in bench.py: --lr, --layers"
    assert said in init(folder, "--yes").stdout
    subprocess.run("git add -A && git commit -qm contract", shell=True, cwd=folder, check=True)
    done = jumar(folder, "run", "--experiments", "1")
    assert done.stdout.startswith(said)
    assert "#1 proposed: --l" in done.stdout


def test_a_target_without_knobs_is_told_what_would_be_one(
    init: Init, repository: Repository, jumar: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = repository({"bench.py": BENCH}, "sorter")
    assert "no knobs found in bench.py: the tuner turns" in init(folder, "--yes").stdout
    subprocess.run("git add -A && git commit -qm contract", shell=True, cwd=folder, check=True)
    assert jumar(folder, "run").stdout.startswith("no knobs found in bench.py: ")
    (folder / "patches").mkdir()
    replayed = jumar(folder, "run", "--new", "--agent", "replay:patches", expect=None)
    assert "knobs" not in replayed.stdout


class Refused:
    """Calls `jumar init` where it must refuse and write nothing, and gives back the complaint."""

    def __init__(self, init: Init) -> None:
        self._init = init

    def __call__(self, folder: Path, *words: str, code: int) -> str:
        before = sorted(path.name for path in folder.iterdir())
        said = self._init(folder, *words, expect=code).stderr
        assert sorted(path.name for path in folder.iterdir()) == before
        assert said.startswith("problem: ")
        assert "\nfix:     " in said
        return said


@pytest.fixture
def refused(init: Init) -> Refused:
    return Refused(init)


def test_a_folder_without_a_repository_is_refused_with_the_commands_that_make_one(
    tmp_path: Path, refused: Refused
) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "bench.py").write_text(BENCH)
    said = refused(folder, "--yes", code=3)
    assert "git init" in said


def test_an_empty_repository_is_refused(tmp_path: Path, refused: Refused) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "bench.py").write_text(BENCH)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    said = refused(folder, "--yes", code=3)
    assert "no commit yet" in said


def test_globs_that_match_no_file_are_refused(refused: Refused, repository: Repository) -> None:
    folder = repository({"bench.py": BENCH}, "sorter")
    said = refused(folder, "--yes", "--edit", "nothing/*.py", code=3)
    assert "no file in" in said
    assert "nothing/*.py" in said


def test_globs_that_match_the_contract_are_refused(refused: Refused, repository: Repository) -> None:
    folder = repository({"bench.py": BENCH}, "sorter")
    said = refused(folder, "--yes", "--edit", "**", code=2)
    assert "jumar.toml" in said


def test_a_contract_that_is_there_stays_unless_forced(
    init: Init, refused: Refused, repository: Repository
) -> None:
    folder = repository({"bench.py": BENCH, "jumar.toml": "mine", "program.md": "mine too"}, "sorter")
    said = refused(folder, "--yes", code=2)
    assert "--force" in said
    assert (folder / "jumar.toml").read_text() == "mine"
    init(folder, "--yes", "--force", "--no-run")
    assert read_contract((folder / "jumar.toml").read_text()).measure.metric.name == "seconds"
    assert (folder / "program.md").read_text() == "mine too"


def test_nobody_to_ask_and_nothing_to_guess_are_refused_with_the_flags_to_give(
    refused: Refused, repository: Repository
) -> None:
    folder = repository({"a.txt": "", "b.txt": ""}, "sorter")
    said = refused(folder, code=2)
    assert "--yes" in said
    said = refused(folder, "--yes", code=2)
    assert "--run" in said
    assert "--metric" in said


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print('nothing to see')", "no metric"),
        ("print('seconds: nan')", "not finite"),
        ("raise SystemExit('this is broken')", "crashed"),
    ],
)
def test_a_target_that_gives_no_number_is_told_so_and_the_contract_stays(
    source: str, why: str, init: Init, repository: Repository
) -> None:
    folder = repository({"bench.py": source}, "sorter")
    done = init(folder, "--yes", "--metric", "seconds", expect=4)
    assert why in done.stderr
    assert (folder / "jumar.toml").exists()


@pytest.mark.parametrize("is_absolute", [False, True])
def test_a_file_that_only_the_host_has_is_advised_as_an_input(
    is_absolute: bool, init: Init, repository: Repository, tmp_path: Path
) -> None:
    there = (tmp_path / "elsewhere.txt") if is_absolute else Path("data/x.txt")
    source = f"open({str(there)!r})\nprint('seconds: 1')\n"
    folder = repository({"bench.py": source, ".gitignore": "data/\n"}, "sorter")
    (folder / "data").mkdir()
    (folder / there).write_text("x")
    done = init(folder, "--yes", "--metric", "seconds", expect=4)
    assert f'inputs = ["{there}"]' in done.stderr
    text = (folder / "jumar.toml").read_text().replace("[run]", f'[run]\ninputs = ["{there}"]')
    (folder / "jumar.toml").unlink()
    assert read_contract(text).run.inputs == (str(there),)


def test_a_trial_that_fails_gives_the_advice_of_the_rules(init: Init, repository: Repository) -> None:
    folder = repository({"bench.py": "raise SystemExit('broken')"}, "sorter")
    said = init(folder, "--yes", "--metric", "seconds", expect=4).stderr
    assert "make it run with the command of [run]; then `jumar run` measures it again" in said
    assert "jumar show" not in said


def test_where_nothing_is_guessed_an_empty_answer_is_asked_again_with_a_hint(repository: Repository) -> None:
    folder = repository({"work.sh": "echo seconds: 1\n"}, "sorter")
    said = answered(folder, "\nwork.sh\nsh work.sh\nseconds\n\n\ntrue\n")
    assert "this cannot be guessed: type an answer" in said
    contract = read_contract((folder / "jumar.toml").read_text())
    assert contract.run.command == ("sh", "work.sh")
    assert contract.measure.checks == (("true",),)


def test_of_two_programs_the_one_that_prints_a_number_is_guessed(init: Init, repository: Repository) -> None:
    folder = repository({"sorting.py": "def work(): ...\n", "try_it.py": BENCH}, "sorter")
    init(folder, "--yes", "--no-run")
    assert read_contract((folder / "jumar.toml").read_text()).run.command == ("python", "try_it.py")


def test_a_program_that_is_nowhere_is_refused(refused: Refused, repository: Repository) -> None:
    folder = repository({"bench.py": BENCH}, "sorter")
    said = refused(folder, "--yes", "--no-run", "--run", "pyton bench.py", code=2)
    assert "there is no program 'pyton' in any folder of PATH" in said
    assert "there is no program './go'" in refused(folder, "--yes", "--no-run", "--run", "./go", code=2)


def answered(folder: Path, answers: str) -> str:
    """What `jumar init` says to a person who types these answers."""
    keyboard, terminal = pty.openpty()
    try:
        asking = subprocess.Popen(
            [sys.executable, "-m", "jumar", "init", "--no-run"],
            cwd=folder,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.write(keyboard, answers.encode())
        said, _ = asking.communicate(timeout=120)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert asking.returncode == 0, said
    return said


def test_a_person_is_asked_and_the_guesses_are_the_answers_to_plain_returns(repository: Repository) -> None:
    folder = repository({"bench.py": BENCH}, "sorter")
    said = answered(folder, "\n\nops_per_s\n\n3s\n\n")
    assert "Which files may change (globs, such as src/*.py) [bench.py]" in said
    contract = read_contract((folder / "jumar.toml").read_text())
    assert contract.target.editable == ("bench.py",)
    assert contract.measure.metric.name == "ops_per_s"
    assert contract.measure.metric.direction is Direction.MAXIMIZE
    assert contract.run.budget.amount == 3.0
