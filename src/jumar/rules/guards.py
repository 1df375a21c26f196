"""Owns the second measurements: which bound a run breaks, if any."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from jumar.core.contract import Guard

# What the candidate's code spends while it is scored is in no budget: work would move there. Answers
# may cost more where they are better: on tinylm three times the parameters cost 1.5 times as much, because
# most of it is starting up. Half a second is for interpreters that start at different speeds.
SERVING = Guard(name="serve_cpu_s", at_most=True, bound=1.5, relative=True, plus=0.5)


def with_implied(guards: Sequence[Guard], *, serves: bool) -> tuple[Guard, ...]:
    """The guards that were asked for, and the one on serving where none of them is on it."""
    implied = serves and SERVING.name not in {guard.name for guard in guards}
    return (*guards, SERVING) if implied else tuple(guards)


def broken_guard(
    guards: Sequence[Guard], others: Mapping[str, float], baseline: Mapping[str, float]
) -> str | None:
    """The first guard that does not hold, in words; None when all hold.

    A measurement that is missing or not finite breaks its guard: silence is no proof. So does a
    relative bound on what the baseline did not measure.
    """
    return next((broken for guard in guards if (broken := _broken(guard, others, baseline))), None)


def with_strictness(
    baseline: Mapping[str, float], usual: Mapping[str, float], strictly: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """What the baseline measured, times what it costs to be scored strictly.

    Strictness asks more of a model that is served; how much more shows on the champion: `usual` is what it
    measures otherwise, and `strictly` what it measured in each run that was scored so.
    """
    allowed = dict(baseline)
    for name in allowed.keys() & usual.keys():
        beside = [others[name] for others in strictly if name in others]
        if beside and usual[name]:
            allowed[name] *= fmean(beside) / usual[name]
    return allowed


def _broken(guard: Guard, others: Mapping[str, float], baseline: Mapping[str, float]) -> str | None:
    value = others.get(guard.name)
    if value is None or not math.isfinite(value):
        said = "was not measured" if value is None else f"is {value}"
        return f"guard {guard.name}: it {said}"
    bound = guard.bound
    if guard.relative:
        reference = baseline.get(guard.name)
        if reference is None or not math.isfinite(reference):
            return f"guard {guard.name}: the baseline has no such measurement to compare with"
        bound = bound * reference + guard.plus
    if value <= bound if guard.at_most else value >= bound:
        return None
    sign = "at most" if guard.at_most else "at least"
    plus = f" and {guard.plus:g}" if guard.plus else ""
    of = f" ({guard.bound:g} x the baseline's {reference:.6g}{plus})" if guard.relative else ""
    return f"guard {guard.name}: {value:.6g} is not {sign} {bound:.6g}{of}"
