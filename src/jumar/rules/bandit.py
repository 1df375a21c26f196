"""Owns shares that follow what agents bring home: gain for the time that their proposals take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

# Gains shrink as a study goes on, and agents run dry: so many proposals later a gain counts for half.
HALF_LIFE = 40.0
# Until an agent has so many proposals behind it, it is taken to be more like the others than unlike them.
PRIOR_PROPOSALS = 10.0
# Nobody's share falls below this part of what was wanted: who is never asked can never do better.
FLOOR = 0.2
LATEST = 400  # proposals that are looked at; older ones count for a thousandth


class Earned(NamedTuple):
    """What one proposal came to. `gain` is the relative gain of a keep that stands, else 0."""

    agent: str
    gain: float
    seconds: float  #: of its runs, and of thinking


def by_gain(wanted: Mapping[str, float], earned: Iterable[Earned]) -> dict[str, float]:
    """Shares in proportion to the wanted ones times each agent's gain per second, as far as one can tell.

    `earned` has the oldest first. The rate is the mean of a Gamma posterior whose prior is what all
    agents together earned per second: with few proposals behind it, an agent keeps what was wanted.
    """
    latest = [one for one in earned if one.agent in wanted][-LATEST:]
    gain, seconds = dict.fromkeys(wanted, 0.0), dict.fromkeys(wanted, 0.0)
    weight, weights = 1.0, 0.0
    for one in reversed(latest):
        gain[one.agent] += weight * max(0.0, one.gain)
        seconds[one.agent] += weight * max(0.0, one.seconds)
        weights += weight
        weight *= 0.5 ** (1 / HALF_LIFE)
    whole_gain, whole_s = sum(gain.values()), sum(seconds.values())
    total = sum(wanted.values())
    if not whole_gain or not whole_s:
        return {name: share / total for name, share in wanted.items()}
    prior_s = PRIOR_PROPOSALS * whole_s / weights
    rates = {
        name: (gain[name] + prior_s * whole_gain / whole_s) / (seconds[name] + prior_s) for name in wanted
    }
    weighed = sum(wanted[name] * rates[name] for name in wanted)
    return {
        name: FLOOR * share / total + (1 - FLOOR) * share * rates[name] / weighed
        for name, share in wanted.items()
    }
