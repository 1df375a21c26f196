"""One execution of an experiment with one seed, and what the ledger knows of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from jumar.core.job import ExitReport
from jumar.core.machine import Circumstances
from jumar.core.outcome import Outcome


class Purpose(enum.Enum):
    """What a run is for."""

    BASELINE = "baseline"  #: the unchanged target, to learn the noise
    SCREEN = "screen"  #: one look at a candidate, beside the champion's stored values
    CHECK = "check"  #: the contract's `checks` on the candidate's tree
    CONFIRM = "confirm"  #: one side of a pair: candidate and champion, same fresh seed
    REVISIT = "revisit"  #: the champion anew, alone or beside what it is built on: is it what it was?
    PROBE = "probe"  #: a look that decides nothing: a knob at another value, a profile
    CERTIFY = "certify"  #: one side of a pair: champion and baseline, on the holdout


class Side(enum.Enum):
    """Which side of a comparison a run is on."""

    CANDIDATE = "candidate"  #: the change that is judged (when certifying: the champion)
    REFERENCE = "reference"  #: what it is compared with (the champion; when certifying: the baseline)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a run: decided before it starts, and written before it starts."""

    key: str  #: `<experiment>-<n>`, unique in the study
    experiment: int
    commit: str
    seed: int
    purpose: Purpose
    side: Side = Side.CANDIDATE
    pair: int = 0  #: runs of one purpose with the same pair number belong together
    attempt: int = 0  #: counts up when a lost run is done again
    share: float = 1.0  #: of the budget
    profiled: bool = False  #: Python tells where its time goes
    strict: bool = False  #: the scorer is to look harder: what is measured is hard to believe


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the ledger knows it. `outcome` is None while it runs and when it was lost.

    `artefacts` names what is kept beside the ledger: `log`, `curve`, `score`, `items` → digest.
    """

    run: Run
    started_at: float  #: seconds since the epoch
    ended_at: float | None = None
    outcome: Outcome | None = None
    report: ExitReport | None = None
    artefacts: Mapping[str, str] = {}
    lost: str = ""  #: why it will never have an outcome (the controller died, say)

    @property
    def under(self) -> Circumstances | None:
        """What it was made under; None while that is not known, and in older records."""
        return self.report.under if self.report else None

    @property
    def is_open(self) -> bool:
        """True while the run is under way as far as the ledger knows."""
        return self.ended_at is None
