"""The record: events appended once, chained, and the tables that are drawn from them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Protocol

import msgspec

from jumar.core.event import Entry, Event, StudyStarted
from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import Claim, Decision


class Condition(enum.Enum):
    """What a study is doing, as far as the ledger knows."""

    RUNNING = "running"  #: a controller has it (or died holding it; the lock tells)
    PAUSED = "paused"  #: a person asked it to start nothing new
    RESTING = "resting"  #: nobody runs it; it can be taken up again
    FINISHED = "finished"  #: a limit of its contract was reached


class StudyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A study at a glance; cheap to read however long it has become."""

    name: str
    started_at: float
    terms: StudyStarted
    condition: Condition
    reason: str  #: why it rests, when it does
    champion: int  #: number of the champion's experiment; 0 is the baseline
    champion_commit: str
    last_seq: int
    last_at: float
    decisions: dict[Decision, int]
    open_experiments: int
    cost_usd: float
    claim: Claim | None = None
    active_s: float = 0.0  #: time during which a controller had it; rests and pauses do not count

    def __repr__(self) -> str:
        """In a line; the terms alone would fill a screen, and hold the study's secret."""
        kept = self.decisions.get(Decision.KEPT, 0)
        return (
            f"<study {self.name}: {self.condition.value}, {sum(self.decisions.values())} experiments, "
            f"{kept} kept, champion {self.champion} ({self.champion_commit[:10]})>"
        )


class Ledger(Protocol):
    """Remembers studies, and promises this.

    `append` writes all its events in one durable transaction, or none; it never returns before
    they would survive a power cut. What is decided stays decided: a second verdict, a second
    outcome of a run, a second experiment of the same number, a run of an unknown experiment and
    a study started twice raise LedgerConflict and write nothing. Readers see whole transactions
    and may read while another process writes. Nothing here deletes.
    """

    def append(self, study: str, *events: Event) -> tuple[Entry, ...]: ...

    def entries(self, study: str, *, after: int = 0) -> Iterator[Entry]:
        """The study's entries with `seq` greater than `after`, oldest first."""
        ...

    def studies(self) -> tuple[StudyRecord, ...]:
        """Every study, oldest first."""
        ...

    def study(self, name: str) -> StudyRecord | None: ...

    def experiments(self, study: str, *, last: int | None = None) -> tuple[ExperimentRecord, ...]:
        """All experiments with their runs, or the `last` so many, oldest first."""
        ...

    def experiment(self, study: str, number: int) -> ExperimentRecord | None: ...

    def close(self) -> None: ...


class Artefacts(Protocol):
    """Keeps bytes beside the ledger, compressed, named by the SHA-256 (hex) of what they say."""

    def put(self, content: bytes) -> str:
        """Keep `content`; the same content is kept once. Returns its digest."""
        ...

    def get(self, digest: str) -> bytes:
        """The content. Raises LedgerUnfit when it is missing or no longer has this digest."""
        ...
