"""A study on a target that costs nothing, so that what is left is what Jumar itself costs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.proposal import Edit, Proposal
from jumar.home import Home, Options
from jumar.study.parts import Observer, Parts
from jumar.testing.repository import only_here

WORK = 'N = 0\nprint(f"loss: {1 + N % 97 / 1e6:.9f}")\n'
SCORE = """\
import os

with open(os.path.join(os.environ["JUMAR_RUN_OUT"], "answer")) as file:
    answer = float(file.read())
with open(os.path.join(os.environ["JUMAR_OUT"], "score.json"), "w") as file:
    file.write('{"metric": %r}' % answer)
"""
SCORED_WORK = (
    'import os\nN = 0\nwith open(os.path.join(os.environ["JUMAR_OUT"], "answer"), "w") as file:\n'
    '    file.write(f"{1 + N % 97 / 1e6:.9f}")\n'
)
CONTRACT = """\
[target]
name = "fast"
editable = ["work.py"]
[run]
command = ["python", "-I", "-S", "work.py"]
budget = "10s"
[measure]
metric = "loss"
direction = "minimize"
baseline = 3
"""
SCORED = 'score = ["python", "-I", "-S", "score.py"]\n'


class Counter:
    """Proposes one edit after another, each different, none better."""

    name = "counter"
    repeats = True

    def propose(self, brief: Brief) -> Proposal | None:
        """Set N to the number of the experiment."""
        source = brief.files["work.py"].replace(b"N = 0", b"N = %d" % (brief.number + 1), 1)
        return Proposal(
            hypothesis=f"N = {brief.number + 1}",
            edits=(Edit(path="work.py", content=source),),
            agent=self.name,
        )


def make_target(folder: Path, *, scored: bool = False) -> Path:
    """A repository with the fast target in it."""
    folder.mkdir(parents=True)
    (folder / "work.py").write_text(SCORED_WORK if scored else WORK)
    (folder / "score.py").write_text(SCORE)
    (folder / "jumar.toml").write_text(CONTRACT + (SCORED if scored else ""))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    return folder


def git(folder: Path, *words: str) -> None:
    """Run git with an identity of its own, in `folder` and in no repository around it."""
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0")
    command = ["git", "-C", str(folder), *identity, *words]
    subprocess.run(command, env=only_here(folder), check=True, capture_output=True)


@contextmanager
def fast_study(folder: Path, observe: Observer, *, slots: int = 1) -> Iterator[Parts]:
    """Everything a study of the target in `folder` needs, with the counter as its agent."""
    home = Home(folder=folder, study="fast")
    text = (folder / "jumar.toml").read_text()
    with assembled(home, text, Options(workers=slots), observe) as parts:
        yield replace(parts, agent=Counter())
