from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from jumar.core.desk import Question
from jumar.core.event import Entry, Event
from jumar.core.executor import Executor
from jumar.core.verdict import Decision
from jumar.rules.history import History
from jumar.study.pacing import Pace
from jumar.study.thinking import Thinking
from jumar.testing.agents import ScriptedAgent
from jumar.testing.events import judged, proposed, started


@pytest.mark.parametrize("most", [0, 1])
def test_agents_think_for_the_machines_that_joined_a_cluster_since(most: int) -> None:
    history = History()
    events: tuple[Event, ...] = (started(), proposed(0), judged(0, Decision.KEPT))
    for seq, event in enumerate(events, start=1):
        history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
    agent, cluster = ScriptedAgent(name="model"), SimpleNamespace(slots=1)
    pace = Pace(history, cast(Executor, cluster), most)
    thinking = [Thinking(agent, Question(number=1, parent="c"))]  # type: ignore[arg-type]
    assert pace.is_enough(agent, thinking, ahead=False)
    cluster.slots = 2
    assert not pace.is_enough(agent, thinking, ahead=False)
