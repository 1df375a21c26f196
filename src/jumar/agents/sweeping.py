"""Owns which values a sweep of knobs looks at: places across the tuner's range of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from jumar.agents.knobs import Knob, knobs_of, splice
from jumar.agents.literals import Value, is_same
from jumar.agents.space import bounds, coordinate, value_at
from jumar.core.probe import Variant
from jumar.core.proposal import Edit
from jumar.errors import Usage


def variants(
    files: Mapping[str, bytes], command: Sequence[str], names: Sequence[str], most: int
) -> tuple[Variant, ...]:
    """At most so many, the same number for each knob, its present value left out.

    A name may be short where only one knob ends so. Raises Usage for what is no knob here.
    """
    known = knobs_of(files, command)
    knobs = list(dict.fromkeys(_named(name, known).name for name in names))
    found = {knob.name: knob for knob in known}
    each = most // len(knobs)
    if each < 1:
        raise Usage(f"{len(knobs)} knobs need more runs than {most}", fix="ask for more runs, or fewer knobs")
    return tuple(
        Variant(knob=name, was=found[name].value, value=value, edits=(_edit(files, found[name], value),))
        for name in knobs
        for value in _values(found[name], each)
    )


def _named(name: str, known: Sequence[Knob]) -> Knob:
    names = {knob.name: knob for knob in known}
    if name in names:
        return names[name]
    short = [knob for knob in known if knob.name.rpartition(":")[2] == name]
    if len(short) == 1:
        return short[0]
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    fix = f"did you mean {near[0]}? `jumar knobs` lists them" if near else "`jumar knobs` lists them"
    raise Usage(f"{name} is no knob of the champion", fix=fix)


def _values(knob: Knob, most: int) -> list[Value]:
    """Values evenly across the range, by the scale that the tuner turns it on; fewer where it has fewer."""
    found = _spread(knob, most)
    if len(found) < most:  # it stands at one of them, or two of them are one
        found = _spread(knob, most + 1)
    if len(found) > most:  # the ends stay
        here = coordinate(knob.range, knob.value)
        found.remove(min(found, key=lambda value: abs(coordinate(knob.range, value) - here)))
    return found


def _spread(knob: Knob, places: int) -> list[Value]:
    low, high = bounds(knob.range)
    found: list[Value] = []
    for place in range(places):
        value = value_at(knob.range, low + place * (high - low) / max(1, places - 1))
        if not any(is_same(value, other) for other in (knob.value, *found)):
            found.append(value)
    return found


def _edit(files: Mapping[str, bytes], knob: Knob, value: Value) -> Edit:
    return Edit(path=knob.path, content=splice(knob.path, files[knob.path], {knob.name: value}))
