"""What an experiment costs at 100, 1,000 and 10,000: time, memory, ledger, repository and report.

One study on a target that costs nothing, in this process, every experiment kept in the ledger.
Cost is CPU time of Jumar and of the processes it starts, per experiment, over a window before each
mark: wall time would measure the machine's other work.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import Bar, arguments, report
from bench.fast import fast_study, make_target
from jumar.core.event import Entry, Judged
from jumar.study.loop import Loop
from jumar.study.tick import Tick

WINDOW = 50  # experiments before a mark over which its cost is averaged


def cpu_s() -> float:
    """CPU seconds of this process and of every child it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in used)


class Meter:
    """CPU and wall clock at every verdict."""

    def __init__(self) -> None:
        self.at: dict[int, tuple[float, float]] = {}

    def observe(self, event: Entry | Tick) -> None:
        """Take an entry in as it becomes durable."""
        if isinstance(event, Entry) and isinstance(event.event, Judged):
            self.at[event.event.experiment] = (cpu_s(), time.perf_counter())

    def per_experiment_ms(self, mark: int) -> dict[str, float]:
        """Mean cost of the experiments just before `mark`."""
        first = max(1, mark - WINDOW)
        (cpu_0, wall_0), (cpu_1, wall_1) = self.at[first], self.at[mark]
        count = mark - first
        return {"cpu_ms": 1000 * (cpu_1 - cpu_0) / count, "wall_ms": 1000 * (wall_1 - wall_0) / count}


def measure(marks: list[int]) -> dict[str, Any]:
    """Run to each mark in turn and look at everything there."""
    figures: dict[str, Any] = {}
    meter = Meter()
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place:
        folder = make_target(Path(place) / "growth")
        done = 0
        for mark in marks:
            with fast_study(folder, meter.observe) as parts:
                Loop(parts).run(experiments=mark - done)
            done = mark
            figures[f"{mark:,}"] = meter.per_experiment_ms(mark) | {
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "state_mb": _megabytes(folder / ".jumar"),
                "git_mb": _megabytes(folder / ".git"),
                "status_s": _answer_s(folder, "status"),
                "log_s": _answer_s(folder, "log"),
                "report_s": _answer_s(folder, "report"),
                "page_mb": _bytes(folder, "report.html") / 1e6,
                "json_mb": _bytes(folder, "report.json") / 1e6,
                "markdown_kb": _bytes(folder, "report.md") / 1e3,
            }
    return figures


def _megabytes(folder: Path) -> float:
    out = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True).stdout
    return int(out.split()[0]) / 1024


def _bytes(folder: Path, name: str) -> int:
    return next((folder / ".jumar" / "studies").glob(f"*/{name}")).stat().st_size


def _answer_s(folder: Path, verb: str) -> float:
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "jumar", verb], cwd=folder, capture_output=True, check=True)
        spent.append(time.perf_counter() - began)
    return median(spent)


def main() -> int:
    """Measure, print, and hold the bars."""
    parser = arguments("growth", __doc__ or "")
    parser.add_argument("--marks", type=int, nargs="+", default=[100, 1_000, 10_000])
    options = parser.parse_args()
    figures = measure(options.marks)
    first, last = figures[f"{options.marks[0]:,}"], figures[f"{options.marks[-1]:,}"]
    bars = [
        Bar("CPU of the last, times the first mark's", last["cpu_ms"] / first["cpu_ms"], 1.2),
        Bar("seconds for `jumar status`", last["status_s"], 0.5),
        Bar("seconds for `jumar log`", last["log_s"], 0.5),
        Bar("seconds for `jumar report`", last["report_s"], 3),
        Bar("megabytes of its page", last["page_mb"], 5),
        Bar("memory, MB", last["peak_mb"], 250),
    ]
    return report("growth", figures, bars, json=options.json, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
