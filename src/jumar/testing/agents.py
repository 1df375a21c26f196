"""A public fake: an agent that proposes what it was given."""

from __future__ import annotations

from jumar.core.agent import Brief
from jumar.core.proposal import Edit, Proposal


class ScriptedAgent:
    """Proposes the given ideas in order, then nothing more. No model, no network, no dice.

    How far it has come is read from the history, as every agent must, so a fresh one goes on.
    """

    repeats = True

    def __init__(self, *ideas: Proposal | Edit, name: str = "scripted") -> None:
        self.name = name
        self._ideas = ideas

    def propose(self, brief: Brief) -> Proposal | None:
        """The idea whose turn it is. An edit alone becomes a proposal that names its file."""
        turn = sum(record.experiment.agent == self.name for record in brief.history)
        if turn >= len(self._ideas):
            return None
        idea = self._ideas[turn]
        if isinstance(idea, Edit):
            return Proposal(hypothesis=f"Change {idea.path}", edits=(idea,), agent=self.name)
        return Proposal(
            hypothesis=idea.hypothesis,
            edits=idea.edits,
            agent=self.name,
            predicted=idea.predicted,
            details=idea.details,
            cost=idea.cost,
        )
