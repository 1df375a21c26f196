"""Looks at a study's code that decide nothing: a sweep of knobs, a profile, edits measured once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from jumar.core.proposal import Edit
from jumar.errors import Usage

MOST_RUNS = 64  #: of one sweep

Number = Annotated[int, Meta(ge=0, description="whose code; the champion's unless said")]
Runs = Annotated[int, Meta(ge=2, le=MOST_RUNS, description="in all, the champion's own included")]
Share = Annotated[float, Meta(gt=0, le=1, description="of the budget that each run is given")]


_Name = Annotated[str, Meta(max_length=400)]


class Sweep(msgspec.Struct, frozen=True, kw_only=True, tag="sweep", forbid_unknown_fields=True):
    """Short runs of the champion with a knob, or a few one after the other, at values across their range."""

    knobs: Annotated[
        tuple[_Name, ...],
        Meta(
            min_length=1,
            max_length=MOST_RUNS,
            description="names, such as `train.py:LR` or `LR`; `LR=0.01,0.03` for values of your own",
        ),
    ]
    runs: Runs = 8
    share: Share = 0.25

    @property
    def most(self) -> int:
        """How many runs it takes at most: as many as it lists values, where it lists those of every knob."""
        listed = [knob.partition("=")[2] for knob in self.knobs]
        if not all(listed):
            return self.runs
        return min(MOST_RUNS, 1 + sum(len(list(filter(str.strip, values.split(",")))) for values in listed))


class Profile(msgspec.Struct, frozen=True, kw_only=True, tag="profile", forbid_unknown_fields=True):
    """One run that tells where its time goes."""

    experiment: Number | None = None


class Measure(msgspec.Struct, frozen=True, kw_only=True, tag="measure", forbid_unknown_fields=True):
    """One run of edits that nobody has proposed, beside one of what they are made on, both on one seed."""

    edits: str  #: digest of the edits, which are kept beside the ledger
    parent: str  #: commit that they are made on


Probe = Sweep | Profile | Measure


def probe_in_words(probe: Probe | None, runs: int) -> str:
    """What was looked at, on one line."""
    if isinstance(probe, Sweep):
        return f"swept {', '.join(probe.knobs)} with {runs} runs of {probe.share:.0%} of the budget"
    if isinstance(probe, Measure):
        return "measured edits once, before they were proposed"
    return "took a profile of one run"


def in_a_word(probe: Probe) -> str:
    """What it is: a sweep, a profile, a measure."""
    return str(probe.__struct_config__.tag)


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A knob at a value, and the edits that put it there."""

    knob: str
    was: bool | int | float | str
    value: bool | int | float | str
    edits: tuple[Edit, ...]


Variants = Callable[[Mapping[str, bytes], Sequence[str], Sequence[str], int], tuple[Variant, ...]]
"""From editable files, the run's command, names of knobs and how many to variants. Raises Usage."""


def no_variants(*_: object) -> tuple[Variant, ...]:
    """Where nothing finds knobs, there are none."""
    raise Usage("there is no knob to sweep", fix="propose a change instead")
