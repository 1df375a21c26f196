"""Owns when a study ends: which limit was reached, and how much time that leaves."""

from __future__ import annotations

import msgspec

from jumar.core.contract import Direction, LimitTerms, Metric


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a study has come, as its limits count it."""

    experiments: int = 0  #: judged, the baseline not counted
    retests: int = 0  #: of the latest of these, without a break: what was overtaken, tried again
    since_keep: int = 0  #: judged since the last keep
    hours: float = 0.0  #: that a controller had the study, all sittings together
    usd: float = 0.0
    value: float | None = None  #: the champion's, once it is known


def reached(limits: LimitTerms, progress: Progress, metric: Metric) -> str | None:
    """The first limit that was reached, in words; None while there is none."""
    if _at_target(limits.target, progress.value, metric):
        return f"the target was reached: {metric.name} {progress.value:.6g} (limit {limits.target:g})"
    counts = (
        (limits.experiments, progress.experiments, _made(limits.experiments, progress)),
        (limits.hours, progress.hours, _passed(progress.hours)),
        (limits.usd, progress.usd, f"{progress.usd:.2f} USD were spent"),
        (limits.plateau, progress.since_keep, _kept_nothing(progress.since_keep)),
    )
    for limit, spent, words in counts:
        if limit is not None and spent >= limit:
            return f"{words} (limit {limit:g})"
    return None


def _made(limit: int | None, progress: Progress) -> str:
    """A limit that was lowered since is passed too, and by other experiments than retests."""
    count = progress.experiments
    beyond = limit is not None and limit < count <= limit + progress.retests
    why = ", as what was overtaken is tried again beyond the limit" if beyond else ""
    return ("1 experiment was made" if count == 1 else f"{count} experiments were made") + why


def _passed(hours: float) -> str:
    said = f"{hours:.3g}"
    return "1 hour has passed" if said == "1" else f"{said} hours have passed"


def _kept_nothing(count: int) -> str:
    return "the last experiment kept nothing" if count == 1 else f"{count} experiments in a row kept nothing"


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
    paced = ((limits.experiments, progress.experiments), (limits.usd, progress.usd))
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
