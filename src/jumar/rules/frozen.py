"""Notices values that no longer follow the seed: one lucky draw, frozen, looks like a gain on every seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jumar.core.evidence import Noise
from jumar.rules.scale import on_scale

# Whoever tries a million seeds and writes the best one down gains 4.9 standard deviations of a run.
SEARCHED_SDS = 5.0

# Of values on different seeds: this close together, beside the noise of the unchanged target, happens
# by chance to three of them once in a thousand times.
_ALIKE = 0.05


def is_frozen(candidate: Sequence[float], reference: Sequence[float], noise: Noise) -> bool:
    """Whether a candidate's values on different seeds are alike where the reference's are not.

    From two values on when they are equal to the last digit, from three on when they nearly are.
    A change may of course take the luck out of a target; then one draw of it is all that there is.
    """
    if len(candidate) < 2 or noise.deterministic:
        return False
    width, usual = _width(candidate, noise), _width(reference, noise)
    if width == 0:
        return usual > 0 or len(reference) < 2
    return len(candidate) >= 3 and width < _ALIKE * noise.run_sd and usual > _ALIKE * noise.run_sd


def may_be_searched(gain: float, noise: Noise) -> bool:
    """Whether a frozen gain (on the scale) is one that trying many seeds could have found."""
    return gain < SEARCHED_SDS * noise.run_sd


def _width(values: Sequence[float], noise: Noise) -> float:
    scaled = [on_scale(value, noise) for value in values]
    return max(scaled) - min(scaled) if scaled else math.inf
