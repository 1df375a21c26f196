"""How far a study's numbers can be trusted: the chain, the sandbox, the breaches, whose word a number is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from jumar.core.contract import Contract
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.verdict import Decision
from jumar.reports.asked import Fact, told
from jumar.reports.summary import Summary
from jumar.reports.values import tried
from jumar.reports.words import moment, plural, size

MOST_EXAMPLES = 5
MOST_BREACHES = 50


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """Proposals that broke the contract in one way; their runs were not made, or count for nothing."""

    code: str
    count: int
    examples: tuple[int, ...]  #: the latest of them
    detail: str  #: the latest one's, in words


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the record and the repository found, as the report was written."""

    chain: str = ""  #: what a check of the ledger's chain found, in words
    promises: tuple[str, ...] = ()  #: of the sandbox
    branch: str = ""
    branch_at: str | None = ""  #: the commit it is at; None where it is gone, empty where nobody looked


def breaches_of(experiments: Sequence[ExperimentRecord]) -> tuple[Breach, ...]:
    """Breaches of the contract by code, the most frequent first."""
    found: dict[str, list[ExperimentRecord]] = defaultdict(list)
    for record in tried(experiments):
        verdict = record.verdict
        if verdict and verdict.decision is Decision.INVALID and not verdict.is_withdrawn:
            found[verdict.code or "breach"].append(record)
    made = [
        Breach(
            code=code,
            count=len(records),
            examples=tuple(record.number for record in records[-MOST_EXAMPLES:]),
            detail=records[-1].verdict.reason if records[-1].verdict else "",
        )
        for code, records in found.items()
    ]
    return tuple(sorted(made, key=lambda breach: (-breach.count, breach.code))[:MOST_BREACHES])


def trust_in(
    record: StudyRecord, contract: Contract, summary: Summary, seen: Seen, doubted: int
) -> tuple[Fact, ...]:
    """What stands behind the numbers, and what does not. `doubted` results were hard to believe."""
    terms = record.terms
    scored = "the run's own output: self-reported" if contract.self_reported else "a scorer out of reach"
    machine = dict(terms.machine)
    if isinstance(memory := machine.pop("memory_bytes", None), int):
        machine["memory"] = size(memory)
    refuted = summary.refuted_in_words()
    lost = summary.effort.lost_runs
    doubts = (
        f"{plural(doubted, 'experiment')} too good to be believed at once: scored strictly, in more pairs"
    )
    return told((
        Fact(name="numbers come from", words=scored, kind="warning" if contract.self_reported else "words"),
        Fact(name="chain", words=seen.chain, kind="warning" if seen.chain.startswith("broken") else "words"),
        Fact(name="record", words=f"{record.last_seq:,} entries, each chained to the one before"),
        Fact(name="branch", words=_branch(record, seen),
             kind="words" if _is_there(record, seen) else "warning"),
        Fact(name="sandbox", words=terms.sandbox),
        Fact(name="it keeps", words=", ".join(promise.replace("_", " ") for promise in seen.promises)),
        Fact(name="done without", words=", ".join(terms.waived) or "nothing",
             kind="warning" if terms.waived else "words"),
        Fact(name="refuted", words=refuted, kind="warning"),
        Fact(name="quarantined", words=doubts if doubted else ""),
        Fact(name="lost runs", words=f"{plural(lost, 'run')}, through no fault of theirs" if lost else ""),
        Fact(name="pinned to", words=terms.base, kind="code"),
        Fact(name="started", words=moment(record.started_at)),
        Fact(name="stands at", words=": ".join(filter(None, (record.condition.value, record.reason)))),
        Fact(name="machine", words=", ".join(f"{key} {_listed(of)}" for key, of in machine.items() if of)),
    ))  # fmt: skip


def _is_there(record: StudyRecord, seen: Seen) -> bool:
    return seen.branch_at in ("", record.champion_commit)


def _branch(record: StudyRecord, seen: Seen) -> str:
    """Where the champion can be merged from, and what mends a branch that is not there."""
    champion = record.champion_commit
    if not seen.branch or seen.branch_at == "":
        return seen.branch
    if seen.branch_at is None:
        return f"{seen.branch} is gone; `git branch {seen.branch} {champion[:12]}` brings it back"
    if seen.branch_at != champion:
        return f"{seen.branch} is at {seen.branch_at[:12]}, and the champion is {champion[:12]}"
    return f"{seen.branch}, at the champion"


def _listed(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
