"""Runs `jumar` beside a person who is quick to rule: `python -m bench.torture.approving WORDS…`.

They reject every third keep that waits for approval, and approve the others; what they were not asked
about because the controller died in between, they say when the study is taken up again.
"""

from __future__ import annotations

import functools
import runpy
import sys

from jumar.core.event import Asked, Entry, Event, Held, Resumed, Wish
from jumar.ledgers.sql import SqlLedger

_REJECTED = 3  # every so many


def arrange() -> None:
    """Have this process's ledger answered by that person."""
    append = SqlLedger.append

    @functools.wraps(append)
    def approving(ledger: SqlLedger, study: str, *events: Event) -> tuple[Entry, ...]:
        written = append(ledger, study, *events)
        waiting = [event.experiment for event in events if isinstance(event, Held)]
        if any(isinstance(event, Resumed) for event in events):
            waiting += [record.number for record in ledger.experiments(study) if record.held]
        for number in waiting:
            wish = Wish.APPROVE if number % _REJECTED else Wish.REJECT
            append(ledger, study, Asked(wish=wish, words=str(number)))
        return written

    setattr(SqlLedger, "append", approving)  # noqa: B010  (mypy would not have it otherwise)


if __name__ == "__main__":
    sys.argv = ["jumar", *sys.argv[1:]]
    arrange()
    runpy.run_module("jumar", run_name="__main__")
