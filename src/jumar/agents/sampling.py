"""Asks Optuna where to look next, given what is known. Studies live in memory and only for one question."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import optuna

from jumar.agents.knobs import Knob
from jumar.agents.literals import Value
from jumar.agents.ranges import Kind, Range, Scale
from jumar.agents.space import bounds, coordinate, value_at
from jumar.agents.trials import Fate, Point

optuna.logging.set_verbosity(optuna.logging.ERROR)


def ask_tpe(knobs: Sequence[Knob], points: Sequence[Point], seed: int) -> dict[str, Value]:
    """Values for `knobs`; of what else the points have nothing is looked at.

    Tree-structured Parzen estimator (Bergstra et al., NIPS 2011) as in Optuna. Only the order of
    heights matters to it. A failed trial is infeasible and a stopped one pruned, both without any
    number: TPE ranks them below all that were measured. Open ones count as places already taken.
    """
    spread = {knob.name: _distribution(knob.range) for knob in knobs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of experimental parts of Optuna
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, multivariate=True)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials([_frozen(point, knobs, spread) for point in points])
        place = study.ask(spread).params
    return {knob.name: value_at(knob.range, place[knob.name]) for knob in knobs}


def _frozen(point: Point, knobs: Sequence[Knob], spread: dict[str, Any]) -> Any:
    params = {knob.name: _coordinate(knob.range, point.values[knob.name]) for knob in knobs}
    state = optuna.trial.TrialState
    said: dict[Fate, dict[str, Any]] = {
        Fate.MEASURED: {"state": state.COMPLETE, "value": point.height},
        Fate.STOPPED: {"state": state.PRUNED},
        Fate.FAILED: {"state": state.PRUNED, "constraints": {"failed": 1.0}},
        Fate.OPEN: {"state": state.RUNNING},
    }
    return optuna.trial.create_trial(params=params, distributions=spread, **said[point.fate])


def _distribution(range_: Range) -> Any:
    low, high = bounds(range_)
    if range_.scale is Scale.NAMES:
        return optuna.distributions.CategoricalDistribution(tuple(range(len(range_.choices))))
    if _is_whole(range_):
        return optuna.distributions.IntDistribution(math.ceil(low), math.floor(high))
    return optuna.distributions.FloatDistribution(low, high)


def _coordinate(range_: Range, value: Value) -> float:
    place = coordinate(range_, value)
    return round(place) if range_.scale is Scale.NAMES or _is_whole(range_) else place


def _is_whole(range_: Range) -> bool:
    """True when only whole coordinates mean something."""
    steps = range_.scale in (Scale.STEPS, Scale.POWER)
    return steps or (range_.kind is Kind.INT and range_.scale is Scale.LINEAR)
