"""Turns a finished run into a measurement, outside the candidate's reach."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from jumar.core.job import ExitReport, Job
from jumar.core.outcome import Outcome
from jumar.core.run import Run

SCORE_FILE = "score.json"  #: in a scorer's output folder
MOST_SCORE_BYTES = 32 << 20


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that ended, with what it left behind. Everything in `out` and `log` is untrusted."""

    run: Run
    report: ExitReport
    tree: Path
    out: Path
    log: Path
    work: Path  #: a fresh folder for the evaluator, removed afterwards

    @property
    def scored(self) -> Path:
        """The scorer's output folder."""
        return self.work / "score"

    @property
    def score_log(self) -> Path:
        """What the scorer printed."""
        return self.work / "score.log"


class Evaluator(Protocol):
    """Measures, and promises never to execute, import or unpickle what a candidate wrote.

    Measuring has two halves so that the loop never waits inside it: `scoring` gives the job that
    computes the score (None where the output alone decides, or the run gave nothing to score);
    `measure` reads what came of it. Neither raises for the candidate's fault.
    """

    trusted: bool  #: False: every number is self-reported, and is called so wherever it appears

    def scoring(self, finished: FinishedRun) -> Job | None: ...

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome: ...
