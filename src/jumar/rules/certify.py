"""Owns the claim: what fresh seeds on the holdout say of champion and baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from statistics import fmean
from typing import NamedTuple

from jumar.core.contract import Direction, Metric
from jumar.core.evidence import Noise, Pair
from jumar.core.outcome import Measured, outcome_in_words
from jumar.core.verdict import Claim
from jumar.rules.frozen import is_frozen, may_be_searched
from jumar.rules.items import Interval, bootstrap, item_differences, odd_items, sd_of_mean, widened
from jumar.rules.record import ROUNDING
from jumar.rules.scale import are_positive, gain_on_scale, noise_among
from jumar.rules.student import mean_and_interval

# With fewer pairs the 95 % interval is more than six standard errors to each side.
FEWEST_PAIRS = 3

ERROR = 0.05  # of all the claims of a study together


class Look(NamedTuple):
    """Whom one look at the holdout compares, and how many looks the study has had with it."""

    experiment: int
    baseline: str  #: commit
    champion: str  #: commit
    number: int = 1
    self_reported: bool = False
    before: Claim | None = None  #: the last certified one of what the champion is built on
    #: what the keeps since then might lose, in the metric's unit; None where each promised a gain
    may_lose: float | None = None
    working: float | None = None  #: relative gain as the search saw it
    at: float = 0.0  #: seconds since the epoch
    machine: str = ""

    @property
    def share(self) -> float:
        """What this look's interval must cover, so that all looks of a study hold at 95 % together.

        The n-th look may err with 0.05 / n (n + 1), which sums to 0.05 however often one looks.
        """
        return 1 - ERROR / (self.number * (self.number + 1))


def certify(pairs: Sequence[Pair], metric: Metric, noise: Noise, look: Look) -> Claim:
    """What may be claimed after these pairs: all that were ever made of the two commits.

    The relative gain is the mean over pairs of each pair's own (on the logarithm where values are
    positive), with Student's interval, which is widened by the noise of the evaluation set where
    the scorer tells items apart. It is certified when every run gave a number, there are at least
    three pairs (two where the metric has no noise), every run was told of the same items and the whole
    interval is above zero. It is refuted when the whole interval of the gain over the last certified
    champion, or over the baseline, is at or below zero; where less code was kept since, below what that
    was allowed to lose. So is a champion that gave no number in any pair, where the baseline did in all.
    With no complete pair, `pairs` is 0 and the claim's numbers say nothing.
    """
    both = [
        (pair.reference.value, pair.candidate.value)
        for pair in pairs
        if isinstance(pair.reference, Measured) and isinstance(pair.candidate, Measured)
    ]
    differences = item_differences((pair.candidate, pair.reference) for pair in pairs)
    relative, seeds = _relative(both, metric, look.share)
    interval = _over_items(relative, seeds, differences, metric, look.share)
    broken = (
        _broken(pairs)
        or odd_items((pair.candidate, pair.reference) for pair in pairs)
        or _too_few(len(pairs), noise, exact=seeds[0] == seeds[1])
    )
    level = fmean(old for old, _ in both) if both else 0.0
    refutation = _dead(pairs, noise) or (None if broken else _refutation(relative, interval, look, level))
    refusal = refutation or broken or _undecided(interval) or _lucky(both, metric, noise)
    finite = all(math.isfinite(end) for end in interval)
    return Claim(
        experiment=look.experiment,
        baseline=look.baseline,
        champion=look.champion,
        baseline_value=level,
        champion_value=fmean(new for _, new in both) if both else 0.0,
        relative=relative,
        relative_interval=interval if finite else (relative, relative),
        pairs=len(both),
        certified=refusal is None,
        reason=refusal or _in_words(len(both), noise),
        self_reported=look.self_reported,
        look=look.number,
        refuted=refutation is not None,
        working=look.working,
        items=len(differences),
        items_sd=sd_of_mean(differences),
        at=look.at,
        machine=look.machine,
    )


def _relative(both: Sequence[tuple[float, float]], metric: Metric, share: float) -> tuple[float, Interval]:
    """Mean relative gain and its interval over seeds."""
    if not both:
        return 0.0, (-math.inf, math.inf)
    if any(value <= 0 for pair in both for value in pair):
        return _about([metric.relative_gain(old, new) for old, new in both], share)
    mean, (low, high) = _about([math.log(new) - math.log(old) for old, new in both], share)
    shares = [math.expm1(min(log, 700.0)) for log in (mean, low, high)]  # expm1(710) is no float
    if metric.direction is Direction.MINIMIZE:
        return -shares[0], (-shares[2], -shares[1])
    return shares[0], (shares[1], shares[2])


def _over_items(
    relative: float, interval: Interval, differences: Sequence[float], metric: Metric, share: float
) -> Interval:
    """The interval over seeds, widened by what other items would have changed."""
    below, above = bootstrap(differences, share)
    lower_is_better = metric.direction is Direction.MINIMIZE
    return widened(relative, interval, *((above, below) if lower_is_better else (below, above)))


def _about(gains: Sequence[float], share: float) -> tuple[float, tuple[float, float]]:
    return mean_and_interval(gains, share) if len(gains) > 1 else (gains[0], (-math.inf, math.inf))


def _broken(pairs: Sequence[Pair]) -> str | None:
    """Which run gave no number; None when every one did."""
    for pair in pairs:
        for who, outcome in (("champion", pair.candidate), ("baseline", pair.reference)):
            if not isinstance(outcome, Measured):
                return f"a run of the {who} gave no number: {outcome_in_words(outcome)}"
    return None


def _dead(pairs: Sequence[Pair], noise: Noise) -> str | None:
    """Why a champion falls that gave no number in any pair, though the baseline did in each."""
    if _too_few(len(pairs), noise, exact=True) or any(isinstance(pair.candidate, Measured) for pair in pairs):
        return None
    if not all(isinstance(pair.reference, Measured) for pair in pairs):
        return None
    last = outcome_in_words(pairs[-1].candidate)
    return f"refuted, as no run of the champion gave a number and every one of the baseline did: {last}"


def _too_few(pairs: int, noise: Noise, *, exact: bool) -> str | None:
    """Why so many pairs show nothing yet; None when they are enough."""
    # What has no noise shows it by giving the same again; else luck is at work after all.
    fewest = 2 if noise.deterministic and exact else FEWEST_PAIRS
    if pairs >= fewest:
        return None
    return f"{pairs} of at least {fewest} pairs {'was' if pairs == 1 else 'were'} made"


def _refutation(relative: float, interval: Interval, look: Look, level: float) -> str | None:
    """Why a champion falls; None when it may be better than what it is built on.

    Both champions were paired with the same baseline on the same data, so their gains are compared:
    the errors of two independent means add by their squares (see items.py), and no run is spent.
    Keeps that promised gains fall as well where all of them together are nothing; less code promised
    none, and falls for a loss only. `level` is the baseline's value.
    """
    before = look.before
    if before is None:
        most, than = interval[1], ""
    else:
        below = before.relative - before.relative_interval[0]
        most = widened(relative - before.relative, _shifted(interval, before.relative), 0.0, below)[1]
        than = f" over experiment {before.experiment}, which was certified,"
    if not (most <= 0 if look.may_lose is None else most < -_share_of(look.may_lose, level)):
        return None
    return f"refuted, as the interval of the gain{than} reaches up to {_end(most)} only"


def _end(share: float) -> str:
    """An end of an interval; one that two decimals would round away keeps the digit that says its side."""
    if share == 0:
        return "0"
    return f"{100 * share:+.1g} %" if abs(share) < 5e-5 else f"{100 * share:+.2f} %"


def _share_of(loss: float, level: float) -> float:
    """A loss in the metric's unit as claims count it; a digit that was rounded is none."""
    return max(loss / abs(level) if level else loss, ROUNDING)


def _shifted(interval: Interval, by: float) -> Interval:
    return interval[0] - by, interval[1] - by


def _undecided(interval: Interval) -> str | None:
    """Why a champion stays and nothing is claimed for it; None when it is above zero."""
    if interval[0] > 0:
        return None
    return f"undecided, as the interval reaches down to {_end(interval[0])}: it may be no gain at all"


def _lucky(both: Sequence[tuple[float, float]], metric: Metric, noise: Noise) -> str | None:
    """Why a champion whose value is the same on every seed may owe it to one of them."""
    if not both:
        return None
    positive = are_positive(chain.from_iterable(both))
    noise = noise_among(noise, fmean(old for old, _ in both), positive=positive)
    gain = fmean(gain_on_scale(metric, old, new, noise) for old, new in both)
    if is_frozen([new for _, new in both], [old for old, _ in both], noise) and may_be_searched(gain, noise):
        return "the champion's value is the same on every seed: it may be one lucky seed, written down"
    return None


def _in_words(pairs: int, noise: Noise) -> str:
    return "the metric has no noise" if noise.deterministic else f"{pairs} pairs of runs on fresh seeds"
