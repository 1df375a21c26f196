"""What the researchers of one study tell one another."""

from __future__ import annotations

from jumar.core.event import Entry, Event, Noted, Resumed, TakenUp
from jumar.rules.community import Community


def told(*events: tuple[float, Event]) -> Community:
    community = Community()
    for seq, (at, event) in enumerate(events, 1):
        community.apply(Entry(seq=seq, at=at, study="s", event=event, digest=""))
    return community


def who(community: Community, now: float, without: str = "") -> list[str]:
    return [each.who for each in community.held(now, without=without)]


def test_what_is_in_hand_is_put_down_taken_up_again_or_expires() -> None:
    codex, claude = (TakenUp(key=name, who=name, until=100.0) for name in ("codex", "claude"))
    both = told((1.0, codex), (2.0, claude))
    assert who(both, 50.0) == ["codex", "claude"]
    assert who(both, 50.0, without="codex") == ["claude"]
    assert who(both, 100.0) == []
    assert who(told((1.0, codex), (2.0, claude), (3.0, TakenUp(key="codex", who="codex"))), 50.0) == [
        "claude"
    ]
    again = told((1.0, codex), (60.0, TakenUp(key="codex", who="codex", until=160.0)))
    assert who(again, 150.0) == ["codex"]


def test_a_new_controller_ends_the_thoughts_of_the_last_one_and_no_others() -> None:
    inside = TakenUp(key="codex", who="codex", until=100.0)
    outside = TakenUp(key="try 1", who="external", until=100.0, outside=True)
    assert who(told((1.0, inside), (2.0, outside), (3.0, Resumed(pid=1, host="h"))), 50.0) == ["external"]


def test_a_question_is_open_until_it_is_answered() -> None:
    asked = told((1.0, Noted(words="why?", question=True)), (2.0, Noted(words="how?", question=True)))
    assert [(each.number, each.words) for each in asked.puzzles.values()] == [(1, "why?"), (2, "how?")]
    asked.apply(Entry(seq=3, at=3.0, study="s", event=Noted(words="so", answers=1), digest=""))
    assert [*asked.puzzles] == [2] and asked.notes == ["so"]
