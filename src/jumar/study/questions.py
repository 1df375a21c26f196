"""The question an agent is asked next, and what its answer starts from."""

from __future__ import annotations

from msgspec.structs import replace

from jumar.core.agent import Team
from jumar.core.desk import Question
from jumar.core.proposal import Proposal
from jumar.rules.history import History
from jumar.rules.seeds import start_for
from jumar.rules.selection import STARTS_FROM, start


def next_question(history: History, team: Team, agent: str, *, told: bool) -> Question:
    """About the champion, or about a change that came near it.

    With what became of the agent's proposals that were withdrawn, unless another of its thoughts was
    `told` that.
    """
    number, view = len(history.experiments), None
    if agent in team.explorers and history.terms:
        view = start(history, team.nearby, start_for(history.terms.secret, number))
    return Question(
        number=number,
        parent=history.champion_commit if view is None else history.experiments[view].experiment.commit,
        view=view,
        refusals=() if told else _withdrawn(history, agent),
    )


def withdrawn_in_words(hypothesis: str, reason: str) -> str:
    """What an agent is told of a proposal of its own that waited too long."""
    return (
        f"(«{hypothesis}») waited, and was withdrawn: {reason}; propose it anew on the champion as it is, "
        "if it is still worth it"
    )


def _withdrawn(history: History, agent: str) -> tuple[str, ...]:
    words = [
        f"experiment {number} {withdrawn_in_words(history.experiments[number].experiment.hypothesis, reason)}"
        for number, reason in history.returned.get(agent, {}).items()
    ]
    return ("; ".join(words),) if words else ()


def started(proposal: Proposal, question: Question) -> Proposal:
    """A proposal with what it starts from, which no agent can say otherwise."""
    details = {name: value for name, value in proposal.details.items() if name != STARTS_FROM}
    hypothesis = proposal.hypothesis
    if question.view is not None:
        details[STARTS_FROM] = question.view
        hypothesis = f"With experiment {question.view}'s change: {hypothesis}"
    parent = proposal.parent or question.parent
    return replace(proposal, parent=parent, hypothesis=hypothesis, details=details)
