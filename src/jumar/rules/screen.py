"""Owns the first look at a candidate: one run beside what is stored of the champion."""

from __future__ import annotations

import math

import msgspec

from jumar.core.evidence import Evidence
from jumar.rules.scale import from_scale, gain_in_unit, gain_on_scale, on_scale, sd_in_unit
from jumar.rules.student import t_quantile

# An edit that changes nothing passes the screen once in so many times. Each that passes costs pairs
# of runs; each that fails costs nothing more. Found by simulation (docs/judge.md).
PASS_SHARE = 0.10


class Screened(msgspec.Struct, frozen=True, kw_only=True):
    """How one run of a candidate compares with what the champion would have got, in the metric's unit."""

    gain: float
    sd: float  #: of that gain, were the candidate equal to the champion
    needed: float  #: gain from which on it is promising
    expected: float  #: the champion's value on this seed, as far as one can tell
    promising: bool  #: worth a confirmation


def screen(value: float, evidence: Evidence) -> Screened:
    """Compare `value` with the champion's mean, moved towards its value on the same seed.

    With a correlation ρ between two commits on one seed, the best linear guess of what the champion
    gets on this seed beside the candidate is mean + ρ (same - mean): the mean alone where seeds share
    no luck, the same seed's value where they share all of it, and less variance than either between.
    """
    noise, champion, metric = evidence.noise, evidence.champion, evidence.metric
    run_sd = max(noise.run_sd, noise.pair_sd / math.sqrt(2))
    same = champion.by_seed.get(evidence.screen_seed) if evidence.screen_seed is not None else None
    shared = 0.0
    if same is not None and noise.seeded:
        shared = max(0.0, 1 - noise.pair_sd**2 / (2 * run_sd**2))
    mean = on_scale(champion.value, noise)
    luck = shared * (on_scale(same, noise) - mean) if same is not None else 0.0
    expected = from_scale(mean + luck, noise)
    sd = run_sd * math.sqrt(_variance(shared, max(1, champion.runs)))
    needed = t_quantile(1 - PASS_SHARE, max(1, noise.runs - 1)) * sd
    return Screened(
        gain=metric.gain(expected, value),
        sd=sd_in_unit(sd, expected, noise),
        needed=gain_in_unit(metric, needed, expected, noise),
        expected=expected,
        promising=gain_on_scale(metric, expected, value, noise) > needed,
    )


def _variance(shared: float, runs: int) -> float:
    """Of candidate - (mean + ρ (same - mean)), with the variance of a run as the unit.

    A run is its seed's luck (ρ of the variance) and its own (1 - ρ); the mean is over `runs` seeds.
    """
    apart = 1 - shared
    luck = shared * (apart * (1 - 1 / runs)) ** 2
    own = apart * (1 + (shared + apart / runs) ** 2)
    return luck + own + (runs - 1) * (apart / runs) ** 2
