"""Verdicts a second that a ledger takes, from several writers at once, and what the 100,000th costs.

    python -m bench.ledger --json             # SQLite, and PostgreSQL where a server is installed
    python -m bench.ledger --seconds 60       # each with eight writers for a minute

A verdict is what a controller writes of an experiment: two transactions, proposal with the start of its
run, and outcome with verdict. Every writer is a process of its own; the chain is verified afterwards, and
every experiment has to be there once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from jumar.ledgers.place import Place, read_address
from jumar.ledgers.sql import open_ledger
from jumar.testing.events import judged, proposed, run_ended, run_started, started
from jumar.testing.postgres import local_server, program

WRITERS = 8
STUDY = "bench"
APART = 10_000_000  # between the first numbers of two writers
SIZES = (1_000, 100_000)  #: experiments that are there before the cost of one more is measured
MEASURED = 200


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


def growth(place: Place, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """CPU of this process, and time, for each verdict behind so many experiments."""
    found, number = [], 0
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
            found.append(
                {
                    "experiments": size,
                    "cpu_ms_per_verdict": round(1000 * (time.process_time() - cpu) / MEASURED, 2),
                    "ms_per_verdict": round(1000 * (time.monotonic() - wall) / MEASURED, 2),
                }
            )
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


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--seconds", type=float, default=15.0, help="for each of the writers")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="experiments")
    asked = parser.parse_args()
    names = ["sqlite", *(["postgresql"] if program("initdb") else [])]
    results: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]},
        "flush_ms": flush_ms(Path(tempfile.gettempdir())),
    }
    for name in names:
        with places(name) as fresh:
            results[name] = {
                "alone": throughput(next(fresh), asked.seconds, 1),
                "together": throughput(next(fresh), asked.seconds),
                "growth": growth(next(fresh), tuple(asked.sizes)),
            }
    if asked.json:
        json.dump(results, sys.stdout, indent=1)
        return
    print(f"a flush of the disk: {results['flush_ms']} ms; load {results['machine']['load']:.1f}")
    for name in names:
        for kind in ("alone", "together"):
            one = results[name][kind]
            print(
                f"{name}: {one['writers']} writers {one['verdicts_per_s']} verdicts/s in {one['seconds']} s, "
                f"chain {one['chain']}, lost or doubled {one['lost_or_doubled']}"
            )
        for one in results[name]["growth"]:
            print(
                f"{name}: at {one['experiments']} experiments {one['cpu_ms_per_verdict']} ms of CPU a verdict"
            )


if __name__ == "__main__":
    main()
