"""Tells the knobs of a champion as they stand, for agents that do not find them by themselves."""

from __future__ import annotations

from jumar.agents.knobs import knobs_of
from jumar.agents.ranges import Range, Scale
from jumar.core.agent import Brief, KnobNow


def knobs_now(brief: Brief) -> tuple[KnobNow, ...]:
    """Every knob that the tuner finds in the editable files, with what it may become."""
    found = knobs_of(brief.files, brief.contract.run.command)
    return tuple(KnobNow(name=knob.name, value=knob.value, range=_in_words(knob.range)) for knob in found)


def _in_words(range_: Range) -> str:
    if range_.choices:
        return "one of " + ", ".join(map(str, range_.choices))
    ruler = {Scale.LOG: ", on a log ruler", Scale.POWER: ", powers of two"}.get(range_.scale, "")
    return f"{range_.low:g} to {range_.high:g}{ruler}"
