"""The rules that people write first, over many simulated studies at once (NumPy)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.simulated import DRIFT_HOLDS, DRIFT_STEP, SIZE, Landscape

Floats = NDArray[np.float64]


class Rule(NamedTuple):
    """Keep what is lower than the champion's value by more than `margin`, after `repeats` runs each.

    With `sprt`, runs are made one by one until a likelihood ratio for a gain of 1.5 σ decides (Wald
    1945, errors of 5 and 10 %), against the mean of six runs of the champion and with σ known.
    """

    margin: float = 0.0
    repeats: int = 1
    sprt: bool = False


RULES = {
    "keep if lower": Rule(),
    "lower by 1 σ": Rule(margin=1.0),
    "lower by 2 σ": Rule(margin=2.0),
    "three runs each": Rule(repeats=3),
    "plain SPRT": Rule(sprt=True),
}
_EFFECT, _KEEP, _DROP, _MOST, _CHAMPION_RUNS = 1.5, np.log(0.9 / 0.05), np.log(0.1 / 0.95), 20, 6


class Studies:
    """So many studies of one landscape side by side; every run is on one seed, whose luck cancels."""

    def __init__(self, landscape: Landscape, studies: int, chance: int) -> None:
        self._landscape, self._rng = landscape, np.random.default_rng(chance)
        self._drift = np.zeros(studies)
        zeros = np.zeros(studies)
        self.gain, self.claimed, self.keeps, self.false = zeros, zeros, zeros.copy(), zeros.copy()
        self.runs, self.experiments = zeros.copy(), zeros.copy()
        self._noise = np.ones(studies)

    def play(self, rule: Rule) -> None:
        """All studies to their end."""
        everyone = np.ones(len(self.gain), dtype=bool)
        first = _CHAMPION_RUNS if rule.sprt else rule.repeats
        mean = np.zeros(len(self.gain))
        value = self._mean_of(mean, self._noise, first, everyone)
        while (live := self._live()).any():
            mean_new = mean + self._effects()
            noise = np.exp(self._rng.normal(0, 0.4, len(mean))) if self._landscape.uneven else self._noise
            self.experiments += live
            if rule.sprt:
                kept = self._sprt(mean_new, noise, value, live)
                seen = self._mean_of(mean_new, noise, _CHAMPION_RUNS, kept)
            else:
                seen = self._mean_of(mean_new, noise, rule.repeats, live)
                kept = live & (seen < value - rule.margin)
            self.keeps += kept
            self.false += kept & (mean_new >= mean)
            mean, value = np.where(kept, mean_new, mean), np.where(kept, seen, value)
            self._noise = np.where(kept, noise, self._noise)
        self.gain, self.claimed = -mean, -value

    def _live(self) -> NDArray[np.bool_]:
        return (self.experiments if self._landscape.null == 1.0 else self.runs) < SIZE

    def _effects(self) -> Floats:
        terms, count = self._landscape, len(self.gain)
        draw = self._rng.random(count)
        harm, help = np.abs(self._rng.normal(0, 4, count)), -self._rng.exponential(terms.effect, count)
        return np.where(draw < terms.harmful, harm, np.where(draw < terms.harmful + terms.null, 0.0, help))

    def _run(self, mean: Floats, noise: Floats, who: NDArray[np.bool_]) -> Floats:
        self.runs += who
        count, terms = len(mean), self._landscape
        own = noise * np.sqrt(1 - terms.shared) * self._rng.normal(size=count)
        if terms.tails:
            own *= np.where(self._rng.random(count) < 0.05, 5.0, 1.0)
        if terms.drifts:
            self._drift = DRIFT_HOLDS * self._drift + DRIFT_STEP * self._rng.normal(size=count)
        values: Floats = mean + own + self._drift
        return values

    def _mean_of(self, mean: Floats, noise: Floats, runs: int, who: NDArray[np.bool_]) -> Floats:
        values: Floats = np.mean([self._run(mean, noise, who) for _ in range(runs)], axis=0)
        return values

    def _sprt(self, mean: Floats, noise: Floats, value: Floats, who: NDArray[np.bool_]) -> NDArray[np.bool_]:
        variance = 1 - self._landscape.shared
        total, kept = np.zeros(len(mean)), np.zeros(len(mean), dtype=bool)
        for count in range(1, _MOST + 1):
            total += self._run(mean, noise, who)
            gain = value - total / count
            ratio = (_EFFECT * gain - _EFFECT**2 / 2) / (variance * (1 / count + 1 / _CHAMPION_RUNS))
            kept |= who & (ratio >= _KEEP)
            who = who & (ratio < _KEEP) & (ratio > _DROP)
            if not who.any():
                break
        return kept
