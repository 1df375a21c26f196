"""Owns the scale on which values are compared: their logarithm, wherever a metric is positive.

Noise grows and shrinks with what is measured: a program made fifty times faster moves by a fiftieth
of the seconds that it moved by before. On the logarithm it stays what it was, a gain is a share of
the value, and no interval reaches below zero. A metric that was ever zero or negative on the
unchanged target is compared as it stands; one that becomes so later, from then on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec.structs import replace

from jumar.core.by_seed import Together
from jumar.core.contract import Direction, Metric
from jumar.core.evidence import Noise
from jumar.core.outcome import MOST

LEAST_SD = 1e-150  #: a smaller one has no square


def are_positive(values: Iterable[float]) -> bool:
    """Whether each of these has a logarithm."""
    return all(value > 0 for value in values)


def noise_among(noise: Noise, level: float, *, positive: bool) -> Noise:
    """The noise by which values are compared: it leaves the logarithm where not all of them are positive.

    In the metric's own unit it is then what it was on the unchanged target, which stands at `level`.
    """
    if not noise.relative or positive:
        return noise
    run_sd, pair_sd = (max(sd * abs(level), LEAST_SD) for sd in (noise.run_sd, noise.pair_sd))
    return replace(noise, run_sd=run_sd, pair_sd=pair_sd, relative=False)


def on_scale(value: float, noise: Noise) -> float:
    """A value as the judge compares it. Raises ValueError for one that has no logarithm and needs one."""
    return math.log(value) if noise.relative else value


def mean_on_scale(values: Together, noise: Noise) -> float:
    """The mean of some values as the judge compares them. Raises ValueError as `on_scale` does."""
    if not noise.relative:
        return values.mean
    if values.log_mean is None:
        raise ValueError("one of these values has no logarithm")
    return values.log_mean


def from_scale(value: float, noise: Noise) -> float:
    """The value that lies there on the scale."""
    return math.exp(value) if noise.relative else value


def gain_on_scale(metric: Metric, old: float, new: float, noise: Noise) -> float:
    """How much better `new` is than `old`, on the scale; positive is better."""
    return metric.gain(on_scale(old, noise), on_scale(new, noise))


def gain_in_unit(metric: Metric, gain: float, level: float, noise: Noise) -> float:
    """What a gain on the scale is worth in the metric's unit, for who stands at `level`."""
    if not noise.relative:
        return gain
    better = -gain if metric.direction is Direction.MINIMIZE else gain
    worth = metric.gain(level, level * math.exp(min(better, 700.0)))  # exp(710) is no float
    return max(-MOST, min(MOST, worth))


def sd_in_unit(sd: float, level: float, noise: Noise) -> float:
    """A standard deviation on the scale in the metric's unit, for values around `level`."""
    return sd * abs(level) if noise.relative else sd
