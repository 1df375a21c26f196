"""Owns what a study's experiments come to for whoever proposes next: each is read once, when it is judged."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Failed
from jumar.core.verdict import Decision
from jumar.rules.snapshot import Snapshot, differing

MOST_NEAR = 60  #: nearest misses that are remembered
MOST_LATEST = 60
TAKEN_BACK = "taken back"


class Attempts:
    """What became of everything that touched one name: a function, a constant, a knob."""

    def __init__(self) -> None:
        self.numbers = 0
        self.latest = BASELINE
        self.kept = 0
        self.lost = 0  # those that were not
        self.ends: Counter[str] = (
            Counter()
        )  # what the others came to: `discarded`, `out of memory`, a breach's code
        self.best: ExperimentRecord | None = None  # of those that were not kept, the highest gain
        self._best_gain = -math.inf
        self.turns: dict[str, list[float]] = {}  # up, down → gains of those that turned this alone

    def add(self, record: ExperimentRecord) -> None:
        """Take in one experiment that touched the name."""
        assert record.verdict is not None
        self.numbers += 1
        self.latest = record.number
        if record.stands:
            self.kept += 1
            return
        self.lost += 1
        self.ends[end_of(record)] += 1
        gain = None if record.refuted else record.verdict.gain
        if gain is not None and gain > self._best_gain:
            self.best, self._best_gain = record, gain


class Recollection:
    """Reads a study's history as far as it is judged, and holds what is worth telling of it.

    Reading again costs only what is new. A history that does not go on where the last one ended
    (another study, a keep that was taken back) is read anew.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._records: Sequence[ExperimentRecord] = Snapshot()
        self._open: list[int] = []
        self.kept: list[ExperimentRecord] = []  # those taken back too, which are told as such
        self.attempts: dict[str, Attempts] = {}
        self.near: list[tuple[float, int]] = []  # (-gain, number), the nearest miss first
        self.judged = 0
        self.decisions: Counter[str] = Counter()  # `kept` are those that stand
        self.lessons: dict[int, str] = {}  # what agents said that experiments taught

    def read(self, history: Sequence[ExperimentRecord]) -> Recollection:
        """Take in what was judged since the last time."""
        changed = differing(self._records, history)
        told, judged = self._records, [place for place in changed if not self._records[place].is_open]
        if len(history) < len(told) or any(not _says_the_same(told[n], history[n]) for n in judged):
            self._reset()
            changed = judged = []
        if judged:  # a champion ran again
            self.kept = [history[record.number] for record in self.kept]
        changed = [place for place in changed if self._records[place].is_open]
        more = range(len(self._records), len(history))
        for place in (*changed, *more):
            if place != BASELINE and not history[place].is_open:
                self._add(history[place])
        self._open = [place for place in (*self._open, *more) if history[place].is_open]
        self._records = history
        return self

    @property
    def open(self) -> tuple[ExperimentRecord, ...]:
        """What is being run, the oldest first."""
        return tuple(self._records[place] for place in self._open)

    def record(self, number: int) -> ExperimentRecord:
        """An experiment by its number."""
        return self._records[number]

    def latest(self) -> Iterator[ExperimentRecord]:
        """What was judged, the newest first."""
        found = (
            record for record in reversed(self._records) if not record.is_open and record.number != BASELINE
        )
        return (record for record, _ in zip(found, range(MOST_LATEST), strict=False))

    def _add(self, record: ExperimentRecord) -> None:
        assert record.verdict is not None
        self.judged += 1
        self.decisions[TAKEN_BACK if record.refuted else record.verdict.decision.value] += 1
        for number, words in lessons_of(record):
            self.lessons[number] = words
        for name in record.experiment.touched or ("nothing that was named",):
            self.attempts.setdefault(name, Attempts()).add(record)
        self._note_turn(record)
        if record.is_kept:
            self.kept.append(record)
        elif (gain := record.verdict.gain) is not None and record.verdict.decision is Decision.DISCARDED:
            bisect.insort(self.near, (-gain, -record.number))
            del self.near[MOST_NEAR:]

    def _note_turn(self, record: ExperimentRecord) -> None:
        """Of a knob that was turned alone, which way and what it gave."""
        changed = record.experiment.details.get("changed")
        gain = record.verdict.gain if record.verdict and not record.refuted else None
        if gain is None or not isinstance(changed, Mapping) or len(changed) != 1:
            return
        ((name, pair),) = changed.items()
        if way := _way(pair):
            self.attempts.setdefault(str(name), Attempts()).turns.setdefault(way, []).append(gain)


def _says_the_same(one: ExperimentRecord, other: ExperimentRecord) -> bool:
    """Whether an experiment that was judged came to the same as before, whatever else ran of it since."""
    return (one.verdict, one.refuted) == (other.verdict, other.refuted)


def _way(pair: Any) -> str:
    match pair:
        case [int() | float() as old, int() | float() as after]:
            return "up" if after > old else "down"
        case [_, after]:
            return f"to {after}"
    return ""


def end_of(record: ExperimentRecord) -> str:
    """What an experiment that was not kept came to, in a word or two that many share."""
    verdict = record.verdict
    assert verdict is not None
    if record.refuted:
        return TAKEN_BACK
    if verdict.decision is Decision.INVALID:
        return verdict.code or verdict.decision.value
    if verdict.decision is Decision.FAILED:
        failed = [run.outcome for run in record.runs if isinstance(run.outcome, Failed)]
        return failed[-1].why.value if failed else verdict.decision.value
    for kind in ("guard", "check failed", "stopped", "overtaken", "rejected", "undecided", "did not hold"):
        if verdict.reason.startswith(kind):
            return kind
    return "not better"


def lessons_of(record: ExperimentRecord) -> Iterable[tuple[int, str]]:
    """What the agent of an experiment said that earlier ones taught: (number, words)."""
    said = record.experiment.details.get("lessons")
    if not isinstance(said, Mapping):
        return
    for number, words in said.items():
        if str(number).isdecimal() and int(number) < record.number and isinstance(words, str):
            yield int(number), words
