"""Owns which values a sweep of knobs looks at: those listed, or places across the tuner's range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from jumar.agents.knobs import Knob, knobs_of, splice
from jumar.agents.literals import Value, is_same, read_literal
from jumar.agents.space import bounds, coordinate, value_at
from jumar.core.probe import Variant
from jumar.core.proposal import Edit
from jumar.errors import Usage
from jumar.rules.plain import short

_MOST = 1e300


def variants(
    files: Mapping[str, bytes], command: Sequence[str], names: Sequence[str], most: int
) -> tuple[Variant, ...]:
    """At most so many: the values that a name lists (`LR=0.01,0.03`), or as many for each across its range.

    The value that a knob has is left out. A name may be short where only one knob ends so. Raises Usage
    for what is no knob here.
    """
    known = knobs_of(files, command)
    asked: dict[str, list[Value]] = {}
    found = {knob.name: knob for knob in known}
    for word in names:
        name, lists, values = word.partition("=")
        knob = _named(name.strip(), known)
        wanted = asked.setdefault(knob.name, [])
        wanted += [value for value in _listed(knob, values) if value not in wanted] if lists else []
    left = most - sum(map(len, asked.values()))
    open_ones = [name for name, values in asked.items() if not values]
    if left < len(open_ones):
        raise Usage(
            f"that needs more runs than {most + 1}", fix="ask for more runs, or fewer knobs or values"
        )
    for name in open_ones:
        asked[name] = _values(found[name], left // len(open_ones))
    return tuple(
        Variant(knob=name, was=found[name].value, value=value, edits=(_edit(files, found[name], value),))
        for name, values in asked.items()
        for value in values
    )


def _listed(knob: Knob, words: str) -> list[Value]:
    """The values that were asked for, of the knob's own type; not the one it stands at."""
    found: list[Value] = []
    for word in filter(None, map(str.strip, words.split(","))):
        value = word if isinstance(knob.value, str) else read_literal(word)
        if isinstance(value, int | float) and not abs(value) < _MOST:  # an infinity is no literal
            value = None
        if isinstance(knob.value, float) and type(value) is int:
            value = float(value)
        if value is None or type(value) is not type(knob.value):
            raise Usage(
                f"{short(word, 40)} is no value of {knob.name}, which is {short(repr(knob.value), 40)}",
                fix=f"name such as are of its kind: {type(knob.value).__name__}",
            )
        if not is_same(value, knob.value):
            found.append(value)
    if not found:
        raise Usage(f"{knob.name} is given no other value", fix="list some, as LR=0.01,0.03; or leave out =")
    return found


def _named(name: str, known: Sequence[Knob]) -> Knob:
    names = {knob.name: knob for knob in known}
    if name in names:
        return names[name]
    ending = [knob for knob in known if knob.name.rpartition(":")[2] == name]
    if len(ending) == 1:
        return ending[0]
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    fix = f"did you mean {near[0]}? `jumar knobs` lists them" if near else "`jumar knobs` lists them"
    raise Usage(f"{short(name, 80)} is no knob of the champion", fix=fix)


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
