"""Tells what the knobs of some code are and what the study has shown of them, whoever turned them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jumar.agents.knobs import knobs_of, without_knobs
from jumar.agents.literals import is_same
from jumar.agents.ranges import Range, Scale
from jumar.core.agent import Brief, KnobNow
from jumar.rules.duplicates import fingerprint

_SAID = ("knobs", "changed", "code")
_DIGITS = 16


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


def knobs_now(brief: Brief) -> tuple[KnobNow, ...]:
    """Every knob that the tuner finds in the editable files, with what it may become."""
    found = knobs_of(brief.files, brief.contract.run.command)
    return tuple(KnobNow(name=knob.name, value=knob.value, range=_in_words(knob.range)) for knob in found)


def _in_words(range_: Range) -> str:
    if range_.choices:
        return "one of " + ", ".join(map(str, range_.choices))
    ruler = {Scale.LOG: ", on a log ruler", Scale.POWER: ", powers of two"}.get(range_.scale, "")
    return f"{range_.low:g} to {range_.high:g}{ruler}"
