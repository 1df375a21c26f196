"""An agent that joined a study: what is refused ends nobody's work, and what a thought cost is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jumar import guests
from jumar.core.contract import LimitTerms
from jumar.core.proposal import Cost, Edit, Proposal
from jumar.errors import Breach, Usage
from jumar.guests import Guests
from jumar.rules.history import History

PROPOSAL = Proposal(hypothesis="h", edits=(Edit(path="a.py", content=b""),), agent="quick", parent="c" * 40)


class Quick:
    """Answers at once."""

    name, repeats = "quick", False

    def __init__(self, *answers: Proposal | Exception) -> None:
        self.answers = list(answers)

    def propose(self, brief: Any) -> Proposal:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Door:
    """An inbox that refuses as it is told to, and then takes everything."""

    is_measured = True

    def __init__(self, *refusals: Exception) -> None:
        self.history, self.refusals, self.taken = History(), list(refusals), list[Proposal]()

    def hand_in(self, *_: Any, of: Proposal) -> int:
        if self.refusals:
            raise self.refusals.pop(0)
        self.taken.append(of)
        return len(self.taken)

    def find(self, name: str) -> Any:
        return SimpleNamespace(experiment=None)


@pytest.fixture(autouse=True)
def briefs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Briefs and proposals are whatever was put there."""

    def replace(struct: Any, **changes: Any) -> Any:
        if isinstance(struct, Proposal):
            fields = {name: getattr(struct, name) for name in struct.__struct_fields__}
            return Proposal(**{**fields, **changes})
        return SimpleNamespace(**{**vars(struct), **changes})

    monkeypatch.setattr(guests, "replace", replace)


def team(agent: Quick, door: Door) -> tuple[Guests, list[str]]:
    said: list[str] = []
    study: Any = (door, SimpleNamespace(limits=LimitTerms(usd=10.0)), None)
    read: Any = lambda: SimpleNamespace(brief=SimpleNamespace(parent="c" * 40))  # noqa: E731
    return Guests({"quick": agent}, study, read, said.append), said


def test_what_is_refused_is_told_to_the_agent_and_ends_nothing() -> None:
    no, blank = Breach("it does not apply", fix="mend it", code="x"), Usage("no hypothesis", fix="say one")
    door = Door(blank)
    team_of, said = team(Quick(no, PROPOSAL, PROPOSAL), door)
    for _ in range(3):
        team_of.turn()
    assert [each.details["by"].split()[0] for each in door.taken] == ["quick"]
    assert said == ["quick proposed t1: h"]


def test_what_thoughts_that_came_to_nothing_cost_is_told_with_the_next() -> None:
    door = Door(Breach("no", fix="mend it", code="x"))
    team_of, _ = team(Quick(PROPOSAL, PROPOSAL), door)
    (guest,) = team_of._guests
    guest.owed = Cost(usd=2.0, tokens=5)
    team_of.turn()
    assert team_of._spent()["external"].usd == 2.0
    team_of.turn()
    assert door.taken[0].cost == Cost(usd=2.0, tokens=5) and guest.owed == Cost()
    assert team_of._spent()["external"].usd == 2.0, "it waits, and the record does not say so yet"
