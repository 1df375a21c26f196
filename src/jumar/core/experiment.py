"""One proposal applied to one parent commit, with everything that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from jumar.core.proposal import Cost
from jumar.core.run import RunRecord
from jumar.core.verdict import Decision, Verdict

BASELINE = 0  #: the number of the unchanged target in every study


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when an experiment enters the ledger, before anything of it runs."""

    number: int  #: 0 is the baseline; proposals count from 1
    parent: str  #: commit the edits apply to
    commit: str  #: parent plus edits; the parent itself when the proposal was refused
    tree: str  #: identity of the editable files after the edits, for the check against duplicates
    hypothesis: str
    agent: str
    predicted: float | None = None
    details: Mapping[str, Any] = {}
    cost: Cost = Cost()
    saved: int = 0  #: syntax-tree nodes that the parent has more, where less code is a keep
    edits: str = ""  #: digest of the proposal as it was handed over
    touched: tuple[str, ...] = ()  #: what the edits change, by name: `train.py:LR`, `train.py:Block.forward`


class ExperimentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment as the ledger knows it."""

    experiment: Experiment
    proposed_at: float
    runs: tuple[RunRecord, ...] = ()
    verdict: Verdict | None = None
    judged_at: float | None = None
    refuted: str = ""  #: why a keep was taken back: a certification spoke against it, or it fails
    held: Verdict | None = None  #: what the judge said, while a person's approval is waited for
    since: float = 0.0  #: runs of its commit that began before count no more: a revisit found others

    @property
    def number(self) -> int:
        """The experiment's number in its study."""
        return self.experiment.number

    @property
    def is_open(self) -> bool:
        """True until the judge has spoken."""
        return self.verdict is None

    @property
    def is_kept(self) -> bool:
        """True when the champion moved here."""
        return self.verdict is not None and self.verdict.decision is Decision.KEPT

    @property
    def stands(self) -> bool:
        """True when it was kept, and no certification has refuted it since."""
        return self.is_kept and not self.refuted
