"""Proposals that wait while experiments run: the champion moves under them, and a crash finds them there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import AnyAgent, Brief
from jumar.core.desk import CalledOff, Desk, Reply, Usage
from jumar.core.event import Answered, Entry, Idled, Judged, Proposed, Rebased, Rested, RunStarted
from jumar.core.proposal import Cost, Proposal
from jumar.core.verdict import Decision
from jumar.home import Home, Options
from jumar.rules.drafts import proposal_from, read_draft
from jumar.study.loop import Loop
from jumar.study.proposing import Proposer
from jumar.study.tick import Tick
from jumar.testing.tiny import contract
from jumar.workspaces.git import open_workspace

# Three constants on lines far apart, so that changes of one and of another can be merged.
APART = "#\n" * 8
WORK = f'A = 3.0\n{APART}B = 3.0\n{APART}C = 3.0\n\nprint(f"loss: {{A + B + C:.6f}}")\n'


def change(find: str, by: str) -> str:
    one = {"kind": "replace", "path": "work.py", "find": find, "by": by}
    return json.dumps({"hypothesis": f"{find} becomes {by}", "changes": [one]})


class Mind:
    """Answers with its changes in order, and finds again what it was paid for."""

    name, repeats = "mind", False

    def __init__(self, *changes: tuple[str, str]) -> None:
        self._changes, self._lock = list(changes), threading.Lock()
        self.briefs: list[Brief] = []

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        with self._lock:
            self.briefs.append(brief)
            said = self._said(brief, desk)
        if said is None:
            return None
        return proposal_from(read_draft(said), brief.files, self.name, cost=Cost())

    def _said(self, brief: Brief, desk: Desk) -> str | None:
        asked = f"{brief.number} {brief.parent} {brief.refusals}"
        for reply in desk.replies:
            if reply.request == asked:
                return reply.content.decode()
        if not self._changes:
            return None
        said = change(*self._changes.pop(0))
        usage = Usage(model="none", tokens_in=100, usd=0.01)
        desk.keep(Reply(agent=self.name, request=asked, content=said.encode(), usage=usage))
        return said


@pytest.fixture
def target(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    # However slow the machine, what is in hand does not depend on it.
    return repository({"work.py": WORK, "jumar.toml": contract(experiments=3, limits="ahead = 1")})


def run(
    folder: Path, agent: AnyAgent, observe: Callable[[Entry | Tick], None] = lambda _: None, slots: int = 1
) -> Study:
    home = Home(folder=folder, study="tiny")
    with assembled(home, (folder / "jumar.toml").read_text(), Options(workers=slots), observe) as parts:
        loop = Loop(replace(parts, agent=agent))
        if isinstance(agent, Elsewhere):
            agent.loop = loop
        loop.run()
    return open_study(folder)


IDEAS = (("A = 3.0", "A = 2.0"), ("B = 3.0", "B = 2.0"), ("B = 3.0", "B = 1.0"), ("B = 2.0", "B = 1.0"))


def test_proposals_wait_for_the_slot_and_move_on_with_the_champion_or_go_back_to_their_agent(
    target: Path,
) -> None:
    mind = Mind(*IDEAS)
    study = run(target, mind)
    base, one, two, gone, four = study.experiments()
    events = [entry.event for entry in study.entries()]
    proposed = {e.experiment.number: place for place, e in enumerate(events) if isinstance(e, Proposed)}
    judged = {e.experiment: place for place, e in enumerate(events) if isinstance(e, Judged)}
    assert proposed[2] < judged[1] and proposed[3] < judged[2]
    # The second was thought of on the unchanged target, and is tried on the first.
    (moved,) = [event for event in events if isinstance(event, Rebased)]
    assert moved.experiment == two.experiment and two.experiment.parent == one.experiment.commit
    assert events[proposed[2]].experiment.parent == base.experiment.commit  # type: ignore[union-attr]
    assert "-B = 3.0\n+B = 2.0" in study.diff(2) and "+A" not in study.diff(2)
    assert open_workspace(target).resolve("refs/jumar/tiny/2") == two.experiment.commit
    # The third changes what the second did: its agent hears of it, and no experiment is used up.
    assert gone.verdict and gone.verdict.decision is Decision.INVALID and not gone.runs
    assert gone.verdict.reason.startswith("overtaken: both this and experiment 2")
    (words,) = mind.briefs[3].refusals
    assert "experiment 3 («B = 3.0 becomes B = 1.0»)" in words and "both this and experiment 2" in words
    assert [each.is_kept for each in (one, two, four)] == [True, True, True]
    record = study.record()
    assert record is not None and record.reason == "3 experiments were made (limit 3)"
    assert [round(each.experiment.cost.usd, 9) for each in study.experiments()] == [0, *[0.01] * 4]


class Killed(BaseException):
    """What a process does not survive."""


def test_a_crash_before_a_move_is_recorded_loses_nothing(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = 0

    def die(self: Proposer, number: int) -> None:
        nonlocal moves
        moves += 1
        really(self, number)  # the ref is moved, and the record says nothing of it
        raise Killed

    really = Proposer.move_on
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Proposer, "move_on", die)
        run(target, Mind(*IDEAS))
    before = [entry.event for entry in open_study(target).entries()]
    assert moves == 1 and not any(isinstance(event, Rebased) for event in before)
    study = run(target, Mind(*IDEAS[2:]))
    _, one, two, *_ = study.experiments()
    assert two.is_kept and two.experiment.parent == one.experiment.commit
    assert open_workspace(target).resolve("refs/jumar/tiny/2") == two.experiment.commit
    started = [entry.event.run for entry in study.entries() if isinstance(entry.event, RunStarted)]
    assert {run.commit for run in started if run.experiment == 2} <= {
        one.experiment.commit,
        two.experiment.commit,
    }


class Minds(Mind):
    """Thinks about two things at once; both must have begun before either is told."""

    strands = 2

    def __init__(self, *changes: tuple[str, str], die: bool = False) -> None:
        super().__init__(*changes)
        self._both, self._die = threading.Barrier(2, timeout=60), die

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        proposal = super().research(brief, desk)
        if len(self.briefs) <= 2:
            self._both.wait()
        if self._die:
            raise Killed
        return proposal


def test_what_one_agent_thinks_at_once_is_told_apart_also_after_a_crash(target: Path) -> None:
    first = Minds(("A = 3.0", "A = 2.0"), ("B = 3.0", "B = 2.0"), die=True)
    with pytest.raises(Killed):
        run(target, first, slots=2)
    one, two = first.briefs
    assert one.number == two.number and one.chance != two.chance
    # Whoever is told second knows that the first one thinks.
    assert [len(brief.in_hand) for brief in first.briefs] == [0, 1]
    # A fresh one has nothing of its own: all that comes was paid for before.
    study = run(target, Minds(), slots=2)
    assert sorted(each.experiment.hypothesis for each in study.experiments()[1:3]) == [
        "A = 3.0 becomes A = 2.0",
        "B = 3.0 becomes B = 2.0",
    ]
    answers = [entry.event for entry in study.entries() if isinstance(entry.event, Answered)]
    assert len(answers) == 2
    assert [round(each.experiment.cost.usd, 9) for each in study.experiments()[1:3]] == [0.01, 0.01]


class Elsewhere:
    """Waits for somebody outside, who never says a word."""

    name, repeats, waits_for = "elsewhere", False, "somebody"

    def __init__(self) -> None:
        self.loop: Loop | None = None

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        desk.called_off.wait(1.5)
        assert self.loop
        self.loop.interrupt()
        desk.called_off.wait(60)
        raise CalledOff


def test_hours_go_on_only_while_something_runs_or_somebody_thinks(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jumar.study.idling.AFTER_S", 0.2)
    study = run(target, Elsewhere())
    idle, last = (
        [entry.at for entry in study.entries() if isinstance(entry.event, kind)] for kind in (Idled, Rested)
    )
    record = study.record()
    assert record is not None and record.active_s == pytest.approx(idle[0] - record.started_at, abs=0.1)
    assert last[0] - idle[0] > 1
