"""What agents may still spend: the limits, less what was spent or is set aside for requests under way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Lock

from jumar.core.contract import LimitTerms
from jumar.core.desk import CalledOff, Room, Usage
from jumar.errors import NoRoom
from jumar.rules.limits import Spent, check_room, room

LOOK_S = 0.1  # between two looks at what others have set aside


class OwnPurse:
    """What a purse is to one agent."""

    def __init__(self, purse: Purse, agent: str) -> None:
        self._purse, self.agent = purse, agent

    @property
    def room(self) -> Room:
        """What is left."""
        return self._purse.room(self.agent)

    def set_aside(self, most: Usage, called_off: Event) -> AbstractContextManager[None]:
        """Hold room for a request until its reply is counted, or will never come.

        Waits while nothing but what others have set aside is in the way: most of that comes back.
        Raises NoRoom, and CalledOff.
        """
        return self._purse.set_aside(self.agent, most, called_off)

    def take(self, usage: Usage) -> None:
        """Count what a reply took."""
        self._purse.take(self.agent, usage)


class Purse:
    """One for all agents of a study and all threads they think on. `spent` is what the record says so far."""

    def __init__(self, limits: LimitTerms, spent: Mapping[str, Spent]) -> None:
        self._limits = limits
        self._spent = dict(spent)
        self._gone = dict(spent)  # and what is set aside
        self._lock = Lock()

    def room(self, agent: str) -> Room:
        """What is left to an agent."""
        with self._lock:
            return room(self._limits, self._gone, agent)

    def take(self, agent: str, usage: Usage) -> None:
        """Count what a reply took."""
        with self._lock:
            self._spent[agent] = self._spent.get(agent, Spent()).plus(usage.usd, usage.tokens)
            self._move(agent, usage.usd, usage.tokens)

    @contextmanager
    def set_aside(self, agent: str, most: Usage, called_off: Event) -> Iterator[None]:
        """Hold room for a request until its reply is counted, or will never come. Raises NoRoom."""
        while not self._holds(agent, most):
            if called_off.wait(LOOK_S):
                raise CalledOff
        try:
            yield
        finally:
            with self._lock:
                self._move(agent, -most.usd, -most.tokens)

    def _holds(self, agent: str, most: Usage) -> bool:
        """Set it aside; False where what is spent leaves room, and what others have set aside does not."""
        with self._lock:
            check_room(self._limits, self._spent, agent, most)
            try:
                check_room(self._limits, self._gone, agent, most)
            except NoRoom:
                return False
            self._move(agent, most.usd, most.tokens)
            return True

    def _move(self, agent: str, usd: float, tokens: int) -> None:
        self._gone[agent] = self._gone.get(agent, Spent()).plus(usd, tokens)
