"""What came of a run: a finite number, a failure, or a stop. A failure is never a number."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping

import msgspec

MOST = 1e100  #: what is larger cannot be squared, and is no measurement


class Why(enum.Enum):
    """Why a run gave no number."""

    CRASHED = "crashed"  #: exit code other than 0, or a signal
    TIMED_OUT = "timed out"
    OVER_BUDGET = "over budget"  #: spent more than its budget on the clock of the contract
    OUT_OF_MEMORY = "out of memory"
    OVER_DISK = "over disk"
    OVER_OUTPUT = "over output"
    NO_METRIC = "no metric"  #: ended well but said nothing we could read
    NOT_FINITE = "not finite"  #: NaN, infinite, or beyond `MOST`
    REFUSED = "refused"  #: the scorer found the answers not honest (not causal, not normalised …)
    SCORER_FAILED = "scorer failed"  #: the trusted scorer itself crashed, hung or said nonsense
    CHECK_FAILED = "check failed"  #: a command of `checks` did not succeed


class Measured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """The evaluator finished and reported a finite number, of a size that one can reckon with.

    `others` are further named measurements (guards read them): what the scorer or the output
    reported, and ours: peak_memory_mb, cpu_s, wall_s, output_mb, serve_cpu_s, curve_steps.
    `items` are per-item losses where the scorer returns them, all runs in the same order.
    Of both, what is no such number is left out: of the items, all.
    """

    value: float
    others: Mapping[str, float] = {}
    items: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not is_number(self.value):
            raise ValueError(f"{self.value} is not a measurement")
        if not all(map(is_number, self.others.values())):
            numbers = {name: value for name, value in self.others.items() if is_number(value)}
            msgspec.structs.force_setattr(self, "others", numbers)
        if not all(map(is_number, self.items)):
            msgspec.structs.force_setattr(self, "items", ())


def is_number(value: float) -> bool:
    """Whether sums and squares of it are numbers too."""
    return math.isfinite(value) and abs(value) <= MOST


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The run ended without a number; `why` is evidence, not a score."""

    why: Why
    detail: str


class Stopped(msgspec.Struct, frozen=True, kw_only=True, tag="stopped"):
    """We stopped the run early because its curve was hopeless; never a reason to keep."""

    progress: float  #: share of the budget that was spent, 0 to 1
    detail: str


Outcome = Measured | Failed | Stopped


def outcome_in_words(outcome: Outcome) -> str:
    """What a run gave, on one line."""
    match outcome:
        case Measured(value=value):
            return f"{value:.6g}"
        case Failed(why=why, detail=detail):
            return f"{why.value}: {detail}".partition("\n")[0]
        case Stopped(detail=detail):
            return f"stopped: {detail}".partition("\n")[0]
