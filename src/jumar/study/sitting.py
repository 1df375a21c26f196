"""How long one sitting may go on: the contract's limits, the call's own, and room to certify."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Clock
from jumar.core.experiment import BASELINE
from jumar.rules.evidence import CERTIFY_PAIRS, standing
from jumar.rules.history import History
from jumar.rules.limits import Progress, must_certify_now, reached, time_left_s
from jumar.study.parts import Parts

Number = TypeVar("Number", int, float)

# Certification is given this much more than its runs usually take: a deadline is a promise.
CERTIFY_MARGIN = 1.25
# A proposal that is worth anything needs a screen and at least two pairs: without time for these it
# would only be left undecided.
CONFIRM_RUNS = 3
SLOW = 1.5  # times its budget: longer than that a run takes on a busy machine


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing new is started any more, and what is still to be done."""

    reason: str
    finished: bool = False  #: a limit of the contract was reached
    certify: bool = False  #: what was kept shall be certified first
    at_once: bool = False  #: what waits for a slot is not started; what runs is finished
    rests: bool = True  #: False: after certifying, the search goes on


class Sitting:
    """The limits of one sitting: the narrower of the contract's and the caller's."""

    def __init__(
        self, parts: Parts, history: History, *, experiments: int | None = None, hours: float | None = None
    ) -> None:
        self._parts = parts
        self._history = history
        terms = parts.contract.limits
        self._limits = replace(
            terms,
            experiments=_narrower(terms.experiments, history.judged + len(history.held), experiments),
            hours=_narrower(terms.hours, history.active_s / 3600, hours),
        )

    def reached(self, *, under_way: int = 0, bought: bool = False) -> Rest | None:
        """The limit that has been reached, if one has.

        `under_way` experiments are counted as if they were judged: whoever wants to start another one
        asks so. What was `bought` and waits for its runs is not stopped by what was spent.
        """
        if rest := self._time_is_up():
            return rest
        progress = self._progress(under_way)
        if bought:
            progress = replace(progress, usd=0.0, tokens=0)
        metric = self._parts.contract.measure.metric
        if reason := reached(self._limits, progress, metric):
            finished = reached(self._parts.contract.limits, progress, metric) is not None
            return Rest(reason=reason, finished=finished, certify=True)
        return None

    def _time_is_up(self) -> Rest | None:
        """Room is kept for what is promising to be confirmed, and for a champion to be certified.

        First nothing new is proposed (but for the very first experiment); when only certification
        still fits, nothing more is started.
        """
        history, progress = self._history, self._progress()
        usual_s = history.means(history.champion_commit).usual_wall_s() or 0.0
        certify_s = CERTIFY_MARGIN * usual_s * -(-2 * CERTIFY_PAIRS // self._parts.executor.slots)
        certified = any(claim.experiment == history.champion for claim in history.claims)
        needed_s = 0.0 if history.champion == BASELINE or certified else certify_s
        # What was never tried once says nothing: the first experiment needs no more than its screen's time.
        experiment_s, reserved_s = (CONFIRM_RUNS * usual_s, certify_s) if history.judged else (usual_s, 0.0)
        if not must_certify_now(self._limits, progress, experiment_s=experiment_s, certify_s=reserved_s):
            return None
        over = must_certify_now(self._limits, progress, experiment_s=0.0, certify_s=needed_s)
        return Rest(
            reason="the time is up" if over else self._too_little(usual_s),
            finished=self._limits.hours == self._parts.contract.limits.hours,
            certify=True,
            at_once=over,
        )

    def _too_little(self, usual_s: float) -> str:
        budget = self._parts.contract.run.budget
        left_s = 3600 * ((self._limits.hours or 0.0) - self._progress().hours)
        slow = budget.clock is not Clock.STEPS and usual_s > SLOW * budget.amount
        instead = f" instead of {_rounded(budget.amount)}" if slow else ""
        return (
            f"the time is up, as {_rounded(left_s)} are too little for another experiment: "
            f"a run takes {_rounded(usual_s)} here{instead}"
        )

    def time_left_s(self) -> float | None:
        """Seconds until the first limit that can be foreseen; None where there is none."""
        return time_left_s(self._limits, self._progress())

    def _progress(self, under_way: int = 0) -> Progress:
        history = self._history
        measured = BASELINE in history.experiments and BASELINE not in history.open
        return Progress(
            experiments=history.judged + len(history.held) + under_way,
            retests=history.latest_retests,
            since_keep=history.since_keep,
            hours=history.active_s_at(self._parts.now()) / 3600,
            usd=history.cost_usd,
            tokens=history.tokens,
            value=standing(history, history.champion_commit).value if measured else None,
        )


def _rounded(seconds: float) -> str:
    return (
        f"{seconds:.2g} s"
        if seconds < 10
        else f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
    )


def _narrower(limit: Number | None, before: Number, more: Number | None) -> Number | None:
    """The contract's limit, or what there is now and so much more, whichever comes first."""
    if more is None:
        return limit
    return before + more if limit is None else min(limit, before + more)
