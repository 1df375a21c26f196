"""What each agent of a study proposed, what came of it, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Metric
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.verdict import Claim
from jumar.reports.findings import parents, relative_gain
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
    gain: float = 0.0  #: sum of the relative gains of its keeps
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
    gains: dict[int, float] = {}
    for record in tried(experiments):
        if record.stands and record.experiment.parent in before:
            gain = relative_gain(record, values, metric, before[record.experiment.parent])
            gains[record.number] = gain or 0.0
    certified = _certified(experiments, gains, claim)
    by_author: dict[str, list[ExperimentRecord]] = {}
    by_agent: dict[str, list[ExperimentRecord]] = {}
    for record in tried(experiments):
        by_agent.setdefault(record.experiment.agent, []).append(record)
        by_author.setdefault(authors[record.number], []).append(record)
    shares = [
        _share(agent, by_agent.get(agent, []), by_author.get(agent, []), gains, certified)
        for agent in {**by_agent, **by_author}
    ]
    if active_s:
        shares = [replace(share, waited_share=share.waited_s / active_s) for share in shares]
    return tuple(sorted(shares, key=lambda share: (-share.gain, share.agent)))


def _share(
    agent: str,
    made: Sequence[ExperimentRecord],
    own: Sequence[ExperimentRecord],
    gains: Mapping[int, float],
    certified: Mapping[int, float] | None,
) -> AgentShare:
    costs, kept = [record.experiment.cost for record in made], sum(1 for record in own if record.is_kept)
    details = [record.experiment.details for record in made]
    polishing = sum("polishes" in of for of in details)
    again = sum("retest_of" in of and "polishes" not in of for of in details)
    proposals, usd = len(made) - polishing - again, sum(cost.usd for cost in costs)
    priced = all(cost.priced for cost in costs)
    sure = sum(certified.get(record.number, 0.0) for record in own) if certified else None
    return AgentShare(
        agent=agent,
        proposals=proposals,
        polishing=polishing,
        kept=kept,
        gain=sum(gains.get(record.number, 0.0) for record in own),
        certified=sure,
        keep_rate=kept / proposals if proposals else None,
        usd_per_keep=usd / kept if priced and usd and kept else None,
        usd_per_percent=usd / (100 * sure) if priced and usd and sure else None,
        usd=usd,
        priced=priced,
        tokens=sum(cost.tokens for cost in costs),
        tokens_out=sum(cost.tokens_out for cost in costs),
        seconds=sum(cost.seconds for cost in costs),
        waited_s=sum(cost.waited_s for cost in costs),
    )


def _certified(
    experiments: Sequence[ExperimentRecord], gains: Mapping[int, float], claim: Claim | None
) -> dict[int, float] | None:
    """Experiment → its part of what was certified; None while nothing is."""
    if claim is None or not claim.certified:
        return None
    by_number = {record.number: record for record in experiments}
    kept = {record.experiment.commit: record.number for record in experiments if record.is_kept}
    line: list[int] = []
    number: int | None = claim.experiment
    while number is not None and number != BASELINE and number in by_number:
        line.append(number)
        number = kept.get(by_number[number].experiment.parent)
    whole = sum(max(0.0, gains.get(each, 0.0)) for each in line)
    if not whole:
        return None
    return {each: claim.relative * max(0.0, gains.get(each, 0.0)) / whole for each in line}
