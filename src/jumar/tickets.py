"""Tickets of what was handed in from outside: what became of each, and how one waits for that."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import Decision, Verdict
from jumar.rules.plain import short
from jumar.rules.telling import quoted

NOTHING = "nothing waits and nothing runs: propose something"  #: what there is to say of no ticket
GRACE_S = 5.0  #: for a `jumar run` that was started a moment ago


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal that was handed in, and the experiment that it became; of a re-test, the latest.

    The experiment is as agents see it. One that nobody handed in has no ticket.
    """

    ticket: int | None
    hypothesis: str
    experiment: ExperimentRecord | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What the judge said; None until then."""
        return self.experiment.verdict if self.experiment else None

    def __str__(self) -> str:
        """`t57`, `t57 (experiment 4)`, `experiment 4`."""
        ticket = f"t{self.ticket}" if self.ticket else ""
        if self.experiment is None:
            return ticket
        number = f"experiment {self.experiment.number}"
        return f"{ticket} ({number})" if ticket else number

    def told(self) -> str:
        """In a line: what it is, and the verdict."""
        verdict = self.verdict
        if verdict is None:
            return f"{self}: {'no verdict yet' if self.experiment else 'waits for its turn'}"
        ours = verdict.decision in (Decision.KEPT, Decision.DISCARDED)  # others quote what programs said
        reason = short(verdict.reason, 400) if ours else quoted(verdict.reason, 400)
        return f"{self} {verdict.decision.value}: {reason}"


class Unheard(enum.Enum):
    """Why somebody who waits hears nothing."""

    IN_TIME = "there is no verdict yet"
    NOBODY = "nobody runs the study; what was handed in waits until `jumar run`"


class Tickets(Protocol):
    """Where tickets are looked up: an intake."""

    @property
    def is_measured(self) -> bool: ...

    def tickets(self) -> tuple[Ticket, ...]: ...

    def find(self, what: str) -> Ticket: ...


class Waiting:
    """Waits for the verdict on a ticket or an experiment; without one, for the next on any ticket.

    `is_run` says whether somebody runs the study now.
    """

    def __init__(
        self, intake: Tickets, is_run: Callable[[], bool], what: str | None, timeout_s: float | None
    ) -> None:
        self._intake, self._is_run, self._timeout_s = intake, is_run, timeout_s
        self._begun = self._heard = time.monotonic()
        # Before the unchanged target was measured there is nothing to wait for but that.
        self._names: list[str] | None = None
        self._what = what

    def look(self) -> tuple[Ticket, ...] | Unheard | None:
        """What has its verdict now, of what was asked for, or why nothing has; None while that is open."""
        if self._intake.is_measured:
            if self._names is None:
                waits = (f"t{one.ticket}" for one in self._intake.tickets() if one.verdict is None)
                self._names = [self._what] if self._what else list(waits)
            ended = tuple(one for one in map(self._intake.find, self._names) if one.verdict is not None)
            if ended or not self._names:
                return ended
        now = time.monotonic()
        if self._timeout_s is not None and now - self._begun >= self._timeout_s:
            return Unheard.IN_TIME
        self._heard = now if self._is_run() else self._heard
        return Unheard.NOBODY if now - self._heard > GRACE_S else None
