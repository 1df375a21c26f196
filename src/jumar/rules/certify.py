"""Owns the claim: what fresh seeds on the holdout say of champion and baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from jumar.core.contract import Metric
from jumar.core.evidence import Noise, Pair
from jumar.core.outcome import Failed, Measured, Outcome
from jumar.core.verdict import Claim
from jumar.rules.student import mean_and_interval

# With fewer pairs the 95 % interval is more than six standard errors to each side.
FEWEST_PAIRS = 3


def certify(
    pairs: Sequence[Pair],
    metric: Metric,
    noise: Noise,
    *,
    experiment: int,
    commits: tuple[str, str],
    self_reported: bool = False,
) -> Claim:
    """What may be claimed of `commits` (baseline, champion) after these pairs.

    The relative gain is the mean over pairs of each pair's own, with Student's 95 % interval. It is
    certified when every run gave a number, there are at least three pairs (two where the metric has
    no noise) and the whole interval is above zero. With no complete pair, `pairs` is 0 and the
    claim's numbers say nothing.
    """
    both = [
        (pair.reference.value, pair.candidate.value)
        for pair in pairs
        if isinstance(pair.reference, Measured) and isinstance(pair.candidate, Measured)
    ]
    relative, interval = _relative(both, metric)
    refusal = _refusal(pairs, interval, noise)
    finite = all(math.isfinite(end) for end in interval)
    return Claim(
        experiment=experiment,
        baseline=commits[0],
        champion=commits[1],
        baseline_value=fmean(old for old, _ in both) if both else 0.0,
        champion_value=fmean(new for _, new in both) if both else 0.0,
        relative=relative,
        relative_interval=interval if finite else (relative, relative),
        pairs=len(both),
        certified=refusal is None,
        reason=refusal or _in_words(len(both), noise),
        self_reported=self_reported,
    )


def _relative(both: Sequence[tuple[float, float]], metric: Metric) -> tuple[float, tuple[float, float]]:
    shares = [metric.relative_gain(old, new) for old, new in both]
    if not shares:
        return 0.0, (-math.inf, math.inf)
    if len(shares) > 1:
        return mean_and_interval(shares)
    return shares[0], (-math.inf, math.inf)


def _refusal(pairs: Sequence[Pair], interval: tuple[float, float], noise: Noise) -> str | None:
    """Why nothing may be claimed; None when it may."""
    for pair in pairs:
        for who, outcome in (("champion", pair.candidate), ("baseline", pair.reference)):
            if not isinstance(outcome, Measured):
                return f"a run of the {who} gave no number: {_why(outcome)}"
    # What has no noise shows it by giving the same again; else luck is at work after all.
    fewest = 2 if noise.deterministic and interval[0] == interval[1] else FEWEST_PAIRS
    if len(pairs) < fewest:
        return f"{len(pairs)} of at least {fewest} pairs were made"
    if interval[0] <= 0:
        return f"the interval reaches down to {interval[0]:+.2%}: it may be no gain at all"
    return None


def _why(outcome: Outcome) -> str:
    return f"{outcome.why.value}: {outcome.detail}" if isinstance(outcome, Failed) else "it was stopped"


def _in_words(pairs: int, noise: Noise) -> str:
    return "the metric has no noise" if noise.deterministic else f"{pairs} pairs of runs on fresh seeds"
