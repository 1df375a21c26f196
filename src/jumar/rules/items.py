"""Owns the noise of the evaluation set: how far a gain would move had other items been drawn.

Seeds and items are two draws. A pair on a fresh seed repeats the first and not the second: however many
pairs are made, they all rest on the same items. So the mean difference of each item is resampled over
items (the paired bootstrap, Efron 1979). Its interval and that of the seeds are combined by adding the
squares of their distances from the mean (Newcombe 1998; Zou and Donner 2008, "Construction of confidence
limits about effect measures: a general approach"). What items and seeds share counts in both, so the sum
errs on the wide side, as resampling both at once does (Owen 2007, "The pigeonhole bootstrap").
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import NormalDist, fmean

from jumar.core.outcome import MOST, Measured, Outcome
from jumar.rules.student import squares_about_mean, t_quantile

RESAMPLES = 4000  # of the largest share that is asked for, 99.8 %, each tail has four
_CHANCE = "noise of the evaluation set"  # the same items, the same interval: a claim can be computed again

# More items than this are recorded as the means of so many neighbouring groups. They say the same of the
# noise (groups of neighbours a little more, where neighbours are alike) and an entry of the ledger stays
# below 20 KB.
MOST_ITEMS = 1024

# So few items are cases rather than a sample (the tests of a program, the points of a curve), and resampling
# them says nothing of others: three of a linear fit gave a gain of 89 % an interval of -250 to 683 %. What is
# claimed then holds for these items.
FEWEST_ITEMS = 30

Interval = tuple[float, float]


def item_differences(pairs: Iterable[tuple[Outcome, Outcome]]) -> tuple[float, ...]:
    """Mean difference of each item over pairs (candidate, reference), as a share of the reference's mean.

    Positive where the candidate's items are larger. Empty where the scorer tells no items apart, or
    fewer than FEWEST_ITEMS.
    """
    told = [
        (candidate.items, reference.items)
        for candidate, reference in pairs
        if isinstance(candidate, Measured) and isinstance(reference, Measured)
    ]
    sizes = {len(items) for both in told for items in both}
    if len(sizes) != 1 or min(sizes) < FEWEST_ITEMS:
        return ()
    level = abs(fmean(value for _, reference in told for value in reference))
    if level == 0:
        return ()
    by_item = zip(
        *([new - old for new, old in zip(*both, strict=True)] for both in told),
        strict=True,
    )
    # What is beyond counting stays as wide as can be counted: none is told less noise for it.
    return tuple(max(-MOST, min(MOST, fmean(differences) / level)) for differences in by_item)


def odd_items(pairs: Iterable[tuple[Outcome, Outcome]]) -> str | None:
    """Why the items of these pairs (candidate, reference) cannot be compared; None when they can.

    Runs are asked the same items, so a run with fewer of them left some out: its noise of the evaluation
    set cannot be known, and is not nothing. Where every run has fewer than FEWEST_ITEMS, none is asked for.
    """
    told = [
        [len(outcome.items) for outcome in side if isinstance(outcome, Measured)]
        for side in zip(*pairs, strict=True)
    ]
    sizes = {size for side in told for size in side}
    if len(sizes) < 2 or max(sizes) < FEWEST_ITEMS:
        return None
    champion, baseline = (", ".join(map(str, sorted(set(side)))) for side in told)
    return (
        f"the scorer told different numbers of items: {champion} of the champion, {baseline} of the baseline"
    )


def sd_of_mean(differences: Sequence[float]) -> float:
    """Standard deviation of the differences' mean over draws of items."""
    count = len(differences)
    return math.sqrt(squares_about_mean(differences) / (count - 1) / count) if count > 1 else 0.0


def bootstrap(differences: Sequence[float], share: float) -> Interval:
    """How far the mean difference may lie below and above the one seen, in `share` of draws of items.

    Percentiles of resampled means, widened for what few items leave out (Hesterberg 2015, "What teachers
    should know about the bootstrap"): by Student's quantile and by the freedom that the mean takes.
    """
    count = len(differences)
    if count < 2:
        return 0.0, 0.0
    chance, mean = random.Random(_CHANCE), fmean(differences)
    means = sorted(math.fsum(chance.choices(differences, k=count)) / count for _ in range(RESAMPLES))
    tail = (1 - share) / 2
    wide = t_quantile(1 - tail, count - 1) / NormalDist().inv_cdf(1 - tail) * math.sqrt(count / (count - 1))
    ends = means[math.floor(tail * RESAMPLES)], means[math.ceil((1 - tail) * RESAMPLES) - 1]
    return wide * (mean - ends[0]), wide * (ends[1] - mean)


def widened(mean: float, interval: Interval, below: float, above: float) -> Interval:
    """An interval about `mean` that also covers another error, of so much below and above it."""
    low, high = interval
    return mean - math.hypot(mean - low, below), mean + math.hypot(high - mean, above)


def condensed(items: Sequence[float], most: int = MOST_ITEMS) -> tuple[float, ...]:
    """The items as they are recorded: as they came, or as the means of `most` groups of neighbours."""
    count = len(items)
    if count <= most:
        return tuple(items)
    edges = [count * n // most for n in range(most + 1)]
    return tuple(fmean(items[start:end]) for start, end in pairwise(edges))
