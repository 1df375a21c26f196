"""The verbs that tell what agents are told, over a real study."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jumar.assembly import assembled
from jumar.cli.main import ending
from jumar.core.proposal import Edit
from jumar.home import Home, Options
from jumar.study.loop import Loop
from jumar.testing.agents import ScriptedAgent
from jumar.testing.tiny import contract

WORK = 'A = 3.0\nB = 3.0\nprint(f"loss: {A + B:.6f}")\n'
Say = Callable[..., str]


@pytest.fixture
def folder(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    place = repository({"work.py": WORK, "jumar.toml": contract(experiments=40), "program.md": "Smaller.\n"})
    better, worse = WORK.replace("A = 3.0", "A = 2.0"), WORK.replace("A = 3.0\nB = 3.0", "A = 2.0\nB = 9.0")
    studied(place, better, worse)
    return place


def studied(place: Path, *texts: str) -> None:
    agent = ScriptedAgent(*(Edit(path="work.py", content=text.encode()) for text in texts))
    home = Home(folder=place, study="tiny")
    with assembled(home, (place / "jumar.toml").read_text(), Options(workers=1), lambda _: None) as parts:
        Loop(replace(parts, agent=agent)).run()


@pytest.fixture
def say(folder: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    def said(*words: str) -> str:
        assert ending([*words, "-C", str(folder)]) == 0
        return capsys.readouterr().out

    return said


def test_the_brief_is_printed_as_agents_get_it(say: Say) -> None:
    text = say("brief")
    assert "Smaller." in text and "- #1 by scripted" in text and "work.py:B: 1 tried" in text
    told = json.loads(say("brief", "--json"))
    assert told["text"] == text and told["number"] == 3 and 0 < told["tokens"] <= told["most_tokens"]
    assert {"experiments", "show", "diff", "log", "curves", "knobs", "tried", "file"} == {
        tool["name"] for tool in told["tools"]
    }


def test_what_was_tried_is_found_by_words_and_by_a_file(say: Say, folder: Path) -> None:
    assert "#2" in say("tried", "work.py:B")
    assert "Nothing of the kind" in say("tried", "flash", "attention")
    (folder / "work.py").write_text(WORK.replace("A = 3.0\nB = 3.0", "A = 2.0  # once more\nB = 9.0"))
    assert "this code is that of experiment 2" in say("tried", "work.py")
    assert say("tried", "./work.py") == say("tried", "work.py")
    assert json.loads(say("tried", "work.py", "--json"))["repeats"] == 2


def test_knobs_are_listed_as_the_champion_has_them(say: Say) -> None:
    assert "work.py:A = 2.0" in say("knobs")
    knobs: list[dict[str, Any]] = json.loads(say("knobs", "--json"))
    assert sorted((knob["name"], knob["value"], knob["tried"]) for knob in knobs) == [
        ("work.py:A", 2.0, 1),
        ("work.py:B", 3.0, 1),
    ]


def test_lessons_stand_beside_what_was_predicted(say: Say) -> None:
    first, lesson, *_ = say("lessons").splitlines()
    assert first.startswith("1 kept: ")
    assert lesson == "    +16.7 % measured, uncertified; changing work.py:A this way helps (by rule)"
    told = json.loads(say("lessons", "--all", "--json"))
    assert [one["decision"] for one in told["lessons"]] == ["kept", "discarded"]
    assert told["predictions"] == []


def test_before_the_baseline_there_is_nothing_to_tell(
    repository: Callable[[Mapping[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    place = repository({"work.py": WORK, "jumar.toml": contract()})
    assert ending(["brief", "-C", str(place)]) == 2
    assert "jumar run" in capsys.readouterr().err


def test_a_study_without_lessons_says_so(
    repository: Callable[[Mapping[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    place = repository({"work.py": WORK, "jumar.toml": contract(experiments=40)})
    studied(place)
    assert ending(["lessons", "-C", str(place)]) == 0
    assert "no lessons yet" in capsys.readouterr().out


def test_nothing_is_told_where_there_are_no_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(["tell", " ", "-C", str(folder)]) == 2
    assert ending(["tell", "x" * 4_001, "-C", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "there are no words to tell" in said and "4,001 characters are more than a brief" in said
