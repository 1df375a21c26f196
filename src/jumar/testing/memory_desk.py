"""A desk in memory: what an agent asks, keeps and sets aside lies open to a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from jumar.core.contract import LimitTerms
from jumar.core.desk import Reply, Room, Tool, Usage
from jumar.core.proposal import Proposal
from jumar.rules.limits import Spent, check_room, room

AGENT = "the agent"


class MemoryDesk:
    """Keeps the promises of `core.desk.Desk`, for one agent. `replies` are those from before a crash."""

    def __init__(self, *replies: Reply, limits: LimitTerms | None = None) -> None:
        self.text = "THE BRIEF"
        self.tools: tuple[Tool, ...] = (Tool(name="knobs", about="all knobs"),)
        self.replies = replies
        self.called_off = Event()
        self.kept: list[Reply] = []
        self.noticed: list[str] = []
        self.most: list[Usage] = []  #: what was set aside, in order
        self._limits = limits or LimitTerms()

    @property
    def room(self) -> Room:
        return room(self._limits, self._spent(), AGENT)

    @contextmanager
    def set_aside(self, most: Usage) -> Iterator[None]:
        check_room(self._limits, self._spent(), AGENT, most)
        self.most.append(most)
        yield

    def ask(self, tool: str, arguments: Mapping[str, Any]) -> str:
        return f"{tool}: {sorted(arguments)}"

    def handed_in(self) -> Proposal | None:
        return None

    def keep(self, reply: Reply) -> None:
        self.kept.append(reply)

    def notice(self, words: str) -> None:
        self.noticed.append(words)

    def _spent(self) -> dict[str, Spent]:
        spent = Spent()
        for reply in self.kept:
            spent = spent.plus(reply.usage.usd, reply.usage.tokens)
        return {AGENT: spent}
