"""Proposes no change at all: what a judge says of it is the judge's own noise."""

from __future__ import annotations

from jumar.core.agent import Brief
from jumar.core.proposal import Proposal


class Nop:
    """The champion again, every time. Whatever of it is kept, was kept by luck."""

    name = "nop"
    repeats = True

    def propose(self, brief: Brief) -> Proposal:
        """No edits, and a predicted gain of exactly 0."""
        return Proposal(hypothesis="Changes nothing", edits=(), agent=self.name, predicted=0.0)
