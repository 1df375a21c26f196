"""What the judge says of an experiment, with the reason and the evidence."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

OVERTAKEN = "overtaken"  # so begins the reason of a verdict that the loop gave and not the judge


class Decision(enum.Enum):
    """The four ends of an experiment."""

    KEPT = "kept"  #: really better; the champion moves
    DISCARDED = "discarded"  #: ran, and is not better as far as the evidence goes
    FAILED = "failed"  #: gave no number
    INVALID = "invalid"  #: a breach of the contract; never run, or its number is void


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that stays decided. `evidence` is JSON: what the judge saw, as numbers."""

    decision: Decision
    reason: str
    code: str = ""  #: the breach's code, for INVALID
    gain: float | None = None  #: estimated gain in the metric's unit; positive is better
    interval: tuple[float, float] | None = None  #: of the gain, 95 %
    evidence: Mapping[str, Any] = {}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What certification found: baseline against champion on fresh seeds on the holdout.

    `relative` and `relative_interval` are shares of the baseline's value (0.09 is 9 % better).
    Only `certified` claims may be repeated without the word *uncertified*.
    """

    experiment: int
    baseline: str
    champion: str
    baseline_value: float
    champion_value: float
    relative: float
    relative_interval: tuple[float, float]
    pairs: int
    certified: bool
    reason: str
    self_reported: bool = False
    look: int = 1  #: how many looks at the holdout the study has had, this one included
