"""Runs `jumar` with a replay that thinks: `python -m bench.torture.ahead WORDS…`. So its proposals wait.

Every idea turns one of two constants on lines far apart. So a keep moves what waits on to the new
champion where that turns the other one, and withdraws it where it turns the same.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from msgspec.structs import replace

from jumar.agents import replay
from jumar.agents.replay import Replay
from jumar.core.agent import Brief
from jumar.core.desk import Desk
from jumar.core.proposal import Edit, Proposal

THINKS_S = 0.01


class Thoughtful:
    """The ideas of a folder, in order; each takes a moment to think of."""

    name, repeats = Replay.name, True

    def __init__(self, folder: Path) -> None:
        self._replay = Replay(folder)

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        """The next one, turned into a change of the constant whose turn it is."""
        desk.called_off.wait(THINKS_S)
        found = self._replay.propose(brief)
        if found is None:
            return None
        number = int(found.details["replayed"])
        name = ("RATE", "WIDTH")[number % 2]
        lines = brief.files["work.py"].decode().splitlines(keepends=True)
        value = 2.9 - number / 10 if number % 3 else 3.5 + number
        turned = [f"{name} = {value}\n" if line.startswith(f"{name} =") else line for line in lines]
        edit = Edit(path="work.py", content="".join(turned).encode())
        return replace(found, edits=(edit,))


def arrange() -> None:
    """Have this process's `replay` think."""
    replay.Replay = Thoughtful  # type: ignore[assignment,misc]


if __name__ == "__main__":
    sys.argv = ["jumar", *sys.argv[1:]]
    arrange()
    runpy.run_module("jumar", run_name="__main__")
