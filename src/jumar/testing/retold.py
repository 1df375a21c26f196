"""What happened in a study, told once more from its records: events in their order, each with its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jumar.core.event import (
    Certified,
    Entry,
    Event,
    Judged,
    Proposed,
    Rested,
    Resumed,
    RunEnded,
    RunLost,
    RunStarted,
)
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.machine import Circumstances

Told = tuple[float, Event]


def retold(
    record: StudyRecord, records: Sequence[ExperimentRecord], under: Circumstances | None = None
) -> Iterator[Told]:
    """One sitting in which every experiment was proposed, run and judged before the next one."""
    yield record.started_at, record.terms
    yield record.started_at, Resumed(pid=1, host="retold", under=under)
    for one in records:
        yield one.proposed_at, Proposed(experiment=one.experiment)
        yield from of_runs(one)
        if one.verdict:
            yield one.judged_at or one.proposed_at, Judged(experiment=one.number, verdict=one.verdict)
    if record.claim:
        yield record.last_at, Certified(claim=record.claim)
    yield record.last_at, Rested(reason=record.reason, finished=False)


def of_runs(one: ExperimentRecord) -> Iterator[Told]:
    """What happened to an experiment's runs."""
    for run in one.runs:
        yield run.started_at, RunStarted(run=run.run)
        at = run.ended_at or run.started_at
        if run.lost:
            yield at, RunLost(key=run.run.key, reason=run.lost)
        elif run.outcome is not None:
            ended = RunEnded(key=run.run.key, outcome=run.outcome, report=run.report, artefacts=run.artefacts)
            yield at, ended


def entries(study: str, told: Iterable[Told]) -> Iterator[Entry]:
    """The same as a reader is given it, with digests that are none."""
    for seq, (at, event) in enumerate(told, 1):
        yield Entry(seq=seq, at=at, study=study, event=event, digest=f"{seq:064x}")
