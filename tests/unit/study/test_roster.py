from __future__ import annotations

import pytest

from jumar.core.agent import Team
from jumar.core.event import Entry, Event
from jumar.core.verdict import Decision
from jumar.errors import AgentFailed
from jumar.rules.history import History
from jumar.study.roster import Roster
from jumar.testing.agents import ScriptedAgent
from jumar.testing.events import judged, proposed, started


def told(history: History, *events: Event) -> None:
    for event in events:
        seq = history.last_seq + 1
        history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))


@pytest.mark.parametrize("passing", [True, False])
def test_before_the_study_rests_whoever_sits_out_a_passing_trouble_is_let_in_once(passing: bool) -> None:
    history = History()
    told(history, started(), proposed(0), judged(0, Decision.KEPT))
    members = {name: ScriptedAgent(name=name) for name in ("tuner", "model")}
    roster = Roster(Team(members=members, shares={"tuner": 0.5, "model": 0.5}), history)
    trouble = AgentFailed("the provider is busy", fix="", passing=passing)
    roster.drop("model", trouble)
    assert not roster.exhausted
    roster.has_nothing("tuner")
    assert roster.exhausted is not passing
    if not passing:
        return
    back = roster.next(())
    assert back is not None and back.name == "model"
    roster.drop("model", trouble)
    assert roster.exhausted  # as the study stands, that was its second chance
    told(history, proposed(1), judged(1, Decision.KEPT))
    roster.has_nothing("tuner")
    assert not roster.exhausted  # with another champion it has one more


def test_whoever_thinks_has_had_those_turns() -> None:
    history = History()
    told(history, started(), proposed(0), judged(0, Decision.KEPT))
    members = {name: ScriptedAgent(name=name) for name in ("many", "few")}
    roster = Roster(Team(members=members, shares={"many": 0.7, "few": 0.3}), history)
    turns: list[str] = []
    for _ in range(10):
        agent = roster.next((), turns)
        assert agent is not None
        turns.append(agent.name)
    assert (turns.count("many"), turns.count("few")) == (7, 3)
    only = roster.next(("many",), turns)
    assert only is not None and only.name == "few"
