"""Owns Student's t: how far a mean of few values can be off when their spread is only estimated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean

_NORMAL_FROM = 2000  # from so many degrees of freedom on, t and normal agree to four digits


def mean_and_interval(values: Sequence[float], share: float = 0.95) -> tuple[float, tuple[float, float]]:
    """Mean of at least two independent values, with the t-interval that covers the truth in `share`.

    Student (1908). Raises ValueError for fewer than two values: one value has no spread.
    """
    if len(values) < 2:
        raise ValueError("one value has no spread")
    mean = fmean(values)
    freedom = len(values) - 1
    error = math.sqrt(squares_about_mean(values) / freedom / len(values))
    half = t_quantile((1 + share) / 2, freedom) * error
    return mean, (mean - half, mean + half)


def squares_about_mean(values: Sequence[float]) -> float:
    """Sum of squared distances from the values' own mean."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


@lru_cache(maxsize=4096)
def t_quantile(share: float, freedom: int) -> float:
    """The t below which `share` (0.5 to 1, exclusive) of Student's distribution lies."""
    if not 0.5 <= share < 1 or freedom < 1:
        raise ValueError(f"no quantile {share} of t with {freedom} degrees of freedom")
    if freedom >= _NORMAL_FROM:
        return NormalDist().inv_cdf(share)
    low, high = 0.0, 1.0
    while t_share(high, freedom) < share:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_share(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def t_share(t: float, freedom: int) -> float:
    """Share of Student's distribution below `t`; finite sums, Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine_squared = math.cos(angle) ** 2
    odd = freedom % 2
    term, total = 1.0, 0.0
    for k in range(odd + 2, freedom + 1, 2):
        total += term
        term *= cosine_squared * (k - 1) / k
    if odd:
        inner = math.sin(angle) * math.cos(angle) * total if freedom > 1 else 0.0
        return 0.5 + (angle + inner) / math.pi
    return 0.5 + math.sin(angle) * total / 2
