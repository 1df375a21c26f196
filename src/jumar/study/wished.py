"""Proposals that a person asked for: an experiment tried again, or what another ledger claims."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from jumar.core.ledger import Artefacts
from jumar.core.proposal import ASKED, Proposal
from jumar.core.workspace import Workspace
from jumar.errors import LedgerUnfit
from jumar.rules.history import History


def wished(history: History, workspace: Workspace, artefacts: Artefacts) -> Proposal | None:
    """What was asked for first and waits; None when nothing does. Re-tests come before adoptions."""
    if history.retests:
        return _again(history, workspace)
    return _adopted(history, artefacts) if history.elsewhere.waiting else None


def _again(history: History, workspace: Workspace) -> Proposal:
    asked, old = next(iter(history.retests.items()))
    experiment = history.experiments[old].experiment
    edits = workspace.merge(experiment.parent, experiment.parent, experiment.commit)
    return Proposal(
        hypothesis=experiment.hypothesis,
        edits=edits or (),
        agent=experiment.agent,
        predicted=experiment.predicted,
        details={**experiment.details, "retest_of": old, ASKED: asked},
        parent=experiment.parent,
    )


def _adopted(history: History, artefacts: Artefacts) -> Proposal:
    asked, words = next(iter(history.elsewhere.waiting.items()))
    name, _, digest = words.partition(" ")
    try:
        found = msgspec.json.decode(artefacts.get(digest), type=Proposal)
    except LedgerUnfit:  # lost in a power cut; without edits it is refused, and that is recorded
        found = Proposal(hypothesis=f"adopted: {name}", edits=(), agent="")
    return replace(found, details={**found.details, ASKED: asked})
