"""What a contract says: what may change, how it is run, what is measured, what it may cost."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from jumar.core.outcome import MOST


class Direction(enum.Enum):
    """Which way of a metric is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class Clock(enum.Enum):
    """What a run's budget is counted in; CPU and wall are metered from outside the run."""

    CPU = "cpu"  #: CPU seconds of the whole process tree
    WALL = "wall"  #: seconds that passed; the choice for GPUs
    STEPS = "steps"  #: the target counts its own steps and stops by itself


class Scores(enum.Enum):
    """How much of a measured score agents are shown; people are shown all of it."""

    FULL = "full"  #: every digit
    ROUNDED = "rounded"  #: to the noise between runs, so that nothing can be fitted to single digits
    BIT = "bit"  #: kept or not; numbers of the champion alone, rounded


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """The number a study improves, and which way is better."""

    name: str
    direction: Direction = Direction.MINIMIZE

    def gain(self, old: float, new: float) -> float:
        """How much better `new` is than `old`, in the metric's own unit; negative when worse."""
        return old - new if self.direction is Direction.MINIMIZE else new - old

    def relative_gain(self, old: float, new: float) -> float:
        """The gain as a share of `old`'s size; 0.05 is 5 % better."""
        share = self.gain(old, new) / abs(old) if old else self.gain(old, new)
        return max(-MOST, min(MOST, share))


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What one run may spend on the work itself: seconds, or steps where the clock says so."""

    amount: float
    clock: Clock


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """A second measurement and the bound that a kept change must respect."""

    name: str
    at_most: bool  #: True for `<=`, False for `>=`
    bound: float
    relative: bool  #: the bound is a multiple of the baseline's own value
    plus: float = 0.0  #: what a relative bound allows beyond the multiple


class TargetTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`[target]`: what is to be improved, and what may change in it."""

    name: str
    editable: tuple[str, ...]  #: globs relative to the target's folder
    program: str = "program.md"


class RunTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`[run]`: how one run is started and what it may use."""

    command: tuple[str, ...]
    budget: Budget
    timeout_s: float
    memory_bytes: int
    disk_bytes: int
    output_bytes: int
    processes: int
    network: bool = False
    env: tuple[str, ...] = ()  #: `NAME` is passed through, `NAME=value` is set
    inputs: tuple[str, ...] = ()  #: read-only paths a run sees beside its tree (`~` is the home)


class MeasureTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`[measure]`: the metric, who computes it, and what must hold beside it."""

    metric: Metric
    bound: float | None = None  #: no value can be better than this; one that is, is void
    score: tuple[str, ...] = ()  #: the trusted scorer's command; empty: read from the output
    serve: tuple[str, ...] = ()  #: answers the scorer's questions with the candidate's code
    servers: int = 2  #: how many separate processes of `serve` the scorer is given
    hidden: tuple[str, ...] = ()  #: seen by the scorer alone; `@FILE` names a file of such paths
    guards: tuple[Guard, ...] = ()
    checks: tuple[tuple[str, ...], ...] = ()  #: commands that must succeed before a keep
    baseline: int = 4  #: runs of the unchanged target that give the noise
    confirmations: int = 8  #: at most so many pairs before a change is kept or dropped
    false_keeps: float = 0.10  #: the share of a study's keeps that may be false, in expectation
    simpler: bool = True  #: less code is a keep at an equal score
    scores: Scores = Scores.ROUNDED


class AgentLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent of a study may spend; None means no such limit."""

    usd: float | None = None
    tokens: int | None = None


class LimitTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`[limits]`: when a study stops (None means no such limit), and what it does not do alone."""

    experiments: int | None = None
    hours: float | None = None
    usd: float | None = None
    tokens: int | None = None  #: read and written by agents, all together
    agents: Mapping[str, AgentLimits] = {}  #: name of an agent → what it may spend of that
    plateau: int | None = None  #: so many experiments without a keep
    target: float | None = None  #: stop when the champion's value reaches this
    approve: bool = False  #: what would be kept waits for a person
    ahead: int = 4  #: most proposals in hand for each worker; 0: who thinks is asked when one is free
    brief_tokens: int = 24_000  #: most of a brief, as estimated from its bytes


class HybridTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`[hybrid]`: how the agents of one study work together."""

    polish: int | None = None  #: trials of the tuner for a code change that nearly won; None: the usual
    nearby: float = 0.0  #: share of the proposals of models and coding agents that start from a near miss
    bandit: bool = False  #: shares move towards those whose proposals gain most for what they take


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """One contract, at one scale. `scales` holds every rung's run terms, smallest first."""

    target: TargetTerms
    run: RunTerms
    measure: MeasureTerms
    limits: LimitTerms
    agents: Mapping[str, float] = {}  #: `[agents]`: who proposes in a new study that is asked for nobody
    hybrid: HybridTerms = HybridTerms()
    scale: str = "default"
    scales: Mapping[str, RunTerms] = {}

    def at(self, scale: str) -> Contract:
        """This contract on another rung. Raises KeyError for a scale it does not have."""
        return msgspec.structs.replace(self, scale=scale, run=self.scales[scale])

    @property
    def self_reported(self) -> bool:
        """True when the metric comes from the run's own output instead of a trusted scorer."""
        return not self.measure.score
