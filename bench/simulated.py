"""Simulated targets for the judge: what proposals are like, and what a run of one measures.

The noise between runs is 1 and effects are in its unit; they add up. `shared` is the correlation of
two commits on one seed (0.66 was measured on tinylm).
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

START = 1000.0
SIZE = 700  # runs of a study; on landscapes where nothing helps, experiments
DRIFT_HOLDS, DRIFT_STEP = 0.98, 0.2  # per run: a machine whose speed wanders by one σ within fifty runs


class Landscape(NamedTuple):
    """Shares of harmful and null proposals, mean effect of the rest; and what the noise is like."""

    name: str
    harmful: float
    null: float
    effect: float
    shared: float = 0.0
    tails: bool = False  #: one run in twenty has five times the noise
    drifts: bool = False  #: the machine's speed wanders
    uneven: bool = False  #: commits differ in how noisy they are, by half on average

    def effect_of_next(self, rng: random.Random) -> float:
        """Effect of a proposal on the metric; negative is better."""
        draw = rng.random()
        if draw < self.harmful:
            return abs(rng.gauss(0, 4))
        return 0.0 if draw < self.harmful + self.null else -rng.expovariate(1 / self.effect)

    def is_over(self, experiments: int, runs: int) -> bool:
        """Whether a study has had its share."""
        return (experiments if self.null == 1.0 else runs) >= SIZE


LANDSCAPES = (
    Landscape("null", 0.0, 1.0, 1.0),
    Landscape("null, paired", 0.0, 1.0, 1.0, shared=0.66),
    Landscape("null, heavy tails", 0.0, 1.0, 1.0, tails=True),
    Landscape("null, drifting", 0.0, 1.0, 1.0, drifts=True),
    Landscape("null, uneven", 0.0, 1.0, 1.0, uneven=True),
    Landscape("rare small", 0.70, 0.25, 0.5),
    Landscape("rare small, paired", 0.70, 0.25, 0.5, shared=0.66),
    Landscape("rare large", 0.70, 0.25, 2.0),
    Landscape("rare large, paired", 0.70, 0.25, 2.0, shared=0.66),
    Landscape("rare large, heavy tails", 0.70, 0.25, 2.0, tails=True),
    Landscape("rare large, drifting", 0.70, 0.25, 2.0, drifts=True),
    Landscape("rare large, uneven", 0.70, 0.25, 2.0, uneven=True),
)


class Commit(NamedTuple):
    """What is true of a commit, and no judge knows."""

    mean: float
    noise: float = 1.0


class World:
    """Runs commits: a mean, luck that a seed shares with every commit, luck of its own, and drift."""

    def __init__(self, landscape: Landscape, rng: random.Random) -> None:
        self.rng = rng
        self._landscape = landscape
        self._luck: dict[int, float] = {}
        self._drift = 0.0
        self.runs = 0

    def propose(self, parent: Commit) -> Commit:
        """The next edit of `parent`."""
        noise = math.exp(self.rng.gauss(0, 0.4)) if self._landscape.uneven else 1.0
        return Commit(parent.mean + self._landscape.effect_of_next(self.rng), noise)

    def run(self, commit: Commit, seed: int) -> float:
        """The value of one run."""
        self.pass_time()
        return self._value(commit, seed)

    def pair(self, one: Commit, other: Commit, seed: int) -> tuple[float, float]:
        """The values of two runs side by side."""
        self.pass_time()
        self.runs += 1
        return self._value(one, seed), self._value(other, seed)

    def pass_time(self) -> None:
        """The time of one run goes by."""
        self.runs += 1
        if self._landscape.drifts:
            self._drift = DRIFT_HOLDS * self._drift + self.rng.gauss(0, DRIFT_STEP)

    def _value(self, commit: Commit, seed: int) -> float:
        shared = self._landscape.shared
        if seed not in self._luck:
            self._luck[seed] = self.rng.gauss(0, 1)
        wild = 5.0 if self._landscape.tails and self.rng.random() < 0.05 else 1.0
        own = wild * commit.noise * self.rng.gauss(0, 1)
        return commit.mean + math.sqrt(shared) * self._luck[seed] + math.sqrt(1 - shared) * own + self._drift
