"""Owns stopping a run that its own learning curve shows to be hopeless."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from statistics import fmean

from jumar.core.curve import Curve, Point

# On tinylm the smoothed training loss orders runs safely from 0.4 of the budget on: stopping the
# worse half of 8 there lost the best one in under 0.5 % of draws (at 0.2: 0.5 to 11 %).
DECIDES_AT = 0.4
# What is left then is not worth stopping for, and losses have flattened: of 30 edits of tinylm that
# did nothing, 0.9 stopped 8, all of them past 0.8 of the budget.
SPENT_AT = 0.75
WINDOW = 0.1  # the loss is averaged over this much of the budget; single batches jump
FEWEST_POINTS = 2  # of sparse curves, whose points are means already, so many last ones

# Hopeless is who has not come as far as the champion had been at this share of the way: a margin
# that needs no unit, wide while losses fall fast and narrow when they have flattened. Over 19 curves
# of tinylm with random knobs (10 CPU s, every one beside every other as the champion), 0.75 stopped
# 23 of 40 that ended more than 0.25 nats worse and none of 141 that ended better; 0.8 stopped 35,
# and 2 of the better ones.
LAG = 0.75

# Such edits look better or worse than they are until the very end (a run without its schedule led
# by 0.06 at 0.1 of the budget and lost by 0.04): schedules, averages, and whatever changes what the
# training loss itself means.
_EXEMPT_STARTS = ("warm", "sched", "anneal", "cool", "averag", "cosin", "dropout", "smooth", "entropy")
_EXEMPT = frozenset({"ema", "swa", "avg", "decay", "loss", "losses", "aux", "polyak", "lookahead"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def hopeless(candidate: Curve, references: Sequence[Curve], *, exempt: bool) -> str | None:
    """Why a run under way should be stopped, in words; None while it may go on.

    Compares mean training losses at the same progress with those of the unchanged target's runs,
    and must be behind every one of them: each is one seed's luck. The champion's would stop more,
    but an agent wrote what the champion says of itself: a false curve would bury every later idea.
    Never before 0.4 of the budget nor when most of it is spent, never for exempt edits, and never
    beside curves that do not cover that part of the way.
    """
    if exempt or len(candidate) < FEWEST_POINTS:
        return None
    candidate = _in_order(candidate)
    now = candidate[-1].progress
    if not DECIDES_AT <= now <= SPENT_AT:
        return None
    recent = [point for point in candidate if now - WINDOW < point.progress]
    if len(recent) < FEWEST_POINTS:
        recent = list(candidate[-FEWEST_POINTS:])
    told = [levels for curve in references if (levels := _levels(_in_order(curve), recent))]
    own = fmean(point.loss for point in recent)
    if not told or own <= max(map(max, told)):
        return None
    there, behind = max(told, key=max)
    return (
        f"training loss {own:.4g} at {now:.0%} of the budget; the unchanged target had {there:.4g} there "
        f"and {behind:.4g} as early as {LAG * now:.0%}"
    )


def _levels(reference: Curve, recent: Sequence[Point]) -> tuple[float, float] | None:
    """What a reference had there, and at LAG of the way; None when it does not cover that part."""
    if len(reference) < FEWEST_POINTS:
        return None
    begins, ends = reference[0].progress, reference[-1].progress
    if begins > LAG * recent[0].progress or ends < recent[-1].progress - WINDOW:
        return None
    there = fmean(_loss_at(reference, point.progress) for point in recent)
    behind = fmean(_loss_at(reference, LAG * point.progress) for point in recent)
    return there, behind


def _in_order(curve: Curve) -> Curve:
    """By progress: a candidate may have written anything."""
    return tuple(sorted(curve, key=lambda point: point.progress))


def _loss_at(curve: Curve, progress: float) -> float:
    """The curve's loss at `progress`, between its points on the straight line from one to the next."""
    after = bisect_left(curve, progress, key=lambda point: point.progress)
    if after in (0, len(curve)):
        return curve[min(after, len(curve) - 1)].loss
    left, right = curve[after - 1], curve[after]
    share = (progress - left.progress) / (right.progress - left.progress)
    return left.loss + share * (right.loss - left.loss)


def is_exempt(diff: str) -> bool:
    """True when a changed line of a unified diff speaks of schedules, averages or the loss itself."""
    changed = [line[1:] for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return any(_speaks_of_it(line) for line in changed)


def _speaks_of_it(line: str) -> bool:
    words = [word.lower() for word in _WORD.findall(line)]
    for before, word in zip(["", *words], words, strict=False):
        if word.startswith(_EXEMPT_STARTS):
            return True
        if word in _EXEMPT and (before, word) != ("weight", "decay"):
            return True
    return False
