"""An opponent: CMA-ES as its author's tutorial has it, on a search space that was written by hand."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from bench.plain_tpe import Space
from jumar.agents.knobs import splice
from jumar.core.agent import Brief
from jumar.core.contract import Direction
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.proposal import Edit, Proposal
from jumar.core.run import Purpose, Side

Vector = NDArray[np.float64]
STEP = 0.3  # of the range, at first: the tutorial's advice where the best may lie anywhere
WORST = 1e9


class CMAES:
    """All knobs at once, a generation at a time (Hansen, *The CMA Evolution Strategy: A Tutorial*, 2016).

    Every range is a unit interval, on the ruler of its distribution; choices are steps in their order.
    It begins where the target stands. A trial without a number is worse than all that have one.
    """

    name = "cma-es"
    repeats = True

    def __init__(self, path: str, space: Space, start: Any) -> None:
        self._path, self._space = path, dict(space)
        self._start = np.array([_place(self._space[name], start[name]) for name in self._space])

    def propose(self, brief: Brief) -> Proposal:
        """The next member of the generation under way."""
        own = [record for record in brief.history if record.experiment.agent == self.name]
        state = _State(self._start)
        for first in range(0, len(own) - state.size + 1, state.size):
            generation = own[first : first + state.size]
            points = [np.array(record.experiment.details["place"]) for record in generation]
            state.learn(points, [_worse(record, brief) for record in generation])
        place = state.draw(np.random.default_rng(brief.chance))
        values = {
            name: _value(self._space[name], x)
            for name, x in zip(self._space, np.clip(place, 0, 1), strict=True)
        }
        content = splice(self._path, brief.files[self._path], values)
        edits = (Edit(path=self._path, content=content),)
        details = {"place": place.tolist()}
        return Proposal(hypothesis=str(values), edits=edits, agent=self.name, details=details)


class _State:
    """Mean, step and covariance of the distribution that the next generation is drawn from."""

    def __init__(self, mean: Vector) -> None:
        n = len(mean)
        self.n, self.size = n, 4 + int(3 * np.log(n))
        mu = self.size // 2
        weights = np.log(mu + 0.5) - np.log(np.arange(1, mu + 1))
        self.weights = weights / weights.sum()
        self.mu_eff = float(1 / (self.weights**2).sum())
        self.c_sigma = (self.mu_eff + 2) / (n + self.mu_eff + 5)
        self.d_sigma = 1 + 2 * max(0.0, np.sqrt((self.mu_eff - 1) / (n + 1)) - 1) + self.c_sigma
        self.c_c = (4 + self.mu_eff / n) / (n + 4 + 2 * self.mu_eff / n)
        self.c_1 = 2 / ((n + 1.3) ** 2 + self.mu_eff)
        self.c_mu = min(1 - self.c_1, 2 * (self.mu_eff - 2 + 1 / self.mu_eff) / ((n + 2) ** 2 + self.mu_eff))
        self.expected = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
        self.mean, self.sigma, self.covariance = mean, STEP, np.eye(n)
        self.path_sigma, self.path_c, self.generations = np.zeros(n), np.zeros(n), 0

    def draw(self, dice: np.random.Generator) -> Vector:
        """A point of the next generation."""
        drawn: Vector = dice.multivariate_normal(self.mean, self.sigma**2 * self.covariance)
        return drawn

    def learn(self, points: list[Vector], losses: list[float]) -> None:
        """Move towards the better half of a generation."""
        self.generations += 1
        best = [points[i] for i in np.argsort(losses, kind="stable")[: len(self.weights)]]
        steps = np.array([(point - self.mean) / self.sigma for point in best])
        step = self.weights @ steps
        self.mean = self.mean + self.sigma * step
        lengths, axes = np.linalg.eigh(self.covariance)
        whitened = axes @ ((axes.T @ step) / np.sqrt(np.maximum(lengths, 1e-12)))
        keep = 1 - self.c_sigma
        drift = np.sqrt(self.c_sigma * (2 - self.c_sigma) * self.mu_eff)
        self.path_sigma = keep * self.path_sigma + drift * whitened
        length = float(np.linalg.norm(self.path_sigma))
        usual = (
            length / np.sqrt(1 - keep ** (2 * self.generations)) < (1.4 + 2 / (self.n + 1)) * self.expected
        )
        along = np.sqrt(self.c_c * (2 - self.c_c) * self.mu_eff) * step
        self.path_c = (1 - self.c_c) * self.path_c + usual * along
        forgotten = self.c_1 * (0.0 if usual else self.c_c * (2 - self.c_c))
        self.covariance = (
            (1 - self.c_1 - self.c_mu + forgotten) * self.covariance
            + self.c_1 * np.outer(self.path_c, self.path_c)
            + self.c_mu * (steps.T * self.weights) @ steps
        )
        self.sigma *= float(np.exp(self.c_sigma / self.d_sigma * (length / self.expected - 1)))


def _worse(record: ExperimentRecord, brief: Brief) -> float:
    """The trial's loss: the mean of its own runs."""
    outcomes = [
        run.outcome
        for run in record.runs
        if run.run.side is Side.CANDIDATE and run.run.purpose is not Purpose.CERTIFY
    ]
    values = [outcome.value for outcome in outcomes if isinstance(outcome, Measured)]
    if not values or len(values) < len(outcomes):
        return WORST
    return fmean(values) * (-1 if brief.contract.measure.metric.direction is Direction.MAXIMIZE else 1)


def _place(values: Any, value: Any) -> float:
    """Where a value lies between 0 and 1."""
    if isinstance(values, optuna.distributions.CategoricalDistribution):
        return (values.choices.index(value) + 0.5) / len(values.choices)
    low, high, x = (float(end) for end in (values.low, values.high, value))
    if values.log:
        low, high, x = np.log(low), np.log(high), np.log(x)
    return float(min(1.0, max(0.0, (x - low) / (high - low))))


def _value(values: Any, x: float) -> Any:
    """The value at a place between 0 and 1."""
    if isinstance(values, optuna.distributions.CategoricalDistribution):
        return values.choices[min(len(values.choices) - 1, int(x * len(values.choices)))]
    low, high = float(values.low), float(values.high)
    if values.log:
        found = float(np.exp(np.log(low) + x * (np.log(high) - np.log(low))))
    else:
        found = low + x * (high - low)
    whole = isinstance(values, optuna.distributions.IntDistribution)
    return round(found) if whole else float(f"{min(max(found, low), high):.4g}")
