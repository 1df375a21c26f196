"""What the judge sees, and what it may answer while it has not seen enough. All replayable."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from jumar.core.by_seed import BySeed
from jumar.core.contract import Guard, Metric
from jumar.core.outcome import Measured, Outcome
from jumar.core.run import Purpose


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """How much the metric moves when nothing changes.

    The standard deviations are of its logarithm where `relative`, else in its own unit.
    """

    run_sd: float  #: standard deviation between runs of one commit on different seeds
    pair_sd: float  #: standard deviation of the difference within a pair of equals
    runs: int  #: how many runs (and pairs) this rests on
    deterministic: bool = False  #: baseline runs agreed to the last digit: one run decides
    relative: bool = False  #: every value of the unchanged target was positive
    seeded: bool = True  #: False when the same seed does not give a closer result (no pairing)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A commit's own measurements: by seed, and the mean of its fresh runs."""

    value: float
    by_seed: BySeed
    others: Mapping[str, float] = {}  #: mean of each further measurement
    runs: int = 1


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate and reference on the same fresh seed, side by side."""

    seed: int
    candidate: Outcome
    reference: Outcome
    strict: bool = False  #: both were scored strictly
    alike: bool = True  #: both were made under the same circumstances

    @property
    def sides(self) -> tuple[Outcome, Outcome]:
        """Candidate, reference."""
        return self.candidate, self.reference


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a verdict on one experiment may rest on."""

    metric: Metric
    noise: Noise
    baseline: Standing  #: of the unchanged target, for relative guards
    champion: Standing
    guards: tuple[Guard, ...] = ()
    confirmations: int = 8  #: at most so many pairs
    test: int = 1  #: its place among the study's experiments that were put to the test
    keeps: int = 0  #: of the study so far
    false_keeps: float = 0.10  #: the share of keeps that may be false
    bound: float | None = None  #: no value can be better than this
    largest_gain: float = 0.0  #: of the study's keeps, as `rules/quarantine.py` counts
    saved: int = 0  #: syntax-tree nodes that the champion has more
    margin: float = 0.0  #: what less code may lose, on the scale on which values are compared
    checks: int = 0  #: how many check commands the contract has
    screen: Outcome | None = None
    screen_seed: int | None = None
    reference: Standing | None = None  #: of what it is paired with, where that is not the champion
    confirming: bool = False  #: a pair of it was started, whatever came of that one
    checked: tuple[Outcome, ...] = ()  #: a Measured for each check that passed
    pairs: tuple[Pair, ...] = ()
    alike: bool = True  #: what is known of the champion was made under the circumstances of its own runs

    @property
    def is_positive(self) -> bool:
        """Whether every value of the metric that a verdict may compare has a logarithm."""
        standings = (each for each in (self.champion, self.reference) if each)
        if not all(each.value > 0 and each.by_seed.is_positive for each in standings):
            return False
        outcomes = (self.screen, *(side for pair in self.pairs for side in pair.sides))
        return all(outcome.value > 0 for outcome in outcomes if isinstance(outcome, Measured))


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """The judge has not seen enough: what it wants run next, and why."""

    purpose: Purpose  #: SCREEN, CHECK or CONFIRM (one more pair)
    why: str
    strict: bool = False  #: the scorer is to look harder
