"""Owns whether a champion's own runs, beside a candidate, were what was measured of it before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from statistics import fmean

from jumar.core.by_seed import Together
from jumar.core.evidence import Evidence
from jumar.rules.noise import record_width
from jumar.rules.scale import mean_on_scale, on_scale

# A metric without noise still passes through floating point.
ROUNDING = 1e-12


def before(evidence: Evidence, seeds: Collection[int]) -> Together:
    """What champion or anchor measured on other seeds than `seeds`, where it compares with the candidate."""
    own = evidence.reference or evidence.champion
    return own.by_seed.without(seeds) if evidence.alike else Together()


def off_record(beside: Mapping[int, float], evidence: Evidence) -> float:
    """How much better than before it was, on the scale: negative where worse, 0 where noise explains it.

    `beside` has its values beside the candidate, by seed.
    """
    noise, told = evidence.noise, before(evidence, beside)
    if not told.seeds:
        return 0.0
    was, now = mean_on_scale(told, noise), fmean(on_scale(value, noise) for value in beside.values())
    off = evidence.metric.gain(was, now)
    return off if abs(off) > max(record_width(noise), ROUNDING * abs(was)) else 0.0
