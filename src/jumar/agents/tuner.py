"""Tunes the knobs that stand in the source, from what every experiment of the study has shown."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from random import Random

from msgspec.structs import replace

from jumar.agents.knobs import Knob, knobs_of, splice
from jumar.agents.literals import Value, is_same
from jumar.agents.ranges import Range, Scale, promise_of
from jumar.agents.sampling import ask_tpe
from jumar.agents.space import Values, bounds, coordinate, value_at, widened
from jumar.agents.trials import Point, Trials, worth_reading
from jumar.agents.tuning import code_of
from jumar.core.agent import Brief
from jumar.core.proposal import Edit, Proposal


class Sampler(enum.Enum):
    """How new values are found."""

    TPE = "tpe"  #: Optuna's, one to a few knobs at a time, from the champion
    RANDOM = "random"  #: uniform over the same ranges, all knobs at once: what any other must beat


# Measured by bench/tuner.py.
MOST_KNOBS = 4  # turned in one proposal
STEPS_PER_KNOB, MOST_STEPS = 1.5, 25  # trials made of plain steps, before TPE has enough to go by
STEP = 0.15  # of the range, half to double
TRIES, LAST_TRIES = 8, 200  # at finding what was not tried; the last ones cost next to nothing


class Tuner:
    """Proposes values for the knobs of the editable Python files.

    Works from the champion: most knobs stay, one to a few are turned. The knobs are found anew in
    each champion's source, whoever edited it. It learns from every experiment whose knobs are known
    (`details["knobs"]`), and rebuilds all it knows from the brief. `space` gives ranges by knob
    name; then only those knobs are turned.
    """

    repeats = False

    def __init__(self, *, sampler: Sampler = Sampler.TPE, space: Mapping[str, Range] | None = None) -> None:
        self.name = "tuner" if sampler is Sampler.TPE else f"tuner:{sampler.value}"
        self._sampler = sampler
        self._space = space
        self._trials = Trials()

    def propose(self, brief: Brief) -> Proposal | None:
        """Values that were not tried, or None where no knob is left to turn."""
        every, code = knobs_of(brief.files, brief.contract.run.command), code_of(brief.files)
        all_of_them = {knob.name: knob.value for knob in every}
        found = self._mine(every)
        base = {knob.name: knob.value for knob in found}
        trials = worth_reading(self._trials.read(brief))
        points = self._trials.points(trials, brief.parent, base)
        knobs = [widened(knob, [point.values[knob.name] for point in points]) for knob in found]
        dice = Random(brief.chance)
        turns = Counter(name for trial in trials for name in trial.changed)
        ideas = (self._pick(knobs, points, turns, dice) for _ in range(TRIES))
        last_resort = (("random", _anywhere(knobs, dice)) for _ in range(LAST_TRIES))
        for how, idea in chain(ideas, last_resort):
            values = {**base, **idea}
            if values != base and not self._trials.was_tried({**all_of_them, **values}, code):
                return self._proposal(brief, base, values, how)
        return None

    def _mine(self, knobs: list[Knob]) -> list[Knob]:
        if self._space is None:
            return knobs
        return [replace(knob, range=self._space[knob.name]) for knob in knobs if knob.name in self._space]

    def _pick(
        self, knobs: Sequence[Knob], points: Sequence[Point], turns: Mapping[str, int], dice: Random
    ) -> tuple[str, Values]:
        """How the values were found, in a word, and the values."""
        if self._sampler is Sampler.RANDOM:
            return "random", _anywhere(knobs, dice)
        few = _most_promising(knobs, turns, dice)[: dice.randint(1, MOST_KNOBS)]
        if len(points) <= min(MOST_STEPS, STEPS_PER_KNOB * len(knobs)):
            return "a step", {knob.name: _nearby(knob, dice) for knob in few}
        return "TPE", ask_tpe(few, points, dice.getrandbits(32))

    def _proposal(self, brief: Brief, base: Values, values: Values, how: str) -> Proposal:
        changed = {name: values[name] for name in base if not is_same(values[name], base[name])}
        edits = []
        for path, source in sorted(brief.files.items()):
            mine = {name: value for name, value in changed.items() if name.startswith(f"{path}:")}
            if mine:
                edits.append(Edit(path=path, content=splice(path, source, mine)))
        return Proposal(
            hypothesis=_sentence(base, changed, how),
            edits=tuple(edits),
            agent=self.name,
            details={
                "knobs": dict(values),
                "changed": {name: [base[name], value] for name, value in changed.items()},
            },
        )


def _most_promising(knobs: Sequence[Knob], turns: Mapping[str, int], dice: Random) -> list[Knob]:
    """All knobs, first those that were turned seldom for what they promise."""
    return sorted(
        knobs,
        key=lambda knob: (turns.get(knob.name, 0) + dice.random()) / promise_of(knob.name, knob.range),
    )


def _anywhere(knobs: Sequence[Knob], dice: Random) -> Values:
    return {knob.name: value_at(knob.range, dice.uniform(*bounds(knob.range))) for knob in knobs}


def _nearby(knob: Knob, dice: Random) -> Value:
    """A clear step up or down from where the knob stands."""
    range_ = knob.range
    low, high = bounds(range_)
    if range_.scale is Scale.NAMES:
        return dice.choice([value for value in range_.choices if not is_same(value, knob.value)])
    smallest = 0.6 if range_.scale in (Scale.STEPS, Scale.POWER) else 0.0
    step = max(smallest, STEP * (high - low) * dice.uniform(0.5, 2)) * dice.choice((-1, 1))
    here = coordinate(range_, knob.value)
    value = value_at(range_, here + step)
    return value_at(range_, here - step) if is_same(value, knob.value) else value  # at an end, turn round


def _sentence(base: Values, changed: Values, how: str) -> str:
    """`LR 0.001 → 0.0032 (TPE, joint with BATCH 16 → 8)`."""
    moves = [f"{name.rpartition(':')[2]} {base[name]} → {value}" for name, value in changed.items()]
    joint = f", joint with {', '.join(moves[1:])}" if moves[1:] else ""
    return f"{moves[0]} ({how}{joint})"
