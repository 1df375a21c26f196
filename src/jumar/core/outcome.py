"""What came of a run: a finite number, a failure, or a stop. A failure is never a number."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping

import msgspec


class Why(enum.Enum):
    """Why a run gave no number."""

    CRASHED = "crashed"  #: exit code other than 0, or a signal
    TIMED_OUT = "timed out"
    OVER_BUDGET = "over budget"  #: spent more than its budget on the clock of the contract
    OUT_OF_MEMORY = "out of memory"
    OVER_DISK = "over disk"
    OVER_OUTPUT = "over output"
    NO_METRIC = "no metric"  #: ended well but said nothing we could read
    NOT_FINITE = "not finite"  #: NaN or infinite
    REFUSED = "refused"  #: the scorer found the answers not honest (not causal, not normalised …)
    SCORER_FAILED = "scorer failed"  #: the trusted scorer itself crashed, hung or said nonsense
    CHECK_FAILED = "check failed"  #: a command of `checks` did not succeed


class Measured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """The evaluator finished and reported a finite number.

    `others` are further named measurements (guards read them): what the scorer or the output
    reported, and ours: peak_memory_mb, cpu_s, wall_s, output_mb, serve_cpu_s, curve_steps.
    `items` are per-item losses where the scorer returns them, all runs in the same order.
    """

    value: float
    others: Mapping[str, float] = {}
    items: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.value} is not a measurement")


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The run ended without a number; `why` is evidence, not a score."""

    why: Why
    detail: str


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """We stopped the run early because its curve was hopeless; never a reason to keep."""

    progress: float  #: share of the budget that was spent, 0 to 1
    detail: str


Outcome = Measured | Failed | Stopped
