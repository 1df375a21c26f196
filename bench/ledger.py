"""Verdicts a second that a ledger takes, from several writers at once, and what the 100,000th costs.

    python -m bench.ledger --json             # SQLite, and PostgreSQL where a server is installed
    python -m bench.ledger --seconds 60       # each with eight writers for a minute

A verdict is what a controller writes of an experiment: two transactions, proposal with the start of its
run, and outcome with verdict. Every writer is a process of its own; the chain is verified afterwards, and
every experiment has to be there once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from bench.common import Bar, arguments, report
from jumar.ledgers.place import Place, read_address
from jumar.ledgers.sql import open_ledger
from jumar.testing.events import judged, proposed, run_ended, run_started, started
from jumar.testing.postgres import local_server, program

WRITERS = 8
STUDY = "bench"
APART = 10_000_000  # between the first numbers of two writers
SIZES = (1_000, 100_000)  #: experiments that are there before the cost of one more is measured
MEASURED = 200
ENOUGH = {"sqlite": 80, "postgresql": 100}  # verdicts a second of all writers, where a flush takes 4 ms
GROWS = 1.2  # times, from the first size to the last


def write(place: Place, first: int, seconds: float, together: Barrier) -> None:
    """Experiments from number `first` on, until the time is over."""
    with closing(open_ledger(place)) as ledger:
        together.wait()
        number, until = first, time.monotonic() + seconds
        while time.monotonic() < until:
            ledger.append(STUDY, proposed(number), run_started(number))
            ledger.append(STUDY, run_ended(number), judged(number))
            number += 1


def throughput(place: Place, seconds: float, writers: int = WRITERS) -> dict[str, Any]:
    """What so many writers get done side by side, and whether all of it is there once."""
    with closing(open_ledger(place)) as ledger:
        ledger.append(STUDY, started())
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(writers + 1)
    processes = [
        spawn.Process(target=write, args=(place, APART * n + 1, seconds, together)) for n in range(writers)
    ]
    for process in processes:
        process.start()
    together.wait()
    begun = time.monotonic()
    for process in processes:
        process.join()
    took = time.monotonic() - begun
    with closing(open_ledger(place, read_only=True)) as ledger:
        record, broken = ledger.study(STUDY), ledger.verify()
        count = sum(1 for _ in ledger.entries(STUDY))
    assert record is not None
    verdicts = sum(record.decisions.values())
    return {
        "writers": writers,
        "seconds": round(took, 1),
        "verdicts": verdicts,
        "verdicts_per_s": round(verdicts / took, 1),
        "chain": broken.problem if broken else "whole",
        "lost_or_doubled": count - 1 - 4 * verdicts,
        "failed_writers": sum(process.exitcode != 0 for process in processes),
    }


def growth(place: Place, sizes: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """CPU of this process, and time, for each verdict behind so many experiments."""
    found, number = {}, 0
    with closing(open_ledger(place)) as ledger:
        ledger.append(STUDY, started())
        for size in sizes:
            while number < size:
                some = range(number, min(number + 500, size))
                events = [(proposed(n), run_started(n), run_ended(n), judged(n)) for n in some]
                ledger.append(STUDY, *(event for each in events for event in each))
                number = some.stop
            cpu, wall = time.process_time(), time.monotonic()
            for number in range(size, size + MEASURED):
                ledger.append(STUDY, proposed(number), run_started(number))
                ledger.append(STUDY, run_ended(number), judged(number))
            number += 1
            found[f"at {size:,} experiments"] = {
                "cpu_ms_per_verdict": round(1000 * (time.process_time() - cpu) / MEASURED, 2),
                "ms_per_verdict": round(1000 * (time.monotonic() - wall) / MEASURED, 2),
            }
    return found


@contextmanager
def places(name: str) -> Iterator[Iterator[Place]]:
    """Fresh places of one kind of ledger."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield (Path(folder, f"{n}.db") for n in range(9))
    else:
        with local_server() as server:
            yield (read_address(server.fresh(), whence="the bench") for _ in range(9))


def flush_ms(folder: Path) -> float:
    """What a flush of this disk takes."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        times = []
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return round(1000 * sorted(times)[25], 2)


def measure(seconds: float, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Both kinds of ledger, or SQLite alone where no server is installed."""
    figures: dict[str, Any] = {"flush, ms": flush_ms(Path(tempfile.gettempdir()))}
    for name in ("sqlite", *(["postgresql"] if program("initdb") else [])):
        with places(name) as fresh:
            figures[f"{name}: writers"] = {
                f"{writers} at once": throughput(next(fresh), seconds, writers) for writers in (1, WRITERS)
            }
            figures[f"{name}: cost"] = growth(next(fresh), sizes)
    return figures


def bars_of(figures: dict[str, Any]) -> list[Bar]:
    """Enough verdicts a second, none lost or doubled, and none that costs more because of those before."""
    found = []
    for name, enough in ENOUGH.items():
        if f"{name}: writers" not in figures:
            continue
        many = figures[f"{name}: writers"][f"{WRITERS} at once"]
        wrong = abs(many["lost_or_doubled"]) + many["failed_writers"] + (many["chain"] != "whole")
        costs = [row["cpu_ms_per_verdict"] for row in figures[f"{name}: cost"].values()]
        found += [
            Bar(
                f"{name}: verdicts a second of {WRITERS} writers",
                many["verdicts_per_s"],
                enough,
                at_least=True,
            ),
            Bar(f"{name}: what went wrong", wrong, 0),
            Bar(f"{name}: the last cost beside the first", round(costs[-1] / costs[0], 2), GROWS),
        ]
    return found


def main() -> int:
    """Measure, print, and hold the bars."""
    parser = arguments("ledger", __doc__ or "")
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("--seconds", type=float, default=15.0, help="for each of the writers")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="experiments")
    asked = parser.parse_args()
    figures = measure(asked.seconds, tuple(asked.sizes))
    return report("ledger", figures, bars_of(figures), json=asked.json, save=asked.save)


if __name__ == "__main__":
    sys.exit(main())
