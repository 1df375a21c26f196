"""A small target with two knobs, as a user might have it, and the real command to drive it with."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

PYTHON = Path(sys.executable)
WAIT_S = 300.0

#: A loss that depends on two knobs; its noise honours the seed.
NOISY = """\
import os
import random

RATE = 3.0  # 0.1 .. 10
WIDTH = 4  # one of: 4, 8, 16


def loss(rate: float, width: int) -> float:
    return 1 + (rate - 1.0) ** 2 / 10 + abs(width - 16) / 40


noise = random.Random(int(os.environ["JUMAR_SEED"])).gauss(0, 0.002)
print(f"loss: {loss(RATE, WIDTH) + noise:.6f}")
"""

#: The same without noise.
EXACT = NOISY.replace("{loss(RATE, WIDTH) + noise:.6f}", "{loss(RATE, WIDTH):.6f}")

CONTRACT = """\
[target]
name = "tiny"
editable = ["work.py"]

[run]
command = ["python", "work.py"]
budget = "20s"
timeout = "60s"

[measure]
metric = "loss"
direction = "minimize"

[limits]
experiments = 8
"""


def contract(*, experiments: int = 8, run: str = "", measure: str = "", limits: str = "") -> str:
    """The target's contract, with more lines in these groups."""
    text = CONTRACT.replace("experiments = 8", f"experiments = {experiments}\n{limits}")
    return text.replace("[measure]", f"{run}\n\n[measure]\n{measure}")


def environment() -> dict[str, str]:
    """The environment of a user who activated the virtual environment."""
    path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
    return {key: value for key, value in os.environ.items() if not key.startswith("JUMAR_")} | {
        "PATH": path,
        "COLUMNS": "140",
    }


def left_behind(folder: Path) -> bytes:
    """Everything that studies left in a repository, in one piece: records, artefacts, reports, history."""
    found = []
    for path in sorted((folder / ".jumar").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found.append(zlib.decompress(content) if "artefacts" in path.parts else content)
    history = ["git", "log", "-p", "--all", "--format=%B"]
    found.append(subprocess.run(history, cwd=folder, capture_output=True, check=True).stdout)
    return b"\n".join(found)


class Cli:
    """Runs `jumar` in a folder and gives back what it said."""

    def __call__(
        self, folder: Path, *words: str, expect: int | None = 0, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; what it says is no traceback of ours, and its exit code is `expect`."""
        done = subprocess.run(
            self.command(*words),
            cwd=folder,
            env=environment() | dict(extra or {}),
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        said = done.stdout + done.stderr
        assert not any(place in said for place in ("jumar/study/", "jumar/cli/", "mistake in Jumar")), said
        if expect is not None:
            assert done.returncode == expect, f"exit code {done.returncode}\n{said}"
        return done

    def start(
        self, folder: Path, *words: str, extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start it and do not wait."""
        return subprocess.Popen(
            self.command(*words),
            cwd=folder,
            env=environment() | dict(extra or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    @staticmethod
    def command(*words: str) -> list[str]:
        """The command line of these words."""
        return [str(PYTHON), "-m", "jumar", *words]
