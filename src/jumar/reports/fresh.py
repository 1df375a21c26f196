"""Which of a commit's measurements its value is made of: the fresh ones, made as they are made today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jumar.core.machine import Circumstances, alike
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, RunRecord
from jumar.rules.means import COMPARABLE


class Seen(NamedTuple):
    """A run's value that may count for its commit."""

    value: float
    is_screen: bool
    under: Circumstances | None
    started_at: float


def seen_in(runs: Iterable[RunRecord]) -> list[Seen]:
    """The values among these runs that may count, in the runs' order."""
    return [
        Seen(run.outcome.value, run.run.purpose is Purpose.SCREEN, run.under, run.started_at)
        for run in runs
        if isinstance(run.outcome, Measured) and run.run.purpose in COMPARABLE
    ]


def fresh(seen: Sequence[Seen], under: Circumstances | None) -> list[float]:
    """The values that count: those of the screen only where there are no others.

    Of runs under several circumstances those count that were made under these; where none was, all.
    """
    counted = [one for one in seen if alike(one.under, under)] or seen
    values = [one.value for one in counted if not one.is_screen]
    return values or [one.value for one in counted]
