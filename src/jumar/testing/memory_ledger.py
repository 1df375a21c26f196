"""A ledger that is gone when its process ends: for tests, and for whoever only simulates."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from jumar.core.event import Entry, Event
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.errors import LedgerUnfit
from jumar.ledgers import chain
from jumar.ledgers.tally import Tally, places, record
from jumar.ledgers.transitions import Marks, take
from jumar.rules.history import History


class MemoryLedger:
    """Keeps every promise of `core.ledger.Ledger` but to outlive its process."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._entries: list[Entry] = []
        self._draw()

    def append(self, study: str, *events: Event) -> tuple[Entry, ...]:
        at, before = self._now(), len(self._entries)
        try:
            for event in events:
                content, decoded = chain.encode(event)
                seq = len(self._entries) + 1
                previous = self._entries[-1].digest if self._entries else chain.GENESIS
                digest = chain.link(previous, seq, at, study, content)
                entry = Entry(seq=seq, at=at, study=study, event=decoded, digest=digest)
                self._take(entry)
                self._entries.append(entry)
        except LedgerUnfit:
            del self._entries[before:]
            self._draw()
            raise
        return tuple(self._entries[before:])

    def entries(self, study: str, *, after: int = 0) -> Iterator[Entry]:
        return (entry for entry in self._entries[after:] if entry.study == study)

    def studies(self) -> tuple[StudyRecord, ...]:
        return tuple(self._record(name) for name in self._tallies)

    def study(self, name: str) -> StudyRecord | None:
        return self._record(name) if name in self._tallies else None

    def experiments(self, study: str, *, last: int | None = None) -> tuple[ExperimentRecord, ...]:
        of = self._histories[study].experiments
        records = tuple(of[number] for number in sorted(of))
        return records if last is None else records[max(0, len(records) - last) :]

    def experiment(self, study: str, number: int) -> ExperimentRecord | None:
        return self._histories[study].experiments.get(number)

    def close(self) -> None:
        """Nothing to free."""

    def _record(self, name: str) -> StudyRecord:
        tally = self._tallies[name]
        entries = {seq: self._entries[seq - 1] for seq in places(tally)}
        return record(name, tally, entries, self._histories[name].active_s)

    def _draw(self) -> None:
        """Fold everything anew: after a refusal, what came before it in the same call must go."""
        self._tallies: dict[str, Tally] = {}
        self._marks: defaultdict[str, Marks] = defaultdict(Marks)
        self._histories: defaultdict[str, History] = defaultdict(History)
        for entry in self._entries:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        study = entry.study
        tally, _ = take(self._tallies.get(study), self._marks[study], study, entry.seq, entry.event)
        self._tallies[study] = tally
        self._histories[study].apply(entry)
