"""What a ledger counts about a study, so that a look at it costs the same however long it has become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import msgspec
from msgspec.structs import replace

from jumar.core.event import (
    Answered,
    Asked,
    Certified,
    Entry,
    Event,
    Idled,
    Judged,
    Proposed,
    Refuted,
    Rested,
    Resumed,
    StudyStarted,
    Wish,
)
from jumar.core.experiment import BASELINE
from jumar.core.ledger import Condition, StudyRecord
from jumar.core.verdict import Decision
from jumar.rules.worked import Worked


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """A study's counts, and the places (`seq`) of the entries that say the rest.

    The baseline is counted among the open ones but not among the decisions: those are of proposals.
    """

    started: int
    last: int
    certified: int | None = None  #: where the newest claim is, but for one that refuted what it was about
    condition: Condition = Condition.RESTING
    reason: str = ""
    champion: int = BASELINE
    champion_commit: str
    open: int = 0
    kept: int = 0
    discarded: int = 0
    failed: int = 0
    invalid: int = 0
    cost_usd: float = 0.0


def begin(seq: int, terms: StudyStarted) -> Tally:
    """The counts of a study that was just started."""
    return Tally(started=seq, last=seq, champion_commit=terms.base)


def count(tally: Tally, seq: int, event: Event, commit: str) -> Tally:
    """The counts after one more event; `commit` is of the experiment it is about, if any."""
    tally = replace(tally, last=seq)
    match event:
        case Answered(usage=usage):
            return replace(tally, cost_usd=tally.cost_usd + usage.usd)
        case Proposed(experiment=experiment, answered_usd=answered_usd):
            cost_usd = tally.cost_usd + experiment.cost.usd - answered_usd
            tally = replace(tally, open=tally.open + 1, cost_usd=cost_usd)
            return replace(tally, champion_commit=commit) if experiment.number == BASELINE else tally
        case Judged(experiment=number, verdict=verdict):
            return _count_verdict(tally, number, verdict.decision, commit)
        case Certified():
            return replace(tally, certified=seq)
        case Refuted(champion=champion, commit=to, claim=claim):
            return replace(tally, champion=champion, champion_commit=to, certified=seq if claim else None)
        case Rested(reason=reason):
            tally = replace(tally, reason=reason.replace("\0", ""))  # which no server takes in a column
        case Resumed():
            tally = replace(tally, reason="")
    return replace(tally, condition=_condition(tally.condition, event))


def _condition(old: Condition, event: Event) -> Condition:
    match event:
        case Resumed():
            return Condition.RUNNING
        case Rested(finished=finished):
            return Condition.FINISHED if finished else Condition.RESTING
        # What nobody runs cannot be paused: it rests already.
        case Asked(wish=Wish.PAUSE) if old is Condition.RUNNING:
            return Condition.PAUSED
        case Asked(wish=Wish.RESUME) if old is Condition.PAUSED:
            return Condition.RUNNING
    return old


def _count_verdict(tally: Tally, number: int, decision: Decision, commit: str) -> Tally:
    tally = replace(tally, open=tally.open - 1)
    if number == BASELINE:
        return tally
    tally = replace(tally, **{decision.value: getattr(tally, decision.value) + 1})
    if decision is Decision.KEPT:
        return replace(tally, champion=number, champion_commit=commit)
    return tally


def record(name: str, tally: Tally, entries: Mapping[int, Entry], active_s: float) -> StudyRecord:
    """What readers are told: the counts, and what the entries say that they point at."""
    started, last = entries[tally.started], entries[tally.last]
    certified = entries[tally.certified].event if tally.certified else None
    return StudyRecord(
        name=name,
        started_at=started.at,
        terms=cast(StudyStarted, started.event),
        condition=tally.condition,
        reason=tally.reason,
        champion=tally.champion,
        champion_commit=tally.champion_commit,
        last_seq=tally.last,
        last_at=last.at,
        decisions={decision: getattr(tally, decision.value) for decision in Decision},
        open_experiments=tally.open,
        cost_usd=tally.cost_usd,
        claim=certified.claim if isinstance(certified, Certified | Refuted) else None,
        active_s=active_s,
    )


def active_s(entries: Iterable[Entry], heard_before: Callable[[int], float]) -> float:
    """Seconds during which a controller had the study, from the entries where it began, rested or waited.

    `heard_before` gives the time of the controller's last other entry before a place in the chain.
    """
    worked = Worked()
    for entry in entries:
        if isinstance(entry.event, Resumed) or (isinstance(entry.event, Idled) and entry.event.jumped):
            worked.heard(heard_before(entry.seq))
        worked.apply(entry)
    worked.heard(heard_before(END))
    return worked.seconds


END = 2**31 - 1  #: behind every place; the largest that every database has


def places(tally: Tally) -> list[int]:
    """The entries that `record` needs."""
    return [seq for seq in (tally.started, tally.last, tally.certified) if seq is not None]
