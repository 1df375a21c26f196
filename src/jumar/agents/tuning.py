"""Tells what the knobs of some code are and what the study has shown of them, whoever turned them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from jumar.agents.knobs import knobs_of, without_knobs
from jumar.agents.literals import is_same
from jumar.agents.ranges import Range, Scale
from jumar.agents.space import bounds, coordinate, value_at, widened
from jumar.agents.trials import Fate, Point, Trials, worth_reading
from jumar.core.agent import Brief, KnobNow, Stretch
from jumar.rules.duplicates import fingerprint

_SAID = ("knobs", "changed", "code")
_DIGITS = 16
THIRDS = 3
MOST_CHOICES = 8  # that are told one by one
MOST_ENDS = 2  # why runs died: the commonest


def with_knobs(
    details: Mapping[str, Any],
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    command: Sequence[str],
) -> Mapping[str, Any]:
    """`details` of a proposal with what its edits are to the tuner, whoever made them.

    `knobs` says how they stand afterwards, and `code` which code they are in: programs that differ in
    nothing but knobs have the same. `changed` is there where knobs were turned and nothing else was
    done: then the experiment is an observation. What the agent itself says under these names is left out.
    """
    found = {knob.name: knob.value for knob in knobs_of(after, command)}
    first = {knob.name: knob.value for knob in knobs_of(before, command)}
    said: dict[str, Any] = {name: value for name, value in details.items() if name not in _SAID}
    if not found and not first:
        return said
    said |= {"knobs": found, "code": code_of(after)}
    if said["code"] == code_of(before) and found.keys() == first.keys():
        turned = [name for name, value in found.items() if not is_same(first[name], value)]
        said["changed"] = {name: [first[name], found[name]] for name in turned}
    return said


def code_of(files: Mapping[str, bytes]) -> str:
    """Identity of the code but for its knobs."""
    return fingerprint({path: without_knobs(path, source) for path, source in files.items()})[:_DIGITS]


class KnobsNow:
    """Tells every knob of the champion, what it may become, and what the study has shown of it.

    Those come first that seem to matter most.
    """

    def __init__(self) -> None:
        self._trials = Trials()

    def __call__(self, brief: Brief) -> tuple[KnobNow, ...]:
        """The same brief gives the same knobs."""
        found = knobs_of(brief.files, brief.contract.run.command)
        base = {knob.name: knob.value for knob in found}
        trials = worth_reading(self._trials.read(brief))
        points = self._trials.points(trials, brief.parent, base)
        level = next((trial.height for trial in trials if trial.commit == brief.parent), 0.0)
        told = []
        for knob in found:
            range_ = widened(knob, [point.values[knob.name] for point in points]).range
            seen = seen_of(knob.name, range_, points, level)
            told.append(KnobNow(name=knob.name, value=knob.value, range=_in_words(range_), seen=seen))
        return tuple(sorted(told, key=lambda knob: -_matters(knob)))


def seen_of(name: str, range_: Range, points: Sequence[Point], level: float) -> tuple[Stretch, ...]:
    """What came of each third of a knob's range, or of each value where these are few."""
    ended = [point for point in points if point.fate is not Fate.OPEN]
    low, high = bounds(range_)
    if 0 < len(range_.choices) <= MOST_CHOICES:
        parts: list[tuple[str, list[Point]]] = [
            (str(choice), [point for point in ended if is_same(point.values[name], choice)])
            for choice in range_.choices
        ]
    else:
        edges = [low + (high - low) * third / THIRDS for third in range(THIRDS + 1)]
        placed = [(coordinate(range_, point.values[name]), point) for point in ended]
        parts = [
            (
                f"{value_at(range_, begin)} to {value_at(range_, end)}",
                [point for place, point in placed if begin <= place < end or (place == high == end)],
            )
            for begin, end in pairwise(edges)
        ]
    return tuple(_stretch(words, inside, level) for words, inside in parts if inside)


def _stretch(words: str, points: Sequence[Point], level: float) -> Stretch:
    heights = [point.height - level for point in points if point.fate is Fate.MEASURED]
    lost = Counter(
        point.why or "hopeless early on" for point in points if point.fate in (Fate.FAILED, Fate.STOPPED)
    )
    return Stretch(
        values=words,
        measured=len(heights),
        mean=fmean(heights) if heights else None,
        best=max(heights) if heights else None,
        lost=dict(lost.most_common(MOST_ENDS)),
    )


def _matters(knob: KnobNow) -> float:
    """How far apart the parts of its range are."""
    means = [part.mean for part in knob.seen if part.mean is not None]
    return max(means) - min(means) if means else 0.0


def _in_words(range_: Range) -> str:
    if range_.choices:
        return "one of " + ", ".join(map(str, range_.choices))
    ruler = {Scale.LOG: ", on a log ruler", Scale.POWER: ", powers of two"}.get(range_.scale, "")
    return f"{range_.low:g} to {range_.high:g}{ruler}"
