"""An agent that is somebody outside: it proposes what was handed in, in the order in which it came."""

from __future__ import annotations

from msgspec.structs import replace

from jumar.core.agent import Brief
from jumar.core.desk import CalledOff, Desk
from jumar.core.proposal import Proposal

LOOK_S = 0.1  # between two looks at what was handed in


class External:
    """Waits for proposals that a person, or the agent of another program, hands in.

    They lie in the record until an experiment is made of them, so a fresh one goes on.
    """

    repeats = False
    waits_for = "proposals (jumar propose)"

    def __init__(self, whose: str = "") -> None:
        self.name = f"external:{whose}" if whose else "external"

    def research(self, brief: Brief, desk: Desk) -> Proposal:
        """The oldest proposal that waits; with none there, the next one that comes."""
        while (proposal := desk.handed_in()) is None:
            if desk.called_off.wait(LOOK_S):
                raise CalledOff
        return replace(proposal, agent=self.name)
