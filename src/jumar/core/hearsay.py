"""What another ledger tells of an experiment of its own: a hypothesis here, whatever it was there."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jumar.core.contract import Direction
from jumar.core.verdict import Decision

FOREIGN = "foreign"  #: who signs what was adopted; in its details, where it came from

Commit = Annotated[str, Meta(pattern="^[0-9a-f]{40}$")]
LedgerId = Annotated[str, Meta(pattern="^[0-9a-f]{12}$")]


class Hearsay(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it travels. All of it is what somebody says, but for the commit that it stands on.

    It tells an effect and no score, and nothing of seeds, logs, secrets or the holdout.
    """

    form: Literal[1] = 1  #: of this record; another one is not read
    ledger: LedgerId  #: whose: taken from the first entry of the record that the study has there
    study: str
    number: Annotated[int, Meta(ge=1, le=9_999_999)]
    commit: Commit
    parent: Commit
    metric: str
    direction: Direction
    terms: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]  #: digest of how it was run and measured
    self_reported: bool
    hypothesis: str
    agent: str  #: its kind
    #: The claim that was adopted to make it, by name: somebody ran it again.
    of: Annotated[str, Meta(pattern="^([0-9a-f]{12}/[0-9]{1,7})?$")] = ""
    decision: Decision
    taken_back: bool = False  #: a keep that did not hold
    gain: float | None = None  #: relative: 0.02 is 2 % better than the champion that it met there
    interval: tuple[float, float] | None = None  #: of the gain, 95 %
    pairs: int = 0  #: of runs that confirmed it
    at: float  #: of the verdict, in seconds since the epoch

    @property
    def name(self) -> str:
        """How it is called here: `3fa9c1b2d4e5/12`."""
        return f"{self.ledger}/{self.number}"

    @property
    def stands(self) -> bool:
        """Whether it is said to be a gain there."""
        return self.decision is Decision.KEPT and not self.taken_back
