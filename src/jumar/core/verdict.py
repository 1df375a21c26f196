"""What the judge says of an experiment, with the reason and the evidence."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

OVERTAKEN = "overtaken"  # so begins the reason of a verdict that the loop gave and not the judge
ALONE = "alone"  # in the evidence of such a verdict: what the change gave on its own champion
REJECTED = "rejected"  # and so that of one that a person gave
_BEFORE = ("overtaken", "duplicate")  # codes that only the loop gives to a reason which begins like that


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
    withdrawn: bool = False  #: INVALID by the loop's own word; False too in records older than this field

    @property
    def is_withdrawn(self) -> bool:
        """True when it never ran, as another champion left no room for it: that counts for no limit.

        Reasons quote what agents wrote, the names of files above all. In a record without the field one
        counts only beside a code that no breach found in an agent's edits has.
        """
        before = self.code in _BEFORE and self.reason.startswith(f"{OVERTAKEN}: ")
        return self.decision is Decision.INVALID and (self.withdrawn or before)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What certification found: baseline against champion on fresh seeds on the holdout.

    `relative` and `relative_interval` are shares of the baseline's value (0.09 is 9 % better).
    Only `certified` claims may be repeated without the word *uncertified*. One that is neither
    certified nor `refuted` leaves the champion undecided: it stays, and nothing is said for it.
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
    refuted: bool = False  #: no better than the last certified champion, or than the baseline
    working: float | None = None  #: what the search had promised by then: its own relative gain
    items: int = 0  #: what the evaluation set consists of, where the scorer tells them apart
    items_sd: float = 0.0  #: noise of the evaluation set: of `relative`, had other items been drawn
    at: float = 0.0  #: seconds since the epoch; 0 in records older than this field
    machine: str = ""  #: on which the runs were made

    @property
    def gap(self) -> float | None:
        """By how much a certified gain is smaller than what the search had promised; None where it is not."""
        if not self.certified or self.working is None or self.working <= self.relative:
            return None
        return self.working - self.relative
