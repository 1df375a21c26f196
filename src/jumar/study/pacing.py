"""How far ahead of the slots each agent is asked, and how many questions it may think about at once."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from statistics import median

from jumar.core.agent import AnyAgent, Concurrent, Waiter
from jumar.core.executor import Executor
from jumar.rules.ahead import LATEST, experiment_s, how_many, thinking_s
from jumar.rules.history import History
from jumar.study.thinking import Thinking


class Pace:
    """Adapts to how long agents think and experiments take: measured here, or as the record tells."""

    def __init__(self, history: History, executor: Executor, most: int) -> None:
        self._history, self._executor, self._most = history, executor, most
        self._took: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=LATEST))

    def took(self, one: Thinking, now: float) -> None:
        """A thought came to a proposal; `now` as `time.monotonic` has it."""
        self._took[one.agent.name].append(now - one.asked)

    def strand(self, agent: AnyAgent, thinking: Sequence[Thinking]) -> int | None:
        """Where an agent may think of one thing more; None where all its strands are taken.

        First where it was answered before a crash: that is paid for, and waits to be used.
        """
        name = agent.name
        taken = {one.question.strand for one in thinking if one.agent.name == name}
        paid = [strand for whose, strand in self._history.questions if whose == name]
        free = [strand for strand in (*paid, *range(_strands(agent))) if strand not in taken]
        return free[0] if free and len(taken) < _strands(agent) else None

    def is_enough(self, agent: AnyAgent, thinking: Sequence[Thinking], *, ahead: bool) -> bool:
        """Whether so much is in hand that this agent need not be asked; `ahead` of a slot, or for one."""
        # Asked for each time: of a cluster they change as machines come and go.
        waiting, slots = len(self._history.waiting), self._executor.slots
        if isinstance(agent, Waiter):
            return waiting >= slots
        in_hand = waiting + sum(not isinstance(one.agent, Waiter) for one in thinking)
        if not self._most:
            return ahead or in_hand >= slots
        took = self._took.get(agent.name)
        usual_s = median(took) if took else thinking_s(self._history, agent.name)
        return in_hand >= how_many(usual_s, experiment_s(self._history), slots, self._most)


def _strands(agent: AnyAgent) -> int:
    return agent.strands if isinstance(agent, Concurrent) else 1
