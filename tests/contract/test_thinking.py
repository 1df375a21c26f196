"""Agents that think beside runs: the loop goes on, the champion moves, and somebody stops it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.desk import CalledOff, Desk, Reply, Usage
from jumar.core.event import Answered, Entry, Thought, Wish
from jumar.core.proposal import Cost, Proposal
from jumar.home import Home, Options
from jumar.rules.drafts import proposal_from, read_draft
from jumar.study.loop import Loop
from jumar.study.tick import Tick
from jumar.testing.tiny import contract

# Two constants on lines far apart, so that changes of one and of the other can be merged.
WORK = "A = 3.0\n" + "#\n" * 8 + 'B = 3.0\n\nprint(f"loss: {A + B:.6f}")\n'
Idea = Callable[[Brief, Desk], str]


def change(find: str, by: str) -> str:
    one = {"kind": "replace", "path": "work.py", "find": find, "by": by}
    return json.dumps({"hypothesis": f"{find} becomes {by}", "changes": [one]})


class Mind:
    """Thinks what it was given, in order. A question that it was answered before, it does not ask again."""

    name, repeats = "mind", False

    def __init__(self, *ideas: Idea) -> None:
        self._ideas = list(ideas)
        self.briefs: list[Brief] = []
        self.threads: set[str] = set()
        self.loop: Loop | None = None

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        self.briefs.append(brief)
        self.threads.add(threading.current_thread().name)
        asked = f"{brief.number} {brief.parent} {brief.refusals}"
        for reply in desk.replies:
            if reply.request == asked:
                return proposal_from(read_draft(reply.content.decode()), brief.files, self.name, cost=Cost())
        if not self._ideas:
            return None
        said = self._ideas.pop(0)(brief, desk)
        keep(desk, asked, said)
        return proposal_from(read_draft(said), brief.files, self.name, cost=Cost())


def keep(desk: Desk, asked: str, said: str) -> None:
    usage = Usage(model="none", tokens_in=100, usd=0.01)
    desk.keep(Reply(agent=Mind.name, request=asked, content=said.encode(), usage=usage))


def once_kept(number: int, find: str, by: str) -> Idea:
    """Goes on thinking until an experiment was kept."""

    def think(brief: Brief, desk: Desk) -> str:
        deadline = time.monotonic() + 60
        while "kept" not in desk.ask("show", {"experiment": number}) and time.monotonic() < deadline:
            time.sleep(0.02)
        return change(find, by)

    return think


def at_once(find: str, by: str) -> Idea:
    return lambda _, __: change(find, by)


@pytest.fixture
def target(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    return repository({"work.py": WORK, "jumar.toml": contract(experiments=40)})


def run(
    folder: Path, agent: Mind, observe: Callable[[Entry | Tick], None] = lambda _: None, slots: int = 2
) -> Study:
    home = Home(folder=folder, study="tiny")
    with assembled(home, (folder / "jumar.toml").read_text(), Options(workers=slots), observe) as parts:
        agent.loop = Loop(replace(parts, agent=agent))
        agent.loop.run()
    return open_study(folder)


def test_the_study_goes_on_while_an_agent_thinks_and_its_idea_is_tried_on_the_champion_of_by_then(
    target: Path,
) -> None:
    mind = Mind(
        at_once("A = 3.0", "A = 2.0"),
        once_kept(1, "B = 3.0", "B = 2.0"),
        once_kept(2, "B = 3.0", "B = 1.0"),  # the second change is on the same line
        at_once("B = 2.0", "B = 1.0"),
    )
    study = run(target, mind)
    base, one, two, three = study.experiments()
    assert one.is_kept and two.is_kept and three.is_kept
    assert "main" not in str(mind.threads).lower()
    assert mind.briefs[1].parent == base.experiment.commit and two.experiment.parent == one.experiment.commit
    assert two.experiment.details["thought_on"] == base.experiment.commit
    assert "-B = 3.0\n+B = 2.0" in study.diff(2) and "+A" not in study.diff(2)
    (refusal,) = mind.briefs[3].refusals
    assert "both this and experiment 2" in refusal and "B = 2.0" in mind.briefs[3].files["work.py"].decode()
    assert [round(each.experiment.cost.usd, 9) for each in study.experiments()] == [0, 0.01, 0.01, 0.02]
    waited = [each.experiment.cost.waited_s for each in study.experiments()]
    record = study.record()
    assert record is not None and waited[0] == 0 and 0 < sum(waited) < record.active_s
    thoughts = [entry.event for entry in study.entries() if isinstance(entry.event, Thought)]
    assert thoughts and all(thought.nothing and thought.agent == "mind" for thought in thoughts)


def test_a_stop_is_heard_while_an_agent_thinks_and_what_was_paid_for_is_used_later(target: Path) -> None:
    stopped: list[float] = []

    def think(brief: Brief, desk: Desk) -> str:
        keep(desk, f"{brief.number} {brief.parent} {brief.refusals}", change("A = 3.0", "A = 2.0"))
        time.sleep(1)
        stopped.append(time.monotonic())
        open_study(target).ask(Wish.STOP)
        assert desk.called_off.wait(20)
        with pytest.raises(CalledOff):
            desk.ask("knobs", {})
        raise CalledOff

    run(target, Mind(think), slots=1)
    assert time.monotonic() - stopped[0] < 2
    study = open_study(target)
    assert len(study.experiments()) == 1
    (called_off,) = [entry.event for entry in study.entries() if isinstance(entry.event, Thought)]
    assert called_off.waited_s > 1 and not called_off.nothing
    one = run(target, Mind()).experiment(1)
    assert one.is_kept and one.experiment.cost.usd == 0.01
    assert one.experiment.cost.waited_s > called_off.waited_s


@pytest.mark.parametrize(("by", "numbers"), [("A = 2.0", [0, 1]), ("A = (", [0])])
def test_after_one_interrupt_a_thought_is_finished_and_none_is_begun(
    target: Path, by: str, numbers: list[int]
) -> None:
    mind = Mind()

    def think(brief: Brief, desk: Desk) -> str:
        assert mind.loop
        mind.loop.interrupt()
        time.sleep(0.6)
        assert not desk.called_off.is_set()
        return change("A = 3.0", by)

    mind._ideas = [think, think]
    study = run(target, mind)
    assert len(mind.briefs) == 1 and [one.number for one in study.experiments()] == numbers
    assert [one.is_open for one in study.experiments()] == [False, True][: len(numbers)]


class Killed(BaseException):
    """What a process does not survive."""


def test_what_was_paid_for_before_a_crash_is_tried_on_the_champion_of_by_then(target: Path) -> None:
    def die(brief: Brief, desk: Desk) -> str:
        keep(desk, f"{brief.number} {brief.parent} {brief.refusals}", change("B = 3.0", "B = 2.0"))
        once_kept(1, "", "")(brief, desk)
        raise Killed

    with pytest.raises(Killed):
        run(target, Mind(at_once("A = 3.0", "A = 2.0"), die))
    study = run(target, Mind())
    assert [one.is_kept for one in study.experiments()] == [True, True, True]
    assert len([entry for entry in study.entries() if isinstance(entry.event, Answered)]) == 2
    assert round(study.experiment(2).experiment.cost.usd, 9) == 0.01
