"""Shares of several agents, and whose turn it is."""

from __future__ import annotations

from collections import Counter

import pytest

from jumar.errors import Usage
from jumar.rules.shares import MOST_OWED, Turns, in_words, read_shares

SHARES = {"tuner": 0.7, "codex": 0.2, "llm": 0.1}


def played(turns: Turns, times: int, *, without: tuple[str, ...] = ()) -> list[str]:
    made = []
    for _ in range(times):
        name = turns.order(SHARES, without)[0]
        turns.took(name, SHARES)
        made.append(name)
    return made


def test_shares_are_read_from_the_command_line() -> None:
    assert read_shares(["tuner=0.7", "claude-code:opus=0.3"]) == {"tuner": 0.7, "claude-code:opus": 0.3}
    assert read_shares(["tuner", "codex"]) == {"tuner": 0.5, "codex": 0.5}
    assert read_shares(["command:try --heat=0.3 {brief}"]) == {"command:try --heat=0.3 {brief}": 1.0}
    assert read_shares(["tuner=1"]) == {"tuner": 1.0}
    assert read_shares(["a=0.33", "b=0.33", "c=0.33"])
    assert in_words(SHARES) == "tuner=0.7, codex=0.2, llm=0.1"


@pytest.mark.parametrize(
    ("words", "problem", "fix"),
    [
        (["tuner=0.7", "codex=0.2"], "sum to 0.9, not to 1", "--agent 'tuner=0.78' --agent 'codex=0.22'"),
        (["tuner=7", "codex=3"], "sum to 10", "--agent 'tuner=0.7' --agent 'codex=0.3'"),
        (["tuner=0.7", "codex"], "codex has no share", "--agent 'codex=0.3'"),
        (["tuner=0.5", "tuner=0.5"], "named twice", "one share"),
        (["tuner=0", "codex=1"], "the share of tuner is 0", "above 0"),
        (["tuner=0.7.1", "codex=0.3"], "'0.7.1' is no share of tuner", "--agent 'tuner=0.3'"),
        (["tuner=abc"], "'abc' is no share of tuner", "--agent 'tuner=0.3'"),
        (["tuner=-1"], "the share of tuner is -1", "above 0"),
    ],
)
def test_shares_that_make_no_sense_are_refused_in_a_line(words: list[str], problem: str, fix: str) -> None:
    with pytest.raises(Usage) as refused:
        read_shares(words)
    assert problem in refused.value.problem
    assert fix in refused.value.fix


def test_proposals_follow_the_shares_at_every_moment() -> None:
    made = played(Turns(SHARES), 200)
    for at in range(1, 201):
        counts = Counter(made[:at])
        assert all(abs(counts[name] - share * at) < 1 for name, share in SHARES.items())


def test_whose_turn_it_is_follows_from_what_was_proposed() -> None:
    made = played(turns := Turns(SHARES), 37)
    again = Turns(SHARES)
    for name in made:
        again.took(name, SHARES)
    assert again.order(SHARES) == turns.order(SHARES)


def test_who_cannot_be_asked_leaves_its_turns_to_the_others_and_is_owed_few() -> None:
    turns = Turns(SHARES)
    alone = Counter(played(turns, 300, without=("tuner",)))
    assert alone["codex"] == pytest.approx(200, abs=MOST_OWED)
    assert Counter(played(turns, 10))["tuner"] >= 8
    assert Counter(played(turns, 100))["tuner"] == pytest.approx(70, abs=2)


def test_who_is_no_member_takes_nobodys_turn() -> None:
    turns = Turns(SHARES)
    before = turns.order(SHARES)
    for _ in range(5):
        turns.took("a person", SHARES)
    assert turns.order(SHARES) == before
