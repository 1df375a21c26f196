"""Owns the exit codes, by name, and which error ends with which."""

from __future__ import annotations

import enum

from jumar.errors import AgentFailed, Breach, EnvironmentUnfit, JumarError, LedgerUnfit, NotMeasurable, Usage


class Exit(enum.IntEnum):
    """What the shell is told."""

    DONE = 0  #: also when a limit of the contract was reached
    BUG = 1  #: ours: an error that we did not foresee
    USAGE = 2  #: the call or the contract is wrong
    ENVIRONMENT = 3  #: this machine or checkout cannot do it
    NOT_MEASURABLE = 4  #: the unchanged target gives no usable number
    LEDGER = 5  #: the record is locked, corrupt, read-only or from another version
    AGENT = 6  #: an agent cannot be asked: its key, its model, its program
    DISCARDED = 10  #: what `jumar wait` waited for was discarded
    FAILED = 11  #: … gave no number
    INVALID = 12  #: … was a breach of the contract
    NO_VERDICT = 13  #: … had no verdict in time
    NOBODY = 14  #: … has none, and nobody runs the study
    INTERRUPTED = 130  #: by Ctrl-C; the same command goes on


_BY_ERROR: tuple[tuple[type[JumarError], Exit], ...] = (
    (Usage, Exit.USAGE),
    (Breach, Exit.USAGE),
    (EnvironmentUnfit, Exit.ENVIRONMENT),
    (NotMeasurable, Exit.NOT_MEASURABLE),
    (LedgerUnfit, Exit.LEDGER),
    (AgentFailed, Exit.AGENT),
)


def exit_of(error: JumarError) -> Exit:
    """The code that an error ends with."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.BUG)
