"""What is tried again, over real git: the change that it made, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from jumar.assembly import assembled
from jumar.core.event import Asked, Judged, Proposed, Refuted, Wish
from jumar.core.experiment import BASELINE, Experiment
from jumar.core.proposal import Edit, Proposal
from jumar.core.verdict import Decision, Verdict
from jumar.home import Home, Options
from jumar.rules.selection import STARTS_FROM
from jumar.study.brief import Briefing
from jumar.study.parts import Parts
from jumar.study.proposing import Proposer
from jumar.study.recorder import Recorder
from jumar.study.wished import wished
from jumar.testing.tiny import contract

WORK = ("#\n" * 8).join(f"{name} = 3.0\n" for name in "ABCD")


class Bench:
    """A study whose verdicts are given by hand."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.recorder = parts, Recorder(parts)
        briefing = Briefing(parts.name, parts.contract, parts.workspace, parts.protected)
        self.proposer = Proposer(parts, self.recorder, briefing)
        base = parts.terms.base
        first = Experiment(
            number=BASELINE, parent=base, commit=base, tree="", hypothesis="the unchanged target", agent=""
        )
        self.recorder.note(parts.terms, Proposed(experiment=first))
        self.judge(BASELINE, Decision.KEPT)

    def judge(self, number: int, decision: Decision) -> None:
        """Give a verdict."""
        self.recorder.note(Judged(experiment=number, verdict=Verdict(decision=decision, reason="so it is")))
        self.recorder.commit()

    def try_(self, find: str, by: str, decision: Decision, near: int | None = None) -> int:
        """The number of a change of the champion, or of a near miss, that had this verdict."""
        history = self.recorder.history
        number, parent = len(history.experiments), history.champion_commit
        if near is not None:
            parent = history.experiments[near].experiment.commit
        content = self.parts.workspace.read(parent, "work.py")
        assert content and find.encode() in content
        edits = (Edit(path="work.py", content=content.replace(find.encode(), by.encode())),)
        details = {} if near is None else {STARTS_FROM: near}
        proposal = Proposal(hypothesis=by, edits=edits, agent="hand", parent=parent, details=details)
        self.proposer.enter(number, proposal)
        self.judge(number, decision)
        return number

    def again(self) -> str:
        """What the next second try changes of the champion."""
        history = self.recorder.history
        proposal = wished(history, self.parts.workspace, self.parts.artefacts)
        assert proposal
        number, champion = len(history.experiments), history.champion_commit
        self.proposer.enter(number, proposal)
        return self.parts.workspace.diff(champion, history.experiments[number].experiment.commit)


@pytest.fixture
def bench(repository: Callable[[Mapping[str, str]], Path]) -> Iterator[Bench]:
    folder = repository({"work.py": WORK, "jumar.toml": contract()})
    with assembled(Home(folder=folder, study="tiny"), contract(), Options(), lambda _: None) as parts:
        yield Bench(parts)


def test_what_started_from_a_near_miss_brings_no_keep_back_that_was_taken_back(bench: Bench) -> None:
    near = bench.try_("A = 3.0", "A = 1.5", Decision.DISCARDED)
    keep = bench.try_("B = 3.0", "B = 9.0", Decision.KEPT)
    both = bench.try_("C = 3.0", "C = 0.5", Decision.DISCARDED, near)
    base = bench.parts.terms.base
    bench.recorder.note(Refuted(experiment=keep, champion=BASELINE, commit=base, reason="it did not hold"))
    bench.try_("D = 3.0", "D = 1.0", Decision.KEPT)
    bench.recorder.note(Asked(wish=Wish.RETEST, words=str(both)))
    diff = bench.again()
    assert "+A = 1.5" in diff and "+C = 0.5" in diff
    assert "B = 9.0" not in diff and "D = 1.0" not in diff
