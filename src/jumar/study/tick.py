"""What a study is doing at this moment: for the eyes, never recorded."""

from __future__ import annotations

import msgspec

from jumar.core.run import Purpose, Side


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is under way."""

    key: str
    experiment: int
    purpose: Purpose
    side: Side
    hypothesis: str
    elapsed_s: float
    progress: float | None  #: share of the budget by its own curve, else of the usual time
    scoring: bool
    place: str = ""  #: name of its folder in the study's scratch


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot, given to observers about twice a second while the study runs."""

    running: tuple[Running, ...]
    queued: int  #: runs that wait for a slot
    judged: int  #: experiments with a verdict
    kept: int
    held: int  #: keeps that wait for a person
    champion: int
    value: float | None  #: the champion's, mean of fresh runs
    baseline: float | None
    active_s: float  #: time the study has been worked on, all sittings together
    time_left_s: float | None  #: by the first limit that will be reached, as far as one can tell
    doing: str  #: in a few words: measuring the baseline, searching, certifying, finishing
