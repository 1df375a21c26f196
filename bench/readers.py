"""What pages cost to be told, without a server or a browser: time of each, and memory of who reads.

For each length a process of its own opens a study (`bench/long.py`), reads all of it once, then asks what
every page asks, hears of one verdict more, and opens it again from what was kept. CPU, as the machine has
other work; the look for news is wall time, as it is what a server does four times a second.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.common import Bar, arguments, report
from bench.long import make_long
from jumar.app import open_study
from jumar.board import Board
from jumar.ledgers.sql import open_ledger
from jumar.reports.pages import Query
from jumar.testing.events import judged, proposed, run_ended, run_started

MARKS = (100, 10_000, 100_000)
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None
LOOKS = 300


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU that something takes."""
    began = time.process_time()
    work()
    return round(1000 * (time.process_time() - began), 2)


def memory_mb() -> float:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


def measure(folder: Path) -> dict[str, Any]:
    """Everything about one study, in this process."""
    study = open_study(folder)
    before, board = memory_mb(), Board(study)
    began = time.perf_counter()
    figures: dict[str, Any] = {
        "memory before, MB": before,
        "first reading, CPU s": round(cpu_ms(board.refresh) / 1000, 2),
        "first reading, s": round(time.perf_counter() - began, 2),
        "memory after it, MB": memory_mb(),
    }
    last = board.rows(Query()).total - 1
    champion = board.overview().champion.experiment
    pages: dict[str, Callable[[], object]] = {
        "study": board.overview,
        "experiments": lambda: board.rows(Query(first=100)),
        "sorted by gain": lambda: board.rows(Query(sort="gain")),
        "searched": lambda: board.rows(Query(words="layer_3 warm", sort="value")),
        "experiment": lambda: board.detail(last),
        "champion": lambda: board.detail(champion),
        "log": lambda: board.log(last),
        "lineage": board.tree,
        "lessons": board.lessons,
        "integrity": board.integrity,
    }
    for name, ask in pages.items():
        figures[f"{name}, CPU ms"] = cpu_ms(ask)
    figures["news of a verdict, CPU ms"] = _update(folder, board, last + 1)
    figures["look for news, ms"] = _look(board)
    figures["memory with all of it, MB"] = memory_mb()
    figures["study as JSON, kB"] = round(len(msgspec.json.encode(board.overview())) / 1e3, 1)
    board.close()
    again = Board(open_study(folder))
    figures["opened again, CPU s"] = round(cpu_ms(again.refresh) / 1000, 3)
    return figures


def _update(folder: Path, board: Board, number: int) -> float:
    """An experiment more is judged; the pages that are open are told."""
    study = open_study(folder)
    with closing(open_ledger(study.home.ledger)) as ledger:
        ledger.append(study.name, proposed(number), run_started(number), run_ended(number), judged(number))
    assert board.changed()

    def told() -> None:
        board.refresh()
        board.overview()
        board.rows(Query(sort="gain"))

    return cpu_ms(told)


def _look(board: Board) -> float:
    taken = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        board.changed()
        taken.append(1000 * (time.perf_counter() - began))
    return round(median(taken), 3)


def figures(marks: tuple[int, ...] = MARKS) -> dict[str, Any]:
    """Each length in a process of its own."""
    found: dict[str, Any] = {}
    for mark in marks:
        place = Path(tempfile.mkdtemp(prefix="jumar-bench-", dir=SCRATCH))
        try:
            folder = make_long(place / "long", mark)
            command = [sys.executable, "-m", "bench.readers", "--of", str(folder)]
            said = subprocess.run(command, capture_output=True, check=True).stdout
            found[f"{mark:,} experiments"] = json.loads(said)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return found


def bars(found: dict[str, Any]) -> list[Bar]:
    """What has to hold for the longest."""
    longest = found[list(found)[-1]]
    slowest = max(value for name, value in longest.items() if name.endswith("CPU ms"))
    return [
        Bar("slowest page at the last mark, CPU ms", slowest, 500),
        Bar("news of a verdict, CPU ms", longest["news of a verdict, CPU ms"], 500),
        Bar("a look for news, ms", longest["look for news, ms"], 1),
        Bar("memory of who reads, MB", longest["memory with all of it, MB"], 200),
        Bar("opened again, CPU s", longest["opened again, CPU s"], 1),
    ]


def main() -> int:
    """Measure, print, and say by the exit code whether every bar holds."""
    parser = arguments("readers", (__doc__ or "").splitlines()[0])
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS)
    parser.add_argument("--of", type=Path, help="a folder that is there already: its figures alone, as JSON")
    asked = parser.parse_args()
    if asked.of:
        json.dump(measure(asked.of), sys.stdout)
        return 0
    found = figures(tuple(asked.marks))
    return report("readers", found, bars(found), json=asked.json, save=asked.save)


if __name__ == "__main__":
    sys.exit(main())
