"""A community of simulated researchers on the real loop: what it finds, what it repeats, what it costs.

Sixty-four workers and thousands of runs on synthetic landscapes of ideas (`bench/ideas.py`), beside one
sequential loop with as many runs, and as many loops that know nothing of one another. Machine and
researchers are pretended (`bench/pretend.py`); loop, rules, judge and ledger are the product's.
Then the CPU that the controller itself takes for a verdict, ledger included, as the study becomes long.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench.common import Bar, arguments, report
from bench.ideas import START, TERMS, Community, Landscape, Terms, Thinker
from bench.pretend import RUN_S, Commits, Night, PretendedWorkspace, pretended
from jumar.core.event import Entry, Judged, RunEnded
from jumar.ledgers.sql import open_ledger
from jumar.rules.history import History
from jumar.rules.selection import STARTS_FROM
from jumar.study.loop import Loop
from jumar.study.tick import Tick

WORKERS = 64
RUNS = 4096
SHARES = (0.0, 0.1, 0.25)  # of the proposals that start from a near miss
FOCUS = (0.0, 0.5, 1.0)  # how often whoever is shown one goes on with what it is about
RARE = Terms(
    "rare gains", 0.70, 0.298, 2.0, ideas=200_000
)  # for the long study: as few keeps as long ones have
MARKS = (1_000, 10_000, 100_000)
WINDOW = 1_000  # experiments after a mark over which its cost is averaged
TURN = 25  # verdicts
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Tally(NamedTuple):
    """What became of one study, or of many beside one another."""

    gain: float  #: of the champion, in truth
    runs: int
    hours: float
    judged: int
    keeps: int
    false: int  #: keeps of what is no better
    duplicates: int  #: proposals of what was tried, refused before a run
    again: int  #: experiments that tried an idea which was tried on its own before
    starts: int  #: from a near miss
    claimed: float  #: what the champion's own runs say, for choosing among many


class Case(NamedTuple):
    """One community on one landscape."""

    terms: Terms
    chance: int
    slots: int = WORKERS
    community: Community = Community()
    nearby: float = 0.0
    luck: int = 0  #: tells apart loops that know nothing of one another


def play(case: Case, runs: int) -> Tally:
    """One study, for as long as so many runs take."""
    landscape = Landscape(case.terms, case.chance)
    agent = Thinker(landscape, case.community)
    night = Night(landscape, agent, case.slots, 1000 * case.chance + case.luck, case.nearby)
    with pretended(night, lambda _: None) as parts:
        Loop(parts).run(hours=runs * RUN_S / case.slots / 3600)
        history = History()
        for entry in parts.ledger.entries(parts.name):
            history.apply(entry)
        assert isinstance(parts.workspace, PretendedWorkspace)
        return _tally(history, landscape, parts.workspace)


def _tally(history: History, landscape: Landscape, workspace: PretendedWorkspace) -> Tally:
    def mean(commit: str) -> float:
        return landscape.mean(workspace.ideas(commit))

    records = history.records
    kept = [history.experiments[number].experiment for number in history.kept]
    first: set[object] = set()
    again = 0
    for record in records:
        details = record.experiment.details
        if "retest_of" not in details and STARTS_FROM not in details and record.runs:
            again += details.get("idea") in first
            first.add(details.get("idea"))
    return Tally(
        gain=START - mean(history.champion_commit),
        runs=sum(len(record.runs) for record in records),
        hours=history.active_s / 3600,
        judged=history.judged,
        keeps=len(kept),
        false=sum(mean(one.commit) >= mean(one.parent) for one in kept),
        duplicates=sum(1 for record in records if record.verdict and record.verdict.code == "duplicate"),
        again=again,
        starts=sum(1 for record in records if STARTS_FROM in record.experiment.details),
        claimed=START - history.means(history.champion_commit).standing().value,
    )


def independent(case: Case, runs: int) -> Tally:
    """As many loops as there are workers, each with its share of the runs; the best claim counts."""
    alone = [
        play(case._replace(slots=1, luck=1 + number), runs // case.slots) for number in range(case.slots)
    ]
    best = max(alone, key=lambda each: each.claimed)
    summed = {
        name: sum(getattr(each, name) for each in alone) for name in ("runs", "judged", "keeps", "false")
    }
    return best._replace(**summed)


def _community(task: tuple[str, Case, int]) -> Tally:
    how, case, runs = task
    ways = {
        "sequential": lambda: play(case._replace(slots=1), runs),
        "independent": lambda: independent(case, runs),
        "not hearing of what is in hand": lambda: play(case._replace(community=Community(hears=False)), runs),
    }
    return ways[how]() if how in ways else play(case, runs)


HOW = (f"{WORKERS} workers", "sequential", "independent", "not hearing of what is in hand")


def communities(landscapes: int, runs: int, pool: Any) -> dict[str, Any]:
    """Each way of working on each kind of landscape: means."""
    figures: dict[str, Any] = {}
    for terms in TERMS:
        rows = figures[terms.name] = {}
        for how in HOW:
            tasks = [(how, Case(terms, chance), runs) for chance in range(landscapes)]
            rows[how] = _row(pool.map(_community, tasks, chunksize=1))
    return figures


def _row(tallies: Iterable[Tally]) -> dict[str, float]:
    columns = zip(*tallies, strict=True)
    mean = {name: fmean(column) for name, column in zip(Tally._fields, columns, strict=True)}
    return {
        "gain, σ": round(mean["gain"], 2),
        "gain per 1,000 runs": round(1000 * mean["gain"] / mean["runs"], 2),
        "runs": round(mean["runs"]),
        "hours": round(mean["hours"], 1),
        "experiments": round(mean["judged"]),
        "keeps": round(mean["keeps"], 1),
        "false keeps": round(mean["false"], 2),
        "duplicates refused": round(mean["duplicates"], 1),
        "ideas run twice": round(mean["again"], 1),
    }


def _selected(case: Case, runs: int) -> float:
    return play(case, runs).gain


def selections(landscapes: int, runs: int, pool: Any) -> dict[str, Any]:
    """What it gains to start now and then from a near miss, landscape by landscape."""
    figures: dict[str, Any] = {}
    for terms in TERMS[1:]:
        chances = range(landscapes)
        plain = pool.map(partial(_selected, runs=runs), [Case(terms, n) for n in chances], chunksize=1)
        rows = figures[f"start: {terms.name}"] = {"champion always": {"gain, σ": round(fmean(plain), 2)}}
        for share in SHARES[1:]:
            for focus in FOCUS:
                cases = [Case(terms, n, community=Community(focus=focus), nearby=share) for n in chances]
                gains = pool.map(partial(_selected, runs=runs), cases, chunksize=1)
                more = [gain - before for gain, before in zip(gains, plain, strict=True)]
                error = stdev(more) / len(more) ** 0.5 if len(more) > 1 else float("nan")
                rows[f"{share:.0%} near misses, focus {focus:.0%}"] = {
                    "gain, σ": round(fmean(gains), 2),
                    "more": round(fmean(more), 2),
                    "± (se)": round(error, 2),
                }
    return figures


class Meter:
    """CPU of this process at every verdict. After TURN of them it waits until it is told to go on."""

    def __init__(self, told: Connection) -> None:
        self._told = told
        self.at: list[float] = []
        self.runs = 0

    def observe(self, event: Entry | Tick) -> None:
        """Take an entry in as it becomes durable."""
        if not isinstance(event, Entry):
            return
        self.runs += isinstance(event.event, RunEnded)
        if isinstance(event.event, Judged):
            self.at.append(time.process_time())
            if len(self.at) % TURN == 0:
                self._told.send(None)
                self._told.recv()


class Cost(NamedTuple):
    """What a controller takes, and what it did for that."""

    cpu_ms: float  #: for a verdict
    runs: float  #: for a verdict
    taken_up_s: float  #: CPU, to read the record
    memory_mb: float  #: of the process at most; researchers and commits that are pretended take some


def controller(marks: Iterable[int]) -> dict[str, Any]:
    """CPU of the controller for a verdict at each mark of one long study, its SQLite ledger included.

    Milliseconds of a process in all: it does the researchers' thinking and the pretending too. One study is
    played to the last mark. Then it is taken up as it was at each, by a process for each, and goes on from
    there: in turns of a few verdicts, so that what else the machine does is the same for all of them.
    """
    landscape = Landscape(RARE, 0)
    night = Night(landscape, Thinker(landscape, Community()), WORKERS)
    figures: dict[str, Any] = {}
    spawn = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="jumar-bench-", dir=SCRATCH) as place:
        copies = {mark: Path(place) / f"{mark}.db" for mark in marks}
        commits = _played(night, Path(place) / "ledger.db", copies)
        ends = {}
        for mark, copy in copies.items():
            ends[mark], end = spawn.Pipe()
            spawn.Process(target=_go_on, args=(end, copy, commits[mark]), daemon=True).start()
        while ends:
            for mark, told in tuple(ends.items()):
                told.send(None)
                if isinstance(cost := told.recv(), Cost):
                    del ends[mark]
                    rounded = {name: round(value, 3) for name, value in cost._asdict().items()}
                    figures[f"{mark:,} experiments"] = rounded
    return {f"{mark:,} experiments": figures[f"{mark:,} experiments"] for mark in copies}


def _played(night: Night, place: Path, copies: Mapping[int, Path]) -> dict[int, Commits]:
    """Play a study, copy its ledger at each mark, and return the commits that there were by then."""
    ledger = open_ledger(place)
    commits: dict[int, Commits] = {}
    with pretended(night, lambda _: None, ledger=ledger) as parts:
        judged = 0
        for mark, copy in copies.items():
            Loop(parts).run(experiments=mark - judged)
            judged = mark
            with closing(sqlite3.connect(place)) as full, closing(sqlite3.connect(copy)) as other:
                full.backup(other)
            assert isinstance(parts.workspace, PretendedWorkspace)
            made, refs = parts.workspace.commits
            commits[mark] = Commits({**made}, {**refs})
    ledger.close()
    return commits


def _go_on(told: Connection, place: Path, commits: Commits) -> None:
    """Take a study up, and play WINDOW experiments of it in turns."""
    landscape, meter = Landscape(RARE, 0), Meter(told)
    night = Night(landscape, Thinker(landscape, Community()), WORKERS)
    ledger = open_ledger(place)
    with pretended(night, meter.observe, ledger=ledger, commits=commits) as parts:
        began = time.process_time()
        loop = Loop(parts)
        taken_up_s = time.process_time() - began
        told.recv()
        loop.run(experiments=WINDOW)
    ledger.close()
    settled = len(meter.at) // 10  # verdicts; before that agents read what there is
    count = len(meter.at) - 1 - settled
    cpu_ms = 1000 * (meter.at[-1] - meter.at[settled]) / count
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told.send(Cost(cpu_ms, meter.runs / len(meter.at), taken_up_s, most_mb))


def bars(figures: Mapping[str, Any], marks: tuple[int, ...]) -> list[Bar]:
    """What has to hold."""
    found = []
    for terms in TERMS:
        rows = figures[terms.name]
        swarm, alone, apart = (rows[how] for how in HOW[:3])
        if terms.null == 1.0:
            found.append(Bar("nothing helps: false keeps of the swarm", swarm["false keeps"], 0.5))
            continue
        share = swarm["false keeps"] / max(1.0, swarm["keeps"])
        found += [
            Bar(f"{terms.name}: share of false keeps", share, 0.10),
            Bar(
                f"{terms.name}: gain in an hour beside sequential",
                swarm["gain, σ"] / swarm["hours"] / (max(0.1, alone["gain, σ"]) / alone["hours"]),
                5.0,
                at_least=True,
            ),
            Bar(
                f"{terms.name}: gain less that of independent loops",
                swarm["gain, σ"] - apart["gain, σ"],
                0.0,
                at_least=True,
            ),
            Bar(
                f"{terms.name}: experiments that repeat",
                (swarm["duplicates refused"] + swarm["ideas run twice"]) / swarm["experiments"],
                0.01,
            ),
        ]
    first, last = (figures["controller"][f"{mark:,} experiments"]["cpu_ms"] for mark in (marks[0], marks[-1]))
    found.append(Bar("controller, CPU ms for a verdict at the last mark", last, 5.0))
    found.append(Bar("controller, the last mark beside the first", last / first, 1.2))
    return found


def main() -> int:
    """Simulate, measure, print, and say by the exit code whether every bar holds."""
    parser = arguments("swarm", __doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--landscapes", type=int, default=6, help="of each kind (6)")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each community ({RUNS})")
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS)
    asked = parser.parse_args()
    marks = tuple(asked.marks)
    figures: dict[str, Any] = {"workers": WORKERS, "landscapes": asked.landscapes, "asked runs": asked.runs}
    figures["controller"] = controller(marks)
    with multiprocessing.Pool(min(2, os.cpu_count() or 1)) as pool:
        figures |= communities(asked.landscapes, asked.runs, pool)
        figures |= selections(asked.landscapes, asked.runs, pool)
    return report("swarm", figures, bars(figures, marks), json=asked.json, save=asked.save)


if __name__ == "__main__":
    sys.exit(main())
