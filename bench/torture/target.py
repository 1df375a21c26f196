"""The targets that are tortured: they cost milliseconds, and their ideas meet every kind of verdict."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.fast import git

NAME = "rack"
STUDY = NAME
LONG_S = 3.0  # how long the run lasts that is to survive its controller

_HEAD = """\
import os
import sys

RATE = 3.0
MODE = "plain"

if MODE == "crash":
    sys.exit("no way")
LOSS = 1 + (RATE - 1) ** 2 / 10
"""
_EXACT = 'print(f"loss: {LOSS:.6f}")\n'
#: A second constant, far from the first: changes of one and of the other can be merged.
_APART = "#\n" * 8 + "WIDTH = 3.0\n" + "#\n" * 8 + "LOSS += (WIDTH - 1) ** 2 / 10\n"
#: Sums of four evenly spread numbers, drawn from the seed without importing anything.
_NOISY = """\
state, noise = int(os.environ["JUMAR_SEED"]) * 2 + 1, 0.0
for _ in range(8):
    state = state * 6364136223846793005 % 2**64
    noise += (state >> 33) / 2**31 - 0.5
print(f"loss: {LOSS + 0.002 * noise:.6f}")
"""
_SCORED = """\
with open(os.path.join(os.environ["JUMAR_OUT"], "answer"), "w") as file:
    file.write(f"{LOSS:.6f}")
"""
_LONG = f"import time\nif RATE == 2.8:\n    time.sleep({LONG_S})\n"
_SCORE = """\
import os

SIGN = 1
with open("hidden/truth") as file:
    truth = float(file.read())
with open(os.path.join(os.environ["JUMAR_RUN_OUT"], "answer")) as file:
    answer = float(file.read())
with open(os.path.join(os.environ["JUMAR_OUT"], "score.json"), "w") as file:
    file.write('{"metric": %r}' % ((answer - truth) * SIGN))
"""
#: What did well on the search's data does badly on the holdout: certification takes it back.
_TURNS = 'SIGN = -1 if os.environ["JUMAR_SPLIT"] == "holdout" else 1\n'
_CONTRACT = """\
[target]
name = "rack"
editable = ["work.py"]

[run]
command = ["python", "-I", "-S", "work.py"]
budget = "20s"
timeout = "60s"

[measure]
metric = "loss"
direction = "minimize"
baseline = 3
"""
_APPROVING = "\n[limits]\napprove = true\n"
_SCORING = 'score = ["python", "-I", "-S", "score.py"]\nhidden = ["hidden"]\n'

#: The ideas, in order: what each sets. After three crashes in a row the champion is revisited.
_RATES = (2.8, 4.0, 2.6, 2.7, 2.71, 2.72, 2.4, 6.0, 2.2, 2.0, 2.5, 1.8)
_CRASHES, _STRAYS, _GARBLED = (3, 4, 5), 8, 11


class Kind(NamedTuple):
    """A target, and how its studies are run."""

    name: str
    body: str
    scored: bool = False
    refuted: bool = False
    slots: int = 1
    thinks: bool = False  #: its agent does, so that proposals wait for a worker
    approved: bool = False  #: by a person, each keep, before it is one

    @property
    def exact(self) -> bool:
        """True when an undisturbed study ends the same every time."""
        return self.slots == 1 and not self.thinks and not self.approved

    @property
    def module(self) -> str:
        """What is run in the place of `jumar`, where more than that belongs to the study."""
        if self.approved:
            return "bench.torture.approving"
        return "bench.torture.ahead" if self.thinks else "jumar"

    @property
    def work(self) -> str:
        """The source of the file that may change."""
        return _HEAD + self.body


EXACT = Kind("exact", _EXACT)
SCORED = Kind("scored", _SCORED, scored=True)
REFUTED = Kind("refuted", _SCORED, scored=True, refuted=True)
NOISY = Kind("noisy", _NOISY, slots=2)
AHEAD = Kind("ahead", _APART + _EXACT, thinks=True)
APPROVED = Kind("approved", _EXACT, approved=True)
LONG = Kind("long", _EXACT + _LONG)
KINDS = (EXACT, SCORED, NOISY, REFUTED, AHEAD, APPROVED)


def make_ideas(folder: Path, kind: Kind) -> Path:
    """A folder of whole files for the agent `replay`: better, worse, crashing, out of scope, no Python."""
    for at, rate in enumerate(_RATES):
        idea = folder / f"{at:02}"
        idea.mkdir(parents=True)
        text = kind.work.replace("RATE = 3.0", f"RATE = {rate}")
        if at in _CRASHES:
            text = text.replace('MODE = "plain"', 'MODE = "crash"')
        elif at == _STRAYS:
            (idea / "notes.txt").write_text("mine\n")
        elif at == _GARBLED:
            text += "def (\n"
        (idea / "work.py").write_text(text)
    return folder


def names_of_ideas() -> list[str]:
    """What the agent calls the ideas, in the order of the folder."""
    return [f"{at:02}" for at in range(len(_RATES))]


def make_user(folder: Path, kind: Kind) -> Path:
    """A repository in the state in which people leave theirs: staged, changed, untracked, stashed."""
    folder.mkdir(parents=True)
    contract = _CONTRACT + (_SCORING if kind.scored else "") + (_APPROVING if kind.approved else "")
    score = _SCORE.replace("SIGN = 1\n", _TURNS) if kind.refuted else _SCORE
    files = {"work.py": kind.work, "jumar.toml": contract, "score.py": score, "notes.txt": "one\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "hidden").mkdir()
    (folder / "hidden" / "truth").write_text("0.25\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    (folder / "notes.txt").write_text("stashed\n")
    git(folder, "stash", "-q")
    (folder / "notes.txt").write_text("staged\n")
    git(folder, "add", "notes.txt")
    (folder / "notes.txt").write_text("changed since\n")
    (folder / "untracked.txt").write_text("mine\n")
    return folder
