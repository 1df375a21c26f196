"""Owns the scale on which values are compared: their logarithm, wherever a metric is positive.

Noise grows and shrinks with what is measured: a program made fifty times faster moves by a fiftieth
of the seconds that it moved by before. On the logarithm it stays what it was, a gain is a share of
the value, and no interval reaches below zero. A metric that was ever zero or negative on the
unchanged target is compared as it stands.
"""

from __future__ import annotations

import math

from jumar.core.contract import Direction, Metric
from jumar.core.evidence import Noise

_LEAST = 1e-12  # a loss or a count may well become zero; it is then as good as this


def on_scale(value: float, noise: Noise) -> float:
    """A value as the judge compares it."""
    return math.log(max(value, _LEAST)) if noise.relative else value


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
    return metric.gain(level, level * math.exp(min(better, 700.0)))  # exp(710) is no float


def sd_in_unit(sd: float, level: float, noise: Noise) -> float:
    """A standard deviation on the scale in the metric's unit, for values around `level`."""
    return sd * abs(level) if noise.relative else sd
