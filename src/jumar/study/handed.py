"""What was handed in from outside and waits for its turn, as proposals."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from jumar.core.ledger import Artefacts
from jumar.core.proposal import TICKET, Proposal
from jumar.errors import LedgerUnfit
from jumar.rules.history import History


def handed_in(history: History, artefacts: Artefacts) -> Iterator[Proposal]:
    """The oldest first. What waits is never changed, only replaced: it may be read on any thread."""
    for ticket, handed in history.handed.items():
        try:
            found = msgspec.json.decode(artefacts.get(handed.proposal), type=Proposal)
        except LedgerUnfit:  # lost in a power cut; without edits it is refused, and that is recorded
            found = Proposal(hypothesis=handed.hypothesis, edits=(), agent="")
        yield replace(found, details={**found.details, TICKET: ticket})


def is_from_outside(proposal: Proposal) -> bool:
    """Whether it was handed in. Not so what tries again what once was."""
    return TICKET in proposal.details and "retest_of" not in proposal.details


def is_gone(proposal: Proposal, history: History) -> bool:
    """Whether it was handed in and waits no more: it was withdrawn, or is an experiment already."""
    return is_from_outside(proposal) and proposal.details[TICKET] not in history.handed
