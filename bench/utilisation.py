"""How much of the time the workers are busy while agents think, beside a plain sequential loop.

Runs are real processes that sleep, each in the sandbox; agents are simulated: they think for a share of
a run's time, give or take a quarter, and propose one change after the other. Every eighth change is a
real gain, so that pairs are made, the champion moves and what waits moves on with it.

`busy`: a worker is busy while the process of a run lives: to start one, to read its number, to judge and to
write it down is not. `idle_for_thought` is the part of the rest in which workers stood free only
because agents thought. What counts lies between the end of the first experiment's run and the start of
the last one that an agent proposed: after it the limit of experiments leaves nothing to fill slots with but
what confirms and tests winners again. The plain loop thinks, runs, and thinks again.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.common import Bar, arguments, report
from bench.fast import git
from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.desk import Desk
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.proposal import Edit, Proposal
from jumar.core.run import Purpose
from jumar.home import Home, Options
from jumar.study.loop import Loop

WORKERS = (1, 2, 4, 8)
THINKING = (0.1, 1 / 3, 1.0)  # of a run's time
SPREAD = 0.25  # of a thought's length
RUN_S = 4.0
EXPERIMENTS = 12  # of one worker; more have more, so that the beginning and the end weigh less
GAIN_EVERY = 8
THOUGHTS = 8  # at once, as of a model at a provider
BUSY = 0.98

# So many constants, far enough apart that changes of different ones can be merged.
_LINES = "".join(f"N{number} = 0\n#\n#\n#\n" for number in range(200))
WORK = f"{_LINES}import time\n\ntime.sleep({RUN_S})\n" + (
    'print("loss:", 1000 + sum(value for name, value in globals().items() if name[0] == "N"))\n'
)
CONTRACT = """\
[target]
name = "sleeper"
editable = ["work.py"]

[run]
command = ["python", "-I", "-S", "work.py"]
budget = "20s"
timeout = "60s"

[measure]
metric = "loss"
direction = "minimize"
baseline = 3

[limits]
experiments = 1000
"""


class Thinker:
    """Thinks for a while, and turns the next constant that nobody has turned."""

    name, repeats, strands = "thinker", False, THOUGHTS

    def __init__(self, thinking_s: float) -> None:
        self._thinking_s, self._lock = thinking_s, threading.Lock()
        self._next = 0

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        """The next change."""
        dice = random.Random(brief.chance)
        desk.called_off.wait(self._thinking_s * dice.uniform(1 - SPREAD, 1 + SPREAD))
        with self._lock:
            number, self._next = self._next, self._next + 1
        value = -1 if number % GAIN_EVERY == GAIN_EVERY - 1 else 1
        before, after = (f"N{number} = {each}\n".encode() for each in (0, value))
        content = brief.files["work.py"].replace(before, after)
        return Proposal(
            hypothesis=f"N{number} becomes {value}",
            edits=(Edit(path="work.py", content=content),),
            agent=self.name,
        )


def make_target(folder: Path) -> Path:
    """A repository with the program that sleeps."""
    folder.mkdir(parents=True)
    (folder / "work.py").write_text(WORK)
    (folder / "jumar.toml").write_text(CONTRACT)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "the target")
    return folder


def ours(folder: Path, workers: int, share: float, experiments: int) -> dict[str, float]:
    """One study: how busy its workers were, and how many experiments an hour that is."""
    home = Home(folder=folder, study="sleeper")
    options = Options(workers=workers, oversubscribe=True)
    with assembled(home, CONTRACT, options, lambda _: None) as parts:
        agent = Thinker(share * RUN_S)
        Loop(replace(parts, agent=agent)).run(experiments=experiments)
        records = parts.ledger.experiments(home.study)
    return busy(records, workers)


def busy(records: tuple[ExperimentRecord, ...], workers: int) -> dict[str, float]:
    """The share of the workers' time in which processes of runs lived, after the first experiment's."""
    spans = [
        (run.started_at, run.started_at + run.report.wall_s, record.number)
        for record in records
        for run in record.runs
        if run.report and record.number != BASELINE and run.run.purpose is not Purpose.CERTIFY
    ]
    begin = min(end for _, end, _ in spans)
    last = max(
        record.runs[0].started_at
        for record in records
        if record.runs and "retest_of" not in record.experiment.details
    )
    lived = sum(max(0.0, min(end, last) - max(start, begin)) for start, end, _ in spans)
    return {
        "busy": lived / ((last - begin) * workers),
        "runs_per_hour": 3600 * sum(begin <= start < last for start, _, _ in spans) / (last - begin),
        "experiments": len(records) - 1,
        "kept": sum(record.is_kept for record in records) - 1,
        "idle_for_thought": sum(
            record.experiment.cost.waited_s for record in records if begin < record.proposed_at < last
        )
        / (last - begin),
    }


def plain(folder: Path, share: float, runs: int) -> dict[str, float]:
    """The loop that everybody writes first: think, run, think."""
    dice, lived = random.Random(0), 0.0
    began = time.perf_counter()
    for _ in range(runs):
        time.sleep(share * RUN_S * dice.uniform(1 - SPREAD, 1 + SPREAD))
        run_began = time.perf_counter()
        command = [sys.executable, "-I", "-S", "work.py"]
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
        lived += time.perf_counter() - run_began
    whole = time.perf_counter() - began
    return {"busy": lived / whole, "runs_per_hour": 3600 * runs / whole}


def measure(workers: tuple[int, ...], thinking: tuple[float, ...]) -> Iterator[tuple[str, dict[str, float]]]:
    """Every number of workers with every length of thinking, and the plain loop beside it."""
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place:
        beside = make_target(Path(place) / "plain")
        for share in thinking:
            yield f"plain loop, thinks {share:.0%}", plain(beside, share, 5)
            for many in workers:
                folder = make_target(Path(place) / f"{many}-{share:.2f}")
                experiments = EXPERIMENTS + 6 * (many - 1)
                yield f"{many} workers, thinks {share:.0%}", ours(folder, many, share, experiments)


def main() -> int:
    """Measure, print, and hold the bars."""
    parser = arguments("utilisation", __doc__ or "")
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--thinking", type=float, nargs="+", default=THINKING, help="shares of a run's time")
    options = parser.parse_args()
    figures: dict[str, Any] = dict(measure(tuple(options.workers), tuple(options.thinking)))
    bars = [
        Bar(f"busy: {name}", row["busy"], BUSY, at_least=True)
        for name, row in figures.items()
        if not name.startswith("plain")
    ]
    return report("utilisation", figures, bars, json=options.json, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
