"""Owns whether a champion's own runs, beside a candidate, were what was measured of it before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

from jumar.core.evidence import Evidence
from jumar.rules.noise import record_width
from jumar.rules.scale import on_scale

# A metric without noise still passes through floating point.
ROUNDING = 1e-12


def before(evidence: Evidence, seeds: Iterable[int]) -> list[float]:
    """What champion or anchor measured on other seeds than `seeds`, where it compares with the candidate."""
    own, here = evidence.reference or evidence.champion, frozenset(seeds)
    return [value for seed, value in own.by_seed.items() if seed not in here] if evidence.alike else []


def off_record(beside: Mapping[int, float], evidence: Evidence) -> float:
    """How much better than before it was, on the scale: negative where worse, 0 where noise explains it.

    `beside` has its values beside the candidate, by seed.
    """
    noise, told = evidence.noise, before(evidence, beside)
    if not told:
        return 0.0
    was, now = (fmean(on_scale(value, noise) for value in values) for values in (told, beside.values()))
    off = evidence.metric.gain(was, now)
    return off if abs(off) > max(record_width(noise), ROUNDING * abs(was)) else 0.0
