"""Owns which gains are too good to be believed at once, and what they have to show before they are.

Most results that nobody has seen the like of are mistakes of the measurement or work of somebody who
found one. They are not refused, because the first gains of a study are often large: they are put to
stricter proof, which costs an honest one a pair or two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from jumar.core.contract import Direction, MeasureTerms, Metric
from jumar.core.evidence import Evidence, Noise
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Measured
from jumar.errors import NotMeasurable

STRICT_PAIRS = 3  #: so many pairs, scored strictly, before what is quarantined may be kept

# A jump is a gain beyond all three: what honest edits do in one step seldom is.
_TIMES_LARGEST = 3.0  # the largest gain kept so far
_SDS = 10.0  # standard deviations of a run
_LEAST = -math.log(0.8)  # a fifth less where less is better, a quarter more where more is

_TINY = 1e-300  # a loss of nothing is a gain without bound, and still a number
_MOST_LOG = 700.0  # of a factor that is still a number


def doubt_of(evidence: Evidence) -> str:
    """Why this experiment is quarantined, in words; empty when it is not."""
    if not isinstance(evidence.screen, Measured):
        return ""
    metric, champion = evidence.metric, evidence.champion.value
    seen = [(champion, evidence.screen.value)]
    for pair in evidence.pairs:
        if isinstance(pair.candidate, Measured):
            old = pair.reference.value if isinstance(pair.reference, Measured) else champion
            seen.append((old, pair.candidate.value))
    for _, new in seen:
        if is_impossible(new, evidence):
            return f"{metric.name} {new:.6g} is better than the contract's bound of {evidence.bound:g}"
    for old, new in seen:
        if size_of(metric, old, new) > _most_believed(evidence.noise, evidence.largest_gain, old):
            largest = math.expm1(min(evidence.largest_gain, _MOST_LOG))
            so_far = (
                f"the largest gain kept so far was a factor of {1 + largest:.3g}"
                if largest
                else "nothing was kept"
            )
            return f"{metric.name} {new:.6g} jumps from {old:.6g}, where {so_far}"
    return ""


def is_impossible(value: float, evidence: Evidence) -> bool:
    """Whether a value is better than the contract says that any can be."""
    return evidence.bound is not None and evidence.metric.gain(evidence.bound, value) > 0


def check_bound(value: float, measure: MeasureTerms) -> None:
    """Raise NotMeasurable where the unchanged target is better than the bound of its own contract."""
    if measure.bound is None or measure.metric.gain(measure.bound, value) <= 0:
        return
    raise NotMeasurable(
        f"the unchanged target's {measure.metric.name} {value:.6g} is better than the contract's "
        f"`bound` of {measure.bound:g}",
        fix="set `bound` in [measure] to what no value can beat, or leave it out",
    )


def largest_gain(records: Iterable[ExperimentRecord], metric: Metric) -> float:
    """The largest gain among these keeps, as `size_of` counts."""
    largest = 0.0
    for record in records:
        verdict = record.verdict
        old = verdict.evidence.get("champion") if verdict else None
        if verdict is None or verdict.gain is None or not isinstance(old, int | float):
            continue
        new = old - verdict.gain if metric.direction is Direction.MINIMIZE else old + verdict.gain
        largest = max(largest, size_of(metric, old, new))
    return largest


def size_of(metric: Metric, old: float, new: float) -> float:
    """How large a step is: the logarithm of its factor, or where there is none its share of `old`."""
    if old > 0:
        return metric.gain(math.log(old), math.log(max(new, _TINY)))
    return metric.relative_gain(old, new)


def _most_believed(noise: Noise, largest: float, old: float) -> float:
    sd = noise.run_sd if noise.relative or not old else noise.run_sd / abs(old)
    return max(_TIMES_LARGEST * largest, _SDS * sd, _LEAST)
