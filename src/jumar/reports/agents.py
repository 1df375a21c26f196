"""What each agent of a study proposed, what came of it, and what it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Metric
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.verdict import Claim
from jumar.reports.findings import parents, share_of
from jumar.reports.values import Values, tried
from jumar.reports.words import duration, money, percent
from jumar.rules.polish import authors_of


class AgentShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent proposed, and what came of it.

    A code change that was kept after the tuner had polished it is its author's keep; the trials are told
    apart from the tuner's own proposals, and so are second trials of what was overtaken. What was
    certified is divided among the keeps that led there, by the gain that each was kept for.
    """

    agent: str
    proposals: int
    polishing: int = 0  #: trials of other agents' code changes
    kept: int = 0
    gain: float = 0.0  #: what its keeps moved the champion by, as a share of the baseline: agents' add up
    certified: float | None = None  #: its part of the certified gain; None while there is none
    usd: float = 0.0
    priced: bool = True  #: False: some of what it cost is not known, and not in `usd`
    tokens: int = 0
    tokens_out: int = 0  #: of these, written
    seconds: float = 0.0  #: that it thought
    waited_s: float = 0.0  #: that slots stood free only because it did, as in `core.proposal.Cost`
    waited_share: float = 0.0  #: of the time that the study was worked on
    keep_rate: float | None = None
    usd_per_keep: float | None = None
    usd_per_percent: float | None = None  #: of a certified gain of one per cent


def _tokens_in_words(share: AgentShare) -> str:
    return f"{share.tokens - share.tokens_out:,} / {share.tokens_out:,}" if share.tokens else ""


# Heading → what stands below it; the first is left-aligned.
COLUMNS: Mapping[str, Callable[[AgentShare], str]] = {
    "agent": lambda share: share.agent,
    "proposals": lambda share: _and(share.proposals, share.polishing, "polishing"),
    "kept": lambda share: _and(share.kept, share.keep_rate, "of them"),
    "uncertified gains": lambda share: percent(share.gain, signed=True) if share.kept else "",
    "certified": lambda share: percent(share.certified, signed=True) if share.certified else "",
    "tokens in / out": _tokens_in_words,
    "cost": lambda share: money(share.usd, priced=share.priced) if share.usd or not share.priced else "",
    "a keep": lambda share: f"${share.usd_per_keep:,.2f}" if share.usd_per_keep else "",
    "1 % certified": lambda share: f"${share.usd_per_percent:,.2f}" if share.usd_per_percent else "",
    "the machine waited": lambda share: f"{share.waited_share:.1%}" if share.waited_s >= 1 else "",
    "thought": lambda share: duration(share.seconds) if share.seconds >= 1 else "",
}


def agent_rows(shares: Sequence[AgentShare]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells for a table of the agents; columns with nothing in them are left out."""
    cells = {head: [say(share) for share in shares] for head, say in COLUMNS.items()}
    heads = [head for head, column in cells.items() if any(column)]
    return heads, [list(row) for row in zip(*(cells[head] for head in heads), strict=True)]


def _and(count: int, more: float | None, words: str) -> str:
    if not more:
        return f"{count:,}"
    return f"{count:,} + {more:,} {words}" if isinstance(more, int) else f"{count:,} ({more:.0%})"


class Account(msgspec.Struct):
    """What an agent's own experiments were, and what they took. Added to as they come."""

    made: int = 0
    polishing: int = 0
    again: int = 0  #: second trials of what was overtaken
    usd: float = 0.0
    priced: bool = True
    tokens: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    waited_s: float = 0.0

    def add(self, experiment: Experiment) -> None:
        """Take in what it proposed."""
        details, cost = experiment.details, experiment.cost
        self.made += 1
        self.polishing += "polishes" in details
        self.again += "retest_of" in details and "polishes" not in details
        self.usd += cost.usd
        self.priced = self.priced and cost.priced
        self.tokens += cost.tokens
        self.tokens_out += cost.tokens_out
        self.seconds += cost.seconds
        self.waited_s += cost.waited_s


class Merit(NamedTuple):
    """Whose a keep is, what it was built on, and its gain, a share of the baseline; None if taken back."""

    author: str
    parent: int | None
    gain: float | None


def agent_shares(
    experiments: Sequence[ExperimentRecord],
    values: Values,
    metric: Metric,
    claim: Claim | None,
    active_s: float = 0.0,
) -> tuple[AgentShare, ...]:
    """Each agent's proposals, keeps, gain and cost, the largest gain first.

    `active_s` is how long the study was worked on.
    """
    before, authors = parents(experiments, values), authors_of(experiments)
    base = next((values.of(record) for record in experiments if record.number == BASELINE), None)
    numbers = {record.experiment.commit: record.number for record in experiments if record.is_kept}
    accounts: dict[str, Account] = {}
    merits: dict[int, Merit] = {}
    for record in tried(experiments):
        accounts.setdefault(record.experiment.agent, Account()).add(record.experiment)
        if record.is_kept:
            parent, gain = record.experiment.parent, None
            if record.stands and parent in before:
                gain = moved(metric, base, before[parent], values.of(record))
            merits[record.number] = Merit(authors[record.number], numbers.get(parent), gain)
    return shares_of(accounts, merits, claim, active_s)


def moved(metric: Metric, base: float | None, before: float | None, value: float | None) -> float:
    """What a keep moved the champion by, as a share of the baseline's value; none where one is not known."""
    if base is None or before is None or value is None:
        return 0.0
    return share_of(metric.gain(before, value), base)


def shares_of(
    accounts: Mapping[str, Account], merits: Mapping[int, Merit], claim: Claim | None, active_s: float
) -> tuple[AgentShare, ...]:
    """The same from what each agent took, and the keeps by number."""
    certified = _certified(merits, claim)
    kept: dict[str, int] = defaultdict(int)
    gains: dict[str, float] = defaultdict(float)
    sure: dict[str, float] = defaultdict(float)
    for number, merit in merits.items():
        kept[merit.author] += 1
        gains[merit.author] += merit.gain or 0.0
        sure[merit.author] += (certified or {}).get(number, 0.0)
    shares = [
        _share(
            agent,
            accounts.get(agent, Account()),
            kept[agent],
            gains[agent],
            sure[agent] if certified else None,
        )
        for agent in {**accounts, **kept}
    ]
    if active_s:
        shares = [replace(share, waited_share=share.waited_s / active_s) for share in shares]
    return tuple(sorted(shares, key=lambda share: (-share.gain, share.agent)))


def _share(agent: str, made: Account, kept: int, gain: float, sure: float | None) -> AgentShare:
    proposals, told = made.made - made.polishing - made.again, made.priced and made.usd
    return AgentShare(
        agent=agent,
        proposals=proposals,
        polishing=made.polishing,
        kept=kept,
        gain=gain,
        certified=sure,
        keep_rate=kept / proposals if proposals else None,
        usd_per_keep=made.usd / kept if told and kept else None,
        usd_per_percent=made.usd / (100 * sure) if told and sure else None,
        usd=made.usd,
        priced=made.priced,
        tokens=made.tokens,
        tokens_out=made.tokens_out,
        seconds=made.seconds,
        waited_s=made.waited_s,
    )


def _certified(merits: Mapping[int, Merit], claim: Claim | None) -> dict[int, float] | None:
    """Experiment → its part of what was certified; None while nothing is."""
    if claim is None or not claim.certified:
        return None
    line: list[int] = []
    number: int | None = claim.experiment
    while number is not None and number in merits:
        line.append(number)
        number = merits[number].parent
    whole = sum(max(0.0, merits[each].gain or 0.0) for each in line)
    if not whole:
        return None
    return {each: claim.relative * max(0.0, merits[each].gain or 0.0) / whole for each in line}
