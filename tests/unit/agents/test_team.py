"""From shares to the agents of a study."""

from __future__ import annotations

import pytest

from jumar.agents.team import USUAL_POLISH, make_team
from jumar.core.contract import HybridTerms
from jumar.errors import Usage


def test_each_agent_has_its_share_under_the_name_it_signs_with() -> None:
    team = make_team({"tuner:tpe": 0.7, "nop": 0.3})
    assert team.shares == {"tuner": 0.7, "nop": 0.3}
    assert team.polisher is team.members["tuner"]
    assert team.polish == USUAL_POLISH


def test_nobody_is_polished_by_a_tuner_that_was_not_asked_for() -> None:
    assert make_team({"nop": 1.0}).polisher is None
    assert make_team({"tuner": 1.0}).polish == 0
    asked = make_team({"nop": 1.0}, HybridTerms(polish=2))
    assert asked.polish == 2
    assert asked.polisher is not None


def test_agents_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(Usage, match="both go by the name tuner"):
        make_team({"tuner": 0.5, "tuner:tpe": 0.5})


def test_an_agent_that_there_is_not_is_said_with_what_there_is() -> None:
    with pytest.raises(Usage, match="did you mean tuner"):
        make_team({"tunr": 0.7, "nop": 0.3})


def test_an_agent_may_take_part_in_several_roles() -> None:
    model = "ollama:qwen3"
    team = make_team({f"{model}#bold": 0.5, f"{model}#careful": 0.5}, environ={})
    assert team.roles == {f"{model}#bold": "bold", f"{model}#careful": "careful"}
    assert [*team.members] == [agent.name for agent in team.members.values()] == [*team.roles]


@pytest.mark.parametrize("spec", ["tuner#bold", "external#bold"])
def test_who_reads_no_words_has_no_role(spec: str) -> None:
    with pytest.raises(Usage, match="reads no words"):
        make_team({spec: 1.0})
