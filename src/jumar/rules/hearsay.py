"""Owns what a study tells of its experiments elsewhere, and when what others tell is not even listened to."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from jumar.core.contract import Contract, Direction, Metric
from jumar.core.experiment import ExperimentRecord
from jumar.core.hearsay import FOREIGN, Hearsay
from jumar.core.proposal import ASKED
from jumar.core.run import Purpose, Side
from jumar.core.verdict import Decision
from jumar.rules.plain import plain, short
from jumar.rules.telling import level_of, quoted

MOST_BYTES = 8 << 10  #: of a record
MOST_WORDS = 600  #: characters of a hypothesis
MOST_NAME = 100  #: characters of a study, a metric or an agent
MOST_GAIN = 1e6
MOST_PAIRS = 1_000  #: of runs that are said to confirm one


def terms_digest(contract: Contract) -> str:
    """What tells whether two effects were measured the same way, but for the code and the machine."""
    run, measure = contract.run, contract.measure
    terms = (run.command, run.budget, run.network, measure.metric, measure.score, measure.serve)
    return hashlib.sha256(msgspec.json.encode(terms)).hexdigest()


def may_be_told(record: ExperimentRecord) -> bool:
    """Whether an experiment has a verdict of the judge, on a commit of its own."""
    own = record.experiment.commit != record.experiment.parent
    return own and record.verdict is not None and record.verdict.decision is not Decision.INVALID


def told(record: ExperimentRecord, study: str, ledger: str, contract: Contract) -> Hearsay:
    """What others are told of an experiment, which is as agents see it: veiled, without certifying runs."""
    experiment, verdict, metric = record.experiment, record.verdict, contract.measure.metric
    assert verdict is not None
    gain, interval = _effect(record, metric)
    return Hearsay(
        ledger=ledger,
        study=short(study, MOST_NAME),
        number=record.number,
        commit=experiment.commit,
        parent=experiment.parent,
        metric=short(metric.name, MOST_NAME),
        direction=metric.direction,
        terms=terms_digest(contract),
        self_reported=contract.self_reported,
        hypothesis=short(experiment.hypothesis, MOST_WORDS),
        agent=short(experiment.agent.partition(":")[0], MOST_NAME),
        of=adopted_name(experiment.details),
        decision=verdict.decision,
        taken_back=bool(record.refuted),
        gain=gain,
        interval=interval,
        pairs=_pairs(record),
        at=record.judged_at or 0.0,
    )


def _effect(record: ExperimentRecord, metric: Metric) -> tuple[float | None, tuple[float, float] | None]:
    """Gain and interval as shares of what the champion had beside it; six digits say all there is to say."""
    verdict, level = record.verdict, level_of(record, metric)
    if verdict is None or verdict.gain is None or not level:
        return None, None
    low, high = verdict.interval or (math.nan, math.nan)
    shares = [float(f"{value / abs(level):.6g}") for value in (verdict.gain, low, high)]
    if not _is_effect(shares[0]):
        return None, None
    return shares[0], (shares[1], shares[2]) if all(map(_is_effect, shares)) else None


def adopted_name(details: Mapping[str, Any]) -> str:
    """The claim that an experiment with these details adopted; empty where it is no such."""
    came = details.get(FOREIGN)
    return str(came.get("name", "")) if isinstance(came, Mapping) else ""


def _pairs(record: ExperimentRecord) -> int:
    return sum(
        run.run.purpose is Purpose.CONFIRM and run.run.side is Side.REFERENCE and run.outcome is not None
        for run in record.runs
    )


def write_record(hearsay: Hearsay) -> bytes:
    """A record as it travels."""
    return msgspec.json.format(msgspec.json.encode(hearsay), indent=1) + b"\n"


def read_record(content: bytes, ledger: str, number: int, commit: str, parent: str) -> Hearsay:
    """The record that stands on `commit`, told by `ledger` under `number`.

    Raises ValueError, in words, for one that is malformed or says that it is about something else.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"the record has more than {MOST_BYTES:,} bytes")
    try:
        found = msgspec.json.decode(content, type=Hearsay)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the record cannot be read: {short(str(error), 200)}") from error
    if found.commit != commit:
        raise ValueError(f"the record is about commit {found.commit[:10]}, and stands on {commit[:10]}")
    if found.parent != parent:
        raise ValueError(
            f"the record says it was made on {found.parent[:10]}; its commit was on {parent[:10]}"
        )
    if (found.ledger, found.number) != (ledger, number):
        raise ValueError(f"the record says that it is {found.name}")
    _check_values(found)
    return found


def _check_values(found: Hearsay) -> None:
    words = (found.study, found.metric, found.agent, found.hypothesis)
    if any(plain(text) != text for text in words):
        raise ValueError("the record has control characters")
    if len(found.hypothesis) > MOST_WORDS or any(len(text) > MOST_NAME for text in words[:3]):
        raise ValueError("the record's words are too long")
    shares = [share for share in (found.gain, *(found.interval or ())) if share is not None]
    in_order = found.interval is None or found.interval[0] <= found.interval[1]
    if not all(map(_is_effect, shares)) or not in_order or not math.isfinite(found.at):
        raise ValueError("the record's numbers are no effect")
    if not 0 <= found.pairs <= MOST_PAIRS:
        raise ValueError(f"the record tells of {found.pairs} pairs of runs")
    if found.decision is Decision.INVALID:
        raise ValueError("the record tells of nothing that was run")


def check_gain(found: Hearsay, metric: Metric, level: float) -> None:
    """Raise ValueError for a gain in our metric that leaves less than nothing of values like our `level`."""
    falls = (found.metric, found.direction) == (metric.name, Direction.MINIMIZE) and level > 0
    if falls and any(share >= 1 for share in (found.gain, *(found.interval or ())[:1]) if share is not None):
        raise ValueError(f"it claims that {metric.name} fell by all there was, or more")


def _is_effect(share: float) -> bool:
    return math.isfinite(share) and abs(share) <= MOST_GAIN


def promising(told_here: Iterable[Hearsay], had: Iterable[str] = ()) -> list[Hearsay]:
    """What is said to be a gain, the largest first: by the lower end of its interval, where it has one.

    Ledgers take turns, so that one with many claims, or large ones, does not crowd out the others; those
    of which we `had` fewer claims, by name, come first.
    """
    turns = Counter(name.partition("/")[0] for name in had)
    placed = []
    for each in sorted((each for each in told_here if each.stands), key=_promise):
        placed.append((turns[each.ledger], each))
        turns[each.ledger] += 1
    return [each for _, each in sorted(placed, key=lambda turn: turn[0])]


def _promise(hearsay: Hearsay) -> tuple[float, str]:
    ends = hearsay.interval
    least = ends[0] if ends else hearsay.gain if hearsay.gain is not None else -math.inf
    return -least, hearsay.name


class Elsewhere:
    """What other ledgers claim to be gains, and what was adopted of it."""

    def __init__(self) -> None:
        self.claims: dict[str, Hearsay] = {}  # by name
        self.waiting: dict[int, str] = {}  # entry that asks for it → a claim's name, and a proposal's digest
        self.adopted: set[str] = set()  # names of what became an experiment

    def enter(self, details: Mapping[str, Any]) -> None:
        """An experiment entered the record."""
        self.waiting.pop(details.get(ASKED, 0), None)
        if name := adopted_name(details):
            self.adopted.add(name)

    def untried(self) -> list[Hearsay]:
        """What nobody has adopted, the largest first."""
        known = {words.partition(" ")[0] for words in self.waiting.values()} | self.adopted
        return promising((each for each in self.claims.values() if each.name not in known), known)


def claimed(hearsay: Hearsay) -> str:
    """The effect that is claimed, in words: `kept there, +2.1 % (1.5 to 2.8 %) in 3 pairs`."""
    decision = "taken back there" if hearsay.taken_back else f"{hearsay.decision.value} there"
    if hearsay.gain is None:
        return decision
    ends = hearsay.interval
    between = f" ({100 * ends[0]:.3g} to {100 * ends[1]:.3g} %)" if ends else ""
    pairs = "" if not hearsay.pairs else " in 1 pair" if hearsay.pairs == 1 else f" in {hearsay.pairs} pairs"
    return f"{decision}, {100 * hearsay.gain:+.3g} %{between}{pairs}"


def hearsay_line(hearsay: Hearsay, *, with_effect: bool) -> str:
    """A line for a brief; the words are marked as somebody else's."""
    effect = f": {claimed(hearsay)}" if with_effect else ""
    return f"- {hearsay.name[:6]}/{hearsay.number} {quoted(hearsay.hypothesis)}{effect}"
