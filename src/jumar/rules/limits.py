"""Owns when a study ends: which limit was reached, how much time that leaves, and what may still be spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from jumar.core.contract import AgentLimits, Direction, LimitTerms, Metric
from jumar.core.desk import Room, Usage
from jumar.errors import NoRoom

_NOTHING_KEPT = "kept nothing"
ROUNDING_USD = 1e-9  # sums of prices are no better than that


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a study has come, as its limits count it."""

    experiments: int = 0  #: judged, the baseline not counted
    retests: int = 0  #: of the latest of these, without a break: what was overtaken, tried again
    since_keep: int = 0  #: judged since the last keep
    hours: float = 0.0  #: that a controller had the study, all sittings together
    usd: float = 0.0
    tokens: int = 0
    value: float | None = None  #: the champion's, once it is known


def reached(limits: LimitTerms, progress: Progress, metric: Metric) -> str | None:
    """The first limit that was reached, in words; None while there is none."""
    if _at_target(limits.target, progress.value, metric):
        return f"the target was reached: {metric.name} {progress.value:.6g} (limit {limits.target:g})"
    counts = (
        (limits.experiments, progress.experiments, _made(limits.experiments, progress)),
        (limits.hours, progress.hours, _passed(progress.hours)),
        (limits.usd, progress.usd, f"{progress.usd:.2f} USD were spent"),
        (limits.tokens, progress.tokens, f"{progress.tokens:,} tokens were read and written"),
        (limits.plateau, progress.since_keep, _kept_nothing(progress.since_keep)),
    )
    for limit, spent, words in counts:
        if limit is not None and spent >= limit:
            return f"{words} (limit {_in_digits(limit)})"
    return None


def _in_digits(limit: float) -> str:
    return f"{limit:,}" if limit >= 10_000 else f"{limit:g}"


def _made(limit: int | None, progress: Progress) -> str:
    """A limit that was lowered since is passed too, and by other experiments than retests."""
    count = progress.experiments
    beyond = limit is not None and limit < count <= limit + progress.retests
    why = ", as what was overtaken is tried again beyond the limit" if beyond else ""
    return ("1 experiment was made" if count == 1 else f"{count} experiments were made") + why


def _passed(hours: float) -> str:
    said = f"{hours:.3g}"
    return "1 hour has passed" if said == "1" else f"{said} hours have passed"


def is_plateau(reason: str) -> bool:
    """Whether a study rests because nothing was kept for long."""
    return f"{_NOTHING_KEPT} (limit" in reason


def _kept_nothing(count: int) -> str:
    return (
        f"the last experiment {_NOTHING_KEPT}"
        if count == 1
        else f"{count} experiments in a row {_NOTHING_KEPT}"
    )


def _at_target(target: float | None, value: float | None, metric: Metric) -> bool:
    if target is None or value is None:
        return False
    return value <= target if metric.direction is Direction.MINIMIZE else value >= target


def time_left_s(limits: LimitTerms, progress: Progress) -> float | None:
    """Seconds until the first limit at the pace so far; None when nothing can be said yet.

    A plateau and a target cannot be foreseen and are left out.
    """
    left_h: list[float] = []
    if limits.hours is not None:
        left_h.append(limits.hours - progress.hours)
    paced = (
        (limits.experiments, progress.experiments),
        (limits.usd, progress.usd),
        (limits.tokens, progress.tokens),
    )
    for limit, spent in paced:
        if limit is not None and spent > 0 and progress.hours > 0:
            left_h.append((limit - spent) * progress.hours / spent)
    return max(0.0, min(left_h)) * 3600 if left_h else None


def must_certify_now(
    limits: LimitTerms, progress: Progress, *, experiment_s: float, certify_s: float
) -> bool:
    """True when an experiment started now would leave too little of `hours` to certify in.

    `experiment_s` is what an experiment usually takes, `certify_s` what a certification does (0
    when there is nothing to certify).
    """
    if limits.hours is None:
        return False
    return (limits.hours - progress.hours) * 3600 < experiment_s + certify_s


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent on asking models, or is set aside for it."""

    usd: float = 0.0
    tokens: int = 0

    def plus(self, usd: float, tokens: int) -> Spent:
        """This and more."""
        return Spent(usd=self.usd + usd, tokens=self.tokens + tokens)


def room(limits: LimitTerms, spent: Mapping[str, Spent], agent: str) -> Room:
    """What is left to an agent of its own limits and of everybody's. `spent` is by agent."""
    bounds = list(_bounds(limits, spent, agent))
    usd = [of.usd - gone.usd for of, gone, _ in bounds if of.usd is not None]
    left = [of.tokens - gone.tokens for of, gone, _ in bounds if of.tokens is not None]
    return Room(
        usd=max(0.0, min(usd)) if usd else None,
        tokens=max(0, min(left)) if left else None,
    )


def check_room(limits: LimitTerms, spent: Mapping[str, Spent], agent: str, most: Usage) -> None:
    """Raises NoRoom where a request that may take `most` could pass a limit, and where nobody can tell."""
    for of, gone, whose in _bounds(limits, spent, agent):
        if of.usd is not None and not most.priced:
            raise NoRoom(
                f"nobody knows what {most.model} costs, so that {whose} usd = {of.usd:g} cannot bound it",
                fix=f"bound it by tokens and take usd out of {whose}, or name a model with a known price",
            )
        if of.usd is not None and gone.usd + most.usd > of.usd + ROUNDING_USD:
            raise NoRoom(
                f"{gone.usd:.2f} USD were spent, and the next request to {most.model} may cost "
                f"{most.usd:.2f} (limit {of.usd:g})",
                fix=f"raise usd in {whose} of jumar.toml",
            )
        if of.tokens is not None and gone.tokens + most.tokens > of.tokens:
            raise NoRoom(
                f"{gone.tokens:,} tokens were read and written, and the next request to {most.model} "
                f"may take {most.tokens:,} (limit {of.tokens:,})",
                fix=f"raise tokens in {whose} of jumar.toml",
            )


def _bounds(
    limits: LimitTerms, spent: Mapping[str, Spent], agent: str
) -> Iterator[tuple[AgentLimits, Spent, str]]:
    """Everybody's limit and the agent's own, with what counts towards each, and where it stands."""
    everybody = Spent()
    for each in spent.values():
        everybody = everybody.plus(each.usd, each.tokens)
    yield AgentLimits(usd=limits.usd, tokens=limits.tokens), everybody, "[limits]"
    if agent in limits.agents:
        yield limits.agents[agent], spent.get(agent, Spent()), f'[limits] agents."{agent}"'


def limits_in_words(limits: LimitTerms) -> str:
    """The limits that are set, as a contract says them."""
    usual = LimitTerms()
    own = [f"{name}: {_said(each, AgentLimits())}" for name, each in limits.agents.items()]
    return "; ".join(filter(None, (_said(limits, usual), *own))) or "none"


def _said(limits: LimitTerms | AgentLimits, usual: LimitTerms | AgentLimits) -> str:
    values = {key: getattr(limits, key) for key in limits.__struct_fields__ if key != "agents"}
    return ", ".join(
        f"{key} = {str(value).lower()}"
        if isinstance(value, bool)
        else f"{key} = {value:_}"
        if isinstance(value, int)
        else f"{key} = {value:g}"
        for key, value in values.items()
        if value != getattr(usual, key)
    )
