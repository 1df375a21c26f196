"""What Jumar adds to one experiment, beside a plain loop in the same minute.

Both loops make the same edit, run the same one-line program and record its number. The plain loop
(commit, subprocess, grep, reset, append) protects from nothing; ours has the full sandbox's start and
end, the durable ledger, the commit and the judge in it, and with a scorer a second sandbox.

*whole* is one experiment's wall time. *added* is ours less what the target's own programs (the run,
and the scorer) take as bare subprocesses. The bars compare what we add with the whole plain loop.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import Bar, arguments, report
from bench.fast import WORK, fast_study, git, make_target
from jumar.core.event import Entry, Judged
from jumar.study.loop import Loop
from jumar.study.tick import Tick

BLOCK = 10  # experiments of one loop before the other one's turn


class Meter:
    """Reads from the events how long each experiment took from verdict to verdict."""

    def __init__(self) -> None:
        self.spent_s: list[float] = []
        self._last: float | None = None

    def observe(self, event: Entry | Tick) -> None:
        """Take an entry in as it becomes durable."""
        if isinstance(event, Entry) and isinstance(event.event, Judged):
            now = time.perf_counter()
            if self._last is not None:
                self.spent_s.append(now - self._last)
            self._last = now

    def begin(self) -> None:
        """Leave out what lies before the first verdict of a sitting: taking the study up."""
        self._last = None


def ours(folder: Path, experiments: int, meter: Meter) -> None:
    """So many more experiments of the study in `folder`."""
    with fast_study(folder, meter.observe) as parts:
        meter.begin()
        Loop(parts).run(experiments=experiments)


def plain(folder: Path, first: int, experiments: int) -> list[float]:
    """So many experiments of the loop that everybody writes first: seconds of each."""
    spent = []
    for number in range(first, first + experiments):
        began = time.perf_counter()
        (folder / "work.py").write_text(WORK.replace("N = 0", f"N = {number + 1}", 1))
        git(folder, "commit", "-qam", f"try {number}")
        found = re.search(r"^loss: (\S+)$", bare(folder, "work.py"), re.MULTILINE)
        assert found
        git(folder, "reset", "-q", "--hard", "HEAD~1")
        with (folder / "results.tsv").open("a") as file:
            file.write(f"{number}\t{found[1]}\tdiscard\n")
        spent.append(time.perf_counter() - began)
    return spent


def bare(folder: Path, program: str) -> str:
    """What one of the target's programs prints, run as nothing but a subprocess."""
    out = str(folder / "out")
    return subprocess.run(
        [sys.executable, "-I", "-S", program],
        cwd=folder,
        env=os.environ | {"JUMAR_OUT": out, "JUMAR_RUN_OUT": out},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def bare_s(folder: Path, programs: tuple[str, ...]) -> list[float]:
    """Seconds that the target's own programs take as bare subprocesses, a few times."""
    (folder / "out").mkdir(exist_ok=True)
    spent = []
    for _ in range(BLOCK):
        began = time.perf_counter()
        for program in programs:
            bare(folder, program)
        spent.append(time.perf_counter() - began)
    return spent


def measure(experiments: int) -> dict[str, Any]:
    """Blocks of each loop in turn, so that whatever else the machine does falls on all of them."""
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place:
        floor: list[float] = []
        wholes: dict[str, Meter] = {"stdout": Meter(), "scorer": Meter()}
        bares: dict[str, list[float]] = {"stdout": [], "scorer": []}
        programs = {"stdout": ("work.py",), "scorer": ("work.py", "score.py")}
        beside = make_target(Path(place) / "plain")
        folders = {name: make_target(Path(place) / name, scored=name == "scorer") for name in wholes}
        for name, meter in wholes.items():
            ours(folders[name], 1, meter)  # the baseline, and everything that happens once
            meter.spent_s.clear()
        for first in range(0, experiments, BLOCK):
            floor += plain(beside, first, BLOCK)
            for name, meter in wholes.items():
                ours(folders[name], BLOCK + 1, meter)
                bares[name] += bare_s(folders[name], programs[name])
    figures = {"plain loop": {"experiments": len(floor), "whole_ms": 1000 * median(floor)}}
    for name, meter in wholes.items():
        own_s, ninth = median(bares[name]), sorted(meter.spent_s)[len(meter.spent_s) * 9 // 10]
        figures[f"jumar, {name}"] = {
            "experiments": len(meter.spent_s),
            "whole_ms": 1000 * median(meter.spent_s),
            "own_programs_ms": 1000 * own_s,
            "added_ms": 1000 * (median(meter.spent_s) - own_s),
            "added_p90_ms": 1000 * (ninth - own_s),
        }
    return figures


def main() -> int:
    """Measure, print, and hold the bars."""
    parser = arguments("overhead", __doc__ or "")
    parser.add_argument("--experiments", type=int, default=100)
    options = parser.parse_args()
    figures = measure(options.experiments)
    floor = figures["plain loop"]["whole_ms"]
    bars = [
        Bar("added with stdout, times a whole plain loop", figures["jumar, stdout"]["added_ms"] / floor, 1.5),
        Bar(
            "added with a scorer, times a whole plain loop",
            figures["jumar, scorer"]["added_ms"] / floor,
            2.5,
        ),
    ]
    return report("overhead", figures, bars, json=options.json, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
