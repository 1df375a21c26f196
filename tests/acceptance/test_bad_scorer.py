"""Scorers and hidden data that are no good: each is told in a line before a night is spent on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.testing.repository import Repository
from jumar.testing.tiny import Cli, contract

Tiny = Callable[..., Path]
NO_NUMBER = 4
UNFIT = 3

WORK = "RATE = 1.0\n"
TRUSTED = contract(run='timeout = "5s"', measure='score = ["python", "score.py"]').replace(
    'timeout = "60s"', ""
)
WRITE = """\
import os
from pathlib import Path

place = Path(os.environ["JUMAR_OUT"], "score.json")
"""
BAD = {
    "crashes": ("1 / 0\n", "ZeroDivisionError"),
    "hangs": ("import time\ntime.sleep(60)\n", "timed out"),
    "works for ever": ("while True: pass\n", "timed out"),
    "says nothing": ("", "the scorer wrote none"),
    "only prints": ('print("loss: 1.0")\n', "the scorer wrote none"),
    "says two numbers": ('place.write_text("1.0\\n2.0\\n")\n', "score.json"),
    "says two scores": ('place.write_text(\'{"metric": 1.0}{"metric": 2.0}\')\n', "score.json"),
    "says a word": ('place.write_text(\'{"metric": "good"}\')\n', "Expected `float"),
    "says NaN": ("place.write_text('{\"metric\": NaN}')\n", "score.json"),
    "says something else": ("place.write_text('{\"loss\": 1.0}')\n", "loss"),
    "says too much": ('place.write_text(\'{"metric": 1.0\' + " " * (1 << 26) + "}")\n', "larger than"),
    "refuses the unchanged target": ('place.write_text(\'{"refused": "not causal"}\')\n', "not causal"),
}


@pytest.mark.parametrize(("score", "problem"), BAD.values(), ids=BAD)
def test_a_scorer_is_told_that(score: str, problem: str, tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=WORK, contract=TRUSTED, **{"score.py": WRITE + score})
    said = jumar(folder, "run", expect=NO_NUMBER).stderr
    told, _, remedy = said.partition("\nfix:     ")
    assert told.startswith("problem: the unchanged target gave no number: ")
    assert problem in told.splitlines()[0]
    assert "mend the scorer" in remedy or "its own scorer accepts it" in remedy


def test_a_scorer_may_take_longer_than_the_run_and_than_its_budget(tiny: Tiny, jumar: Cli) -> None:
    slow = "import time\nwhile time.process_time() < 1.5: pass\nplace.write_text('{\"metric\": 1.0}')\n"
    terms = TRUSTED.replace('budget = "20s"', 'budget = "1s"').replace('timeout = "5s"', 'timeout = "60s"')
    folder = tiny(work=WORK, contract=terms, **{"score.py": WRITE + slow})
    jumar(folder, "run", "--experiments", "1")
    assert open_study(folder).experiment(0).is_kept


READS = WRITE + (
    'split = os.environ["JUMAR_SPLIT"]\n'
    'truth = float(Path("hidden", split).read_text().split()[-1])\n'
    "place.write_text('{\"metric\": %f}' % truth)\n"
)
HIDING = TRUSTED.replace("score = ", 'hidden = ["hidden"]\nscore = ')


@pytest.fixture
def hiding(tiny: Tiny) -> Callable[..., Path]:
    """A target whose scorer reads hidden data, which may be bad."""

    def make(search: str, holdout: str, **others: str) -> Path:
        folder = tiny(work=WORK, contract=HIDING, **{"score.py": READS, ".gitignore": "hidden/\n"})
        (folder / "hidden").mkdir()
        (folder / "hidden" / "search").write_text(search)
        (folder / "hidden" / "holdout").write_text(holdout)
        for path, text in others.items():
            (folder / path).write_text(text)
        Repository(folder).commit()
        return folder

    return make


TEXT = "so many numbers that nobody may see: 1.0\n"


def test_a_holdout_that_is_the_validation_set_is_noticed(hiding: Callable[..., Path], jumar: Cli) -> None:
    said = jumar(hiding(TEXT, TEXT), "run", "--experiments", "1").stdout
    assert "hidden/holdout are the same" in said or "hidden/search are the same" in said


def test_an_empty_holdout_is_refused_before_anything_runs(hiding: Callable[..., Path], jumar: Cli) -> None:
    said = jumar(hiding("", ""), "run", expect=UNFIT).stderr
    assert "hidden: hidden is empty" in said


def test_a_holdout_that_runs_can_read_elsewhere_is_refused(hiding: Callable[..., Path], jumar: Cli) -> None:
    folder = hiding(TEXT, TEXT.upper(), **{"answers.txt": TEXT.upper()})
    said = jumar(folder, "run", expect=UNFIT).stderr
    assert "hidden/holdout is the same as answers.txt, which every run can read" in said


def test_a_target_that_ignores_its_seed_is_noticed_and_pairs_are_not_pretended(
    tiny: Tiny, jumar: Cli
) -> None:
    drifts = f"import time\nRATE = 1.0\nprint('loss:', 1 + (time.time() - {time.time()}) / 1000)\n"
    said = jumar(tiny(work=drifts), "run", "--workers", "1", "--experiments", "1").stdout
    assert "the same seed does not give a closer result, so pairs share no luck" in said
