"""Targets of other kinds: a program's speed with its tests, the three-file layout, curves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.core.outcome import Failed, Stopped, Why
from jumar.core.verdict import Decision
from jumar.testing.repository import Repository
from jumar.testing.tiny import Cli, contract

Make = Callable[..., Path]
Sound = Callable[[Path], None]

# A word count as somebody wrote it in a hurry, with tests, measured in lines that are executed.
SLOW = """\
def count(text: str) -> dict[str, int]:
    found: list[list] = []
    for word in text.split():
        for pair in found:
            if pair[0] == word:
                pair[1] += 1
                break
        else:
            found.append([word, 1])
    return {word: times for word, times in found}
"""
FAST = """\
def count(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in text.split():
        found[word] = found.get(word, 0) + 1
    return found
"""
WRONG = FAST.replace("text.split()", "set(text.split())")
WORDS = {
    "src/wordcount.py": SLOW,
    "tests/__init__.py": "",
    "tests/test_wordcount.py": """\
import unittest

from src.wordcount import count


class CountTest(unittest.TestCase):
    def test_words_are_counted(self) -> None:
        self.assertEqual(count("to be or not to be"), {"to": 2, "be": 2, "or": 1, "not": 1})
""",
    "bench/measure.py": """\
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from src.wordcount import count

lines = 0


def trace(frame, event, argument):
    global lines
    lines += event == "line"
    return trace


dice = random.Random(1)
text = " ".join(dice.choice("abcdefghijklmnop") for _ in range(300))
sys.settrace(trace)
count(text)
sys.settrace(None)
print(f"lines: {lines}")
""",
    "jumar.toml": """\
[target]
name = "words"
editable = ["src/*.py"]

[run]
command = ["python", "bench/measure.py"]
budget = "10s"

[measure]
metric = "lines"
direction = "minimize"
checks = [["python", "-m", "unittest", "discover", "-s", "tests", "-t", "."]]

[limits]
experiments = 20
""",
}


def patch(user: Repository, path: str, old: str, new: str) -> str:
    """A patch as `git diff` makes it, without leaving a trace."""
    before = user.git("rev-parse", "HEAD")
    user.commit(**{path: old})
    user.write(path, new)
    diff = user.git("diff")
    user.git("reset", "-q", "--hard", before)
    return diff + "\n"


def test_a_program_gets_faster_and_its_tests_say_what_right_is(
    repository: Callable[[Mapping[str, str], str], Path], jumar: Cli, tmp_path: Path, assert_sound: Sound
) -> None:
    folder = repository(WORDS, "words")
    user = Repository(folder)
    tests = WORDS["tests/test_wordcount.py"]
    ideas = {
        "1-dict": patch(user, "src/wordcount.py", SLOW, FAST),
        "2-each-word-once": patch(user, "src/wordcount.py", FAST, WRONG),
        "3-easier-tests": patch(user, "tests/test_wordcount.py", tests, tests.replace('"to": 2', '"to": 1')),
        "4-of-another-time": patch(
            user, "src/wordcount.py", "def other():\n    pass\n", "def other():\n    return\n"
        ),
        "5-no-patch-at-all": "hello\n",
        "6-syntax": patch(user, "src/wordcount.py", FAST, FAST.replace("return found", "return found)")),
    }
    (tmp_path / "ideas").mkdir()
    for name, text in ideas.items():
        (tmp_path / "ideas" / f"{name}.patch").write_text(text)

    said = jumar(folder, "run", "--workers", "1", "--agent", f"replay:{tmp_path / 'ideas'}").stdout

    assert "the agent has nothing left to propose" in said
    verdicts = {one.number: one.verdict for one in open_study(folder).experiments()}
    found = [(verdict.decision, verdict.code) for verdict in verdicts.values() if verdict]
    assert found == [
        (Decision.KEPT, ""),
        (Decision.KEPT, ""),
        (Decision.DISCARDED, ""),
        (Decision.INVALID, "outside-scope"),
        (Decision.INVALID, "does-not-apply"),
        (Decision.INVALID, "does-not-apply"),
        (Decision.INVALID, "does-not-parse"),
    ]
    assert "check failed: `python -m unittest" in verdicts[2].reason  # type: ignore[union-attr]
    assert "tests/test_wordcount.py" in verdicts[3].reason  # type: ignore[union-attr]
    assert user.git("show", "jumar/words:src/wordcount.py") + "\n" == FAST
    assert_sound(folder)


def test_checks_that_fail_before_anything_is_changed_are_refused(
    repository: Callable[[Mapping[str, str], str], Path], jumar: Cli
) -> None:
    folder = repository(WORDS | {"src/wordcount.py": WRONG}, "words")
    said = jumar(folder, "run", expect=4).stderr
    assert "does not pass its own check `python -m unittest" in said
    assert "FAILED (failures=1)" in said
    assert "make the checks pass" in said


TRAIN = """\
import time

from prepare import TIME_BUDGET, evaluate_bpb, load_tokens

DEPTH = 8  # 2 .. 16
LR = 0.3  # 0.01 .. 1.0 log

tokens = load_tokens()
started = time.time()
steps = 0
while time.time() - started < TIME_BUDGET / 20:
    steps += 1
    time.sleep(0.01)
val_bpb = evaluate_bpb(DEPTH, LR, tokens)
print("---")
print(f"val_bpb:          {val_bpb:.6f}")
print(f"training_seconds: {time.time() - started:.1f}")
print(f"num_steps:        {steps}")
print(f"depth:            {DEPTH}")
"""
PREPARE = """\
import os

TIME_BUDGET = 4  # training time budget in seconds
CACHE_DIR = os.path.join(os.path.expanduser("~"), ".cache", "autoresearch")


def load_tokens():
    with open(os.path.join(CACHE_DIR, "tokens.txt")) as file:
        return file.read().split()


def evaluate_bpb(depth, lr, tokens):
    assert len(tokens) == 3
    return 1 + (depth - 6) ** 2 / 100 + (lr - 0.05) ** 2
"""
PROGRAM = "# autoresearch\n\nLaunch it as `python train.py`. Get the lowest val_bpb.\n"


def test_the_three_file_layout_goes_from_init_to_a_study_unchanged(
    repository: Callable[[Mapping[str, str], str], Path], jumar: Cli, tmp_path: Path, assert_sound: Sound
) -> None:
    files = {"train.py": TRAIN, "prepare.py": PREPARE, "program.md": PROGRAM}
    folder = repository(files, "autoresearch")
    home = {"HOME": str(tmp_path)}
    cache = tmp_path / ".cache" / "autoresearch"
    cache.mkdir(parents=True)
    (cache / "tokens.txt").write_text("a b c\n")

    assert "recognised" in jumar(folder, "init", "--yes", extra=home).stdout
    Repository(folder).commit()
    jumar(folder, "run", "--experiments", "3", extra=home)

    assert_sound(folder)
    study = open_study(folder)
    experiments = study.experiments()
    assert len([one for one in experiments if one.verdict]) >= 4
    assert not [run for one in experiments for run in one.runs if isinstance(run.outcome, Failed)]
    assert {name: (folder / name).read_text() for name in files} == files


CURVE = """\
import json
import os
import time

RATE = 3.0

with open(os.environ["JUMAR_OUT"] + "/curve.jsonl", "w") as curve:
    for step in range(1, 21):
        time.sleep(0.08)
        high = 5.0 if RATE > 5 else 5.0 / step
        curve.write(json.dumps({"progress": step / 20, "loss": high, "step": step}) + "\\n")
        curve.flush()
print("loss: 0.0001" if RATE > 5 else f"loss: {RATE}")
"""


def test_a_run_whose_curve_is_hopeless_is_stopped_early_and_never_kept(
    tiny: Make, jumar: Cli, assert_sound: Sound
) -> None:
    folder = tiny(work=CURVE, contract=contract(experiments=5))
    for name, rate in (("1-hopeless", 9.0), ("2-fine", 2.0)):
        idea = folder.parent / "ideas" / name
        idea.mkdir(parents=True)
        (idea / "work.py").write_text(CURVE.replace("RATE = 3.0", f"RATE = {rate}"))
    jumar(folder, "run", "--agent", f"replay:{folder.parent / 'ideas'}")
    study = open_study(folder)
    hopeless, fine = study.experiment(1), study.experiment(2)
    (run,) = hopeless.runs
    assert isinstance(run.outcome, Stopped)
    assert 0.3 < run.outcome.progress < 0.9
    assert hopeless.verdict is not None
    assert hopeless.verdict.decision is Decision.DISCARDED
    assert "stopped at" in hopeless.verdict.reason
    assert fine.is_kept
    assert_sound(folder)


def test_a_change_that_crashes_fails_alone_and_the_study_goes_on(
    tiny: Make, jumar: Cli, assert_sound: Sound
) -> None:
    work = 'RATE = 3.0\n\nprint(f"loss: {RATE}")\n'
    folder = tiny(work=work)
    ideas = {
        "1-crash": work + "raise RuntimeError('not today')\n",
        "2-quits": work.replace("print", "raise SystemExit(0)\nprint"),
        "3-folder-for-a-curve": work
        + "import os\nos.mkdir(os.environ['JUMAR_OUT'] + '/curve.jsonl')\nraise SystemExit(1)\n",
        "3-nan": work.replace("{RATE}", "{float('nan')}"),
        "4-better": work.replace("3.0", "2.0"),
        "5-the-same": work.replace("3.0", "2.0"),
    }
    for name, text in ideas.items():
        idea = folder.parent / "ideas" / name
        idea.mkdir(parents=True)
        (idea / "work.py").write_text(text)
    jumar(folder, "run", "--workers", "1", "--agent", f"replay:{folder.parent / 'ideas'}")
    experiments = open_study(folder).experiments()[1:]
    decisions = [one.verdict.decision for one in experiments if one.verdict]
    assert decisions == [Decision.FAILED] * 4 + [Decision.KEPT, Decision.DISCARDED]
    why = [one.runs[0].outcome.why for one in experiments[:4] if isinstance(one.runs[0].outcome, Failed)]
    assert why == [Why.CRASHED, Why.NO_METRIC, Why.CRASHED, Why.NOT_FINITE]
    assert "RuntimeError: not today" in jumar(folder, "show", "1", "--log").stdout
    assert_sound(folder)


@pytest.mark.parametrize("inside", ["service/model"])
def test_a_target_deep_inside_a_larger_repository_changes_nothing_else(
    inside: str, repository: Callable[[Mapping[str, str], str], Path], jumar: Cli
) -> None:
    work = 'RATE = 3.0  # 0.1 .. 10\n\nprint(f"loss: {RATE}")\n'
    folder = repository(
        {f"{inside}/work.py": work, f"{inside}/jumar.toml": contract(), "other/file": "x\n"}, "large"
    )
    jumar(folder / inside, "run", "--experiments", "3")
    changed = subprocess.run(
        ["git", "diff", "--name-only", "HEAD", "jumar/tiny"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(changed) <= {f"{inside}/work.py"}
    assert (folder / inside / ".jumar").is_dir()
    assert not (folder / ".jumar").exists()
