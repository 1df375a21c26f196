"""What a program is asked, and what its last words mean."""

from __future__ import annotations

import pytest

from jumar.agents.command_words import MOST_WORDS, prompt, read_words
from jumar.core.desk import Tool


def test_the_agreed_lines_are_read() -> None:
    words = read_words(
        "hypothesis: a lower rate settles deeper\npredicted: 1.5 %\nlesson 12: wider is slower\n", ""
    )
    assert words.hypothesis == "a lower rate settles deeper"
    assert words.predicted == pytest.approx(0.015)
    assert words.lessons == {"12": "wider is slower"}


@pytest.mark.parametrize(
    "said",
    [
        "I changed the rate.\n\n**Hypothesis:** a lower rate helps\n**Predicted gain:** +2%",
        "- Hypothesis: a lower rate helps\n- Predicted: 0.02",
        "> HYPOTHESIS : `a lower rate helps`\n> predicted: 2",
        'Done.\n{"hypothesis": "a lower rate helps", "predicted": 0.02}',
        'hypothesis: an earlier one\n\nhypothesis: a lower rate helps\npredicted: "2 %"',
    ],
)
def test_other_spellings_are_read_too(said: str) -> None:
    words = read_words(said, "")
    assert words.hypothesis == "a lower rate helps"
    assert words.predicted == pytest.approx(0.02)


def test_prose_gives_its_first_sentence() -> None:
    words = read_words("I lowered the rate to 1.5, since 3.0 overshoots. It should help a lot.", "")
    assert words.hypothesis == "I lowered the rate to 1.5, since 3.0 overshoots."
    assert words.predicted is None


@pytest.mark.parametrize("said", ["", "  \n", "hypothesis:\n", '{"hypothesis": 3}'])
def test_who_said_nothing_of_use_is_spoken_for(said: str) -> None:
    hypothesis = read_words(said, "Changes work.py").hypothesis
    assert hypothesis in ("Changes work.py", "hypothesis:", '{"hypothesis": 3}')


@pytest.mark.parametrize("predicted", ["a lot", "nan", "1e999", ""])
def test_a_prediction_that_is_no_number_is_none(predicted: str) -> None:
    assert read_words(f"hypothesis: x\npredicted: {predicted}", "").predicted is None


def test_megabytes_are_cut_and_not_searched_for_long() -> None:
    words = read_words("hypothesis" * 500_000 + "\nhypothesis: " + "x " * 5_000, "")
    assert len(words.hypothesis) == MOST_WORDS


def test_the_prompt_says_where_to_write_and_how_to_ask() -> None:
    tool = Tool(
        name="show", about="one experiment", arguments={"type": "object", "properties": {"number": {}}}
    )
    text = prompt("THE BRIEF", ["src/*.py"], [tool, Tool(name="knobs", about="all knobs")])
    assert text.startswith("THE BRIEF\n")
    assert "changed, added or removed: src/*.py." in text
    assert """`sh .jumar/ask.sh show '{"number": "…"}'`: one experiment""" in text
    assert "`sh .jumar/ask.sh knobs`: all knobs" in text
