"""The opponent: Optuna's TPE as anybody would use it, on a search space that was written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import optuna

from jumar.agents.knobs import find_knobs, splice
from jumar.agents.ranges import Scale
from jumar.agents.space import bounds, value_at
from jumar.core.agent import Brief
from jumar.core.contract import Direction
from jumar.core.outcome import Measured
from jumar.core.proposal import Edit, Proposal
from jumar.core.run import Purpose, Side

optuna.logging.set_verbosity(optuna.logging.ERROR)
Space = Mapping[str, Any]  # knob → Optuna's distribution of its values


class PlainTPE:
    """All knobs at once, ten random trials first, the mean of a trial's own runs as its value.

    Trials without a number are told as failed, as `study.optimize(catch=…)` does. The champion is
    never looked at: the edits give every knob of the space its value.
    """

    name = "plain-tpe"
    repeats = True

    def __init__(self, path: str, space: Space) -> None:
        self._path, self._space = path, space

    def propose(self, brief: Brief) -> Proposal:
        """What the sampler's defaults suggest next, with the history told in order."""
        maximise = brief.contract.measure.metric.direction is Direction.MAXIMIZE
        study = optuna.create_study(
            direction="maximize" if maximise else "minimize",
            sampler=optuna.samplers.TPESampler(seed=brief.chance % 2**32),
        )
        for record in brief.history:
            if values := record.experiment.details.get("knobs"):
                outcomes = [
                    run.outcome
                    for run in record.runs
                    if run.run.side is Side.CANDIDATE and run.run.purpose is not Purpose.CERTIFY
                ]
                study.add_trial(self._told(values, outcomes))
        values = study.ask(dict(self._space)).params
        content = splice(self._path, brief.files[self._path], values)
        edits = (Edit(path=self._path, content=content),)
        return Proposal(hypothesis=str(values), edits=edits, agent=self.name, details={"knobs": values})

    def _told(self, values: Mapping[str, Any], outcomes: list[Any]) -> Any:
        measured = [outcome.value for outcome in outcomes if isinstance(outcome, Measured)]
        said: dict[str, Any] = {"state": optuna.trial.TrialState.FAIL}
        if measured and len(measured) == len(outcomes):
            said = {"value": fmean(measured)}
        return optuna.trial.create_trial(params=dict(values), distributions=dict(self._space), **said)


def space_from(path: str, source: bytes) -> Space:
    """Optuna's distributions for what the source's own comments say, as a person would copy them."""
    space: dict[str, Any] = {}
    for knob in find_knobs(path, source):
        range_ = knob.range
        low, high = bounds(range_)
        if range_.choices:
            space[knob.name] = optuna.distributions.CategoricalDistribution(range_.choices)
        elif range_.scale is Scale.POWER:
            powers = [value_at(range_, place) for place in range(int(low), int(high) + 1)]
            space[knob.name] = optuna.distributions.CategoricalDistribution(powers)
        elif isinstance(knob.value, int):
            low, high, log = int(range_.low), int(range_.high), range_.scale is Scale.LOG
            space[knob.name] = optuna.distributions.IntDistribution(low, high, log=log)
        else:
            log = range_.scale is Scale.LOG
            space[knob.name] = optuna.distributions.FloatDistribution(range_.low, range_.high, log=log)
    return space
