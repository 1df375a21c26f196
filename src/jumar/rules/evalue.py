"""Owns the evidence of paired gains: an e-process, which may be looked at after every pair.

For gains d1 … dn and a spread known only from `freedom` earlier degrees of freedom, the e-value
is the likelihood ratio of "the mean gain is δ spreads" against "it is zero", with the spread
integrated out under the right Haar prior 1/σ (so it is the sequential t-test of Rushton 1950;
that such ratios are e-processes whatever the spread: Pérez-Ortiz, Lardy, de Heide and Grünwald
2024, "E-statistics, group invariance and anytime-valid testing"), averaged over a few δ. By
Ville's inequality an edit that gains nothing ever reaches 1/α with probability at most α,
however often one looks and whenever one stops (Ramdas, Grünwald, Vovk and Shafer 2023,
"Game-theoretic statistics and safe anytime-valid inference").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from jumar.rules.student import squares_about_mean

# Gains that the evidence is spread over, in spreads of a pair's difference. Found by simulation
# (docs/judge.md): smaller ones keep late. The larger is for the first gains of a study, while the
# spread is known from a few runs only: with it two pairs keep what would else need three.
EFFECTS = (1.5, 3.0)

_STEPS = 48  # of Simpson's rule over a smooth bell: errors below 1e-5
_REACH = 7.0  # widths of that bell to either side


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of the spread of a pair's difference before the pairs at hand."""

    sd: float
    freedom: int  #: degrees of freedom that `sd` rests on, at least 1


def log_evidence(
    gains: Sequence[float], spread: Spread, *, effects: Sequence[float] = EFFECTS, two_sided: bool = False
) -> float:
    """Natural logarithm of the e-value against "these gains are nothing"; positive speaks for a gain.

    Two-sided, a loss is evidence as well.
    """
    if not gains:
        return 0.0
    total = math.fsum(gains)
    squares = math.fsum(gain * gain for gain in gains)
    return _log_mixture(total, squares, len(gains), spread, (effects, two_sided))


def interval(gains: Sequence[float], spread: Spread, share: float = 0.95) -> tuple[float, float]:
    """The mean gains that the pairs do not speak against: holds with probability `share`.

    Valid although we stopped when we liked (a confidence sequence: what the two-sided e-process has
    not refuted at 1/(1 - share)). Infinite where so few pairs cannot refute anything.
    """
    count = len(gains)
    mean = math.fsum(gains) / count
    about = squares_about_mean(gains)
    limit = -math.log(1 - share)

    def refuted(off: float) -> bool:
        squares = about + count * off * off
        return _log_mixture(count * off, squares, count, spread, (EFFECTS, True)) >= limit

    low, high = 0.0, spread.sd + math.sqrt(about / count)
    for _ in range(64):
        if refuted(high):
            break
        low, high = high, high * 2
    else:
        return (-math.inf, math.inf)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if refuted(middle) else (middle, high)
    return mean - high, mean + high


def smallest_mean(count: int, spread: Spread, at: float) -> float:
    """The mean of `count` gains, scattered as `spread` says, whose log evidence just reaches `at`."""

    def evidence(mean: float) -> float:
        squares = count * mean * mean + (count - 1) * spread.sd**2
        return _log_mixture(count * mean, squares, count, spread, (EFFECTS, False))

    low, high = 0.0, spread.sd
    for _ in range(64):
        if evidence(high) >= at:
            break
        low, high = high, high * 2
    else:
        return math.inf
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if evidence(middle) >= at else (middle, high)
    return high


def _log_mixture(
    total: float, squares: float, count: int, spread: Spread, over: tuple[Sequence[float], bool]
) -> float:
    effects, two_sided = over
    freedom = count + spread.freedom
    size = math.sqrt(squares + spread.freedom * spread.sd**2)
    t = total / size if size else 0.0
    signs = (1.0, -1.0) if two_sided else (1.0,)
    logs = [
        _log_mean_exp(sign * effect * t, freedom) - count * effect**2 / 2
        for effect in effects
        for sign in signs
    ]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(log - top) for log in logs) / len(logs))


def _log_mean_exp(x: float, freedom: int) -> float:
    """Log of the mean of exp(x v) over v from the chi distribution with `freedom` degrees."""
    power = freedom - 1
    mode = (x + math.sqrt(x * x + 4 * power)) / 2
    width = 1 / math.sqrt(1 + power / mode**2)
    low, high = max(0.0, mode - _REACH * width), mode + _REACH * width
    step = (high - low) / _STEPS
    top = power * math.log(mode) - mode * mode / 2 + x * mode
    total = 0.0
    for k in range(1, _STEPS):
        v = low + k * step
        total += (4 if k % 2 else 2) / 3 * math.exp(power * math.log(v) - v * v / 2 + x * v - top)
    log_norm = (freedom / 2 - 1) * math.log(2) + math.lgamma(freedom / 2)
    return top + math.log(total * step) - log_norm
