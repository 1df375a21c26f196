"""What a run's end alone says: nothing to measure, and why, in words a person can act on."""

from __future__ import annotations

from pathlib import Path

from jumar.core.contract import Clock, RunTerms
from jumar.core.evaluator import FinishedRun
from jumar.core.job import Ending, ExitReport
from jumar.core.outcome import Failed, Why
from jumar.rules.budget import overspent
from jumar.rules.last_words import last_words

_WHY = {
    Ending.SIGNALLED: Why.CRASHED,
    Ending.NOT_STARTED: Why.CRASHED,
    Ending.TIMED_OUT: Why.TIMED_OUT,
    Ending.OVER_CPU: Why.OVER_BUDGET,
    Ending.OUT_OF_MEMORY: Why.OUT_OF_MEMORY,
    Ending.OVER_DISK: Why.OVER_DISK,
    Ending.OVER_OUTPUT: Why.OVER_OUTPUT,
    Ending.CANCELLED: Why.CRASHED,
}
TAIL_BYTES = 1 << 20


def failure(finished: FinishedRun, terms: RunTerms, *, trusted: bool = True) -> Failed | None:
    """Why this run cannot be measured, or None when it ended as it should.

    A self-reported run on a wall clock keeps its own time (the well-known loop trains for five
    minutes and leaves start-up and evaluation out); there the timeout is the only bound.
    """
    report = finished.report
    if not report.succeeded:
        why = _WHY.get(report.ending, Why.CRASHED)
        return Failed(why=why, detail=_in_words(report, finished.log))
    keeps_own_time = terms.budget.clock is Clock.WALL and not trusted
    if not keeps_own_time and (spent := overspent(terms, report)):
        return Failed(why=Why.OVER_BUDGET, detail=spent)
    return None


def _in_words(report: ExitReport, log: Path) -> str:
    """What happened on the first line, with the run's own last word; below it, its last lines."""
    what = _how_it_ended(report)
    if report.detail:
        what += f": {report.detail}"
    last = last_lines(log)
    if not last:
        return what
    if report.ending in (Ending.EXITED, Ending.SIGNALLED):
        what += f": {last.splitlines()[-1]}"
    return f"{what}\n{last}"


def _how_it_ended(report: ExitReport) -> str:
    words = {
        Ending.EXITED: f"exit code {report.exit_code}",
        Ending.TIMED_OUT: f"killed after {report.wall_s:.1f} s",
        Ending.OVER_CPU: f"killed after {report.cpu_s:.1f} CPU seconds",
        Ending.OUT_OF_MEMORY: f"killed at {report.peak_memory_bytes / 1e6:.0f} MB",
        Ending.OVER_OUTPUT: f"killed after printing {report.output_bytes / 1e6:.1f} MB",
        Ending.OVER_DISK: f"killed with {report.disk_bytes / 1e6:.1f} MB in its output folder",
    }
    return words.get(report.ending, report.ending.value)


def tail(log: Path, most: int = TAIL_BYTES) -> bytes:
    """The end of a log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - most))
            return file.read(most)
    except FileNotFoundError:
        return b""


def last_lines(log: Path) -> str:
    """The last few lines of a log, as they may be quoted."""
    return last_words(tail(log, 8192))
