"""From what the user typed to an agent."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from jumar.agents import registry
from jumar.agents.registry import make_agent
from jumar.errors import Usage


@pytest.mark.parametrize(
    ("spec", "name"), [("tuner", "tuner"), ("tuner:random", "tuner:random"), ("nop", "nop")]
)
def test_an_agent_is_made_by_its_name(spec: str, name: str) -> None:
    assert make_agent(spec).name == name


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("tunr", "did you mean tuner"),
        ("zzz", "openai, replay, tuner"),
        ("", "openai, replay, tuner"),
        ("tuner:best", "tuner:tpe, tuner:random"),
        ("nop:1", "nop"),
        ("replay", "replay:FOLDER"),
    ],
)
def test_what_cannot_be_made_says_what_can(spec: str, says: str) -> None:
    with pytest.raises(Usage, match=says):
        make_agent(spec)


def test_other_packages_can_bring_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    there = EntryPoint("mine", "jumar.testing.agents:ScriptedAgent", registry.GROUP)
    gone = EntryPoint("gone", "no_such_package:Agent", registry.GROUP)
    ours = EntryPoint("nop", "no_such_package:Agent", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([there, gone, ours]))
    assert make_agent("mine:detail").name == "scripted"
    assert make_agent("nop").name == "nop"
    with pytest.raises(Usage, match="no_such_package"):
        make_agent("gone")
    with pytest.raises(Usage, match="did you mean mine"):
        make_agent("mne")
