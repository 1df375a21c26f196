"""What is remembered of experiments: of each a line, in columns; more of champions and of those under way."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

import msgspec

from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.machine import Circumstances
from jumar.core.run import RunRecord
from jumar.core.verdict import Verdict
from jumar.errors import LedgerUnfit
from jumar.reports.fresh import Seen, fresh
from jumar.reports.pages import STATES

NOTHING = math.nan  #: where a number is wanted and there is none
NOBODY = -1  #: instead of the number of an experiment

STATE = {name: code for code, name in enumerate(STATES)}

if TYPE_CHECKING:
    Floats = array[float]
    Wholes = array[int]
else:
    Floats = Wholes = array  # which cannot say of what, before Python 3.12


def floats() -> Floats:
    """A column of floats."""
    return array("d")


def wholes(code: str = "i") -> Wholes:
    """A column of whole numbers."""
    return array(code)


class Columns(msgspec.Struct):
    """Column by column, by number. A missing float is NOTHING, a missing experiment NOBODY.

    `gain`, `low` and `high` are in the metric's unit; `measured` is the share that predictions compare with.
    """

    state: Wholes = msgspec.field(default_factory=lambda: wholes("B"))
    value: Floats = msgspec.field(default_factory=floats)
    gain: Floats = msgspec.field(default_factory=floats)
    low: Floats = msgspec.field(default_factory=floats)
    high: Floats = msgspec.field(default_factory=floats)
    predicted: Floats = msgspec.field(default_factory=floats)
    measured: Floats = msgspec.field(default_factory=floats)
    usd: Floats = msgspec.field(default_factory=floats)
    seconds: Floats = msgspec.field(default_factory=floats)
    cpu_s: Floats = msgspec.field(default_factory=floats)
    proposed_at: Floats = msgspec.field(default_factory=floats)
    judged_at: Floats = msgspec.field(default_factory=floats)
    tokens: Wholes = msgspec.field(default_factory=lambda: wholes("q"))
    parent: Wholes = msgspec.field(default_factory=wholes)
    taught_by: Wholes = msgspec.field(default_factory=wholes)
    runs: Wholes = msgspec.field(default_factory=wholes)
    hypothesis: list[str] = []
    reason: list[str] = []
    touched: list[str] = []
    code: list[str] = []
    agent: list[str] = []
    author: list[str] = []
    known: dict[str, str] = {}  #: the one copy of each text that many have

    def __len__(self) -> int:
        return len(self.state)

    def add(self, number: int) -> None:
        """Make room for the next experiment, of which nothing is known yet."""
        if number != len(self):
            raise LedgerUnfit(
                f"in the record experiment {number} comes right after {len(self) - 1}",
                fix="see what is missing: jumar doctor --ledger",
            )
        self.state.append(STATE["open"])
        self.tokens.append(0)
        for column in (self.value, self.gain, self.low, self.high, self.predicted, self.measured, self.usd):
            column.append(NOTHING)
        for column in (self.seconds, self.cpu_s, self.proposed_at, self.judged_at):
            column.append(NOTHING)
        for whole in (self.parent, self.taught_by, self.runs):
            whole.append(NOBODY)
        for text in (self.hypothesis, self.reason, self.touched, self.code, self.agent, self.author):
            text.append("")
        self.runs[number] = 0
        self.cpu_s[number] = 0.0

    def shared(self, text: str) -> str:
        """The one copy of a text that many experiments have."""
        return self.known.setdefault(text, text)

    def share(self) -> None:
        """Have one copy of each text that many experiments have, as after having been read from a file."""
        for column in (self.touched, self.code, self.agent, self.author):
            column[:] = [self.shared(text) for text in column]

    def get(self, name: str, number: int) -> float | None:
        """A float, or None where there is none."""
        found: float = getattr(self, name)[number]
        return None if math.isnan(found) else found


class Level(msgspec.Struct):
    """A commit that is or was champion: all that was measured of it, for whichever experiment that was.

    `tries` counts the experiments that began from it, by the code of their state.
    """

    number: int
    since: float = 0.0  #: what began before that counts no more
    revisits: list[tuple[int, float]] = []  #: place, start
    tries: Wholes = msgspec.field(default_factory=lambda: array("I", bytes(4 * len(STATES))))
    best_miss: int = NOBODY
    best_gain: float = -math.inf
    log_evidence: float = -math.inf
    place: int | None = None  #: which test of the study it was
    is_gain: bool = False  #: kept because it is better, and not because it is simpler
    values: Floats = msgspec.field(default_factory=floats)
    starts: Floats = msgspec.field(default_factory=floats)
    kinds: Wholes = msgspec.field(default_factory=lambda: wholes("H"))
    unders: list[Circumstances | None] = []
    mean: tuple[Circumstances | None, float | None, int] | None = None

    def add(self, seen: Seen) -> None:
        """Take in what a run measured."""
        if seen.under not in self.unders:
            self.unders.append(seen.under)
        self.values.append(seen.value)
        self.starts.append(seen.started_at)
        self.kinds.append(2 * self.unders.index(seen.under) + seen.is_screen)
        self.mean = None

    def forget_before(self, since: float) -> None:
        """Only what began from then on counts."""
        self.since, self.mean = since, None

    def value(self, under: Circumstances | None) -> tuple[float | None, int]:
        """The mean of the fresh runs as they are made now, and how many these are."""
        if self.mean is None or self.mean[0] != under:
            seen = [
                Seen(value, bool(kind % 2), self.unders[kind // 2], start)
                for value, kind, start in zip(self.values, self.kinds, self.starts, strict=True)
                if start >= self.since
            ]
            counted = fresh(seen, under)
            self.mean = (under, math.fsum(counted) / len(counted) if counted else None, len(counted))
        return self.mean[1], self.mean[2]


class Unsettled(msgspec.Struct):
    """An experiment without a verdict, or with runs that are not over, and all that ran of it."""

    experiment: Experiment
    proposed_at: float
    runs: dict[str, RunRecord] = {}
    held: Verdict | None = None
    place: int | None = None  #: among the study's tests

    def record(self, verdict: Verdict | None, at: float | None) -> ExperimentRecord:
        """As the ledger would give it."""
        return ExperimentRecord(
            experiment=self.experiment,
            proposed_at=self.proposed_at,
            runs=tuple(self.runs.values()),
            verdict=verdict,
            judged_at=at,
            held=None if verdict else self.held,
        )
