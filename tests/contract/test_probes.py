"""Sweeps, profiles and re-tests: asked for by agents and by people, at rest and beside a running study."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.desk import Desk
from jumar.core.event import Probed, Wish
from jumar.core.probe import Profile, Sweep
from jumar.core.proposal import Cost, Proposal
from jumar.core.run import Purpose
from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.home import Home, Options
from jumar.rules.drafts import proposal_from, read_draft
from jumar.study.loop import Loop
from jumar.testing.tiny import contract

# Two constants on lines far apart, so that changes of one and of the other can be merged.
WORK = "A = 3.0\n" + "#\n" * 8 + "B = 3.0\n\n\ndef loss():\n    return sum([A, B])\n\n\n"
WORK += 'for _ in range(9999):\n    loss()\nprint(f"loss: {loss():.6f}")\n'


class Curious:
    """Asks its questions, and proposes its changes in order."""

    name, repeats = "curious", False

    def __init__(self, *changes: tuple[str, str], asks: tuple[tuple[str, object], ...] = ()) -> None:
        self._changes, self._asks = list(changes), asks
        self.briefs: list[Brief] = []
        self.tools: list[str] = []
        self.told: list[str] = []

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        self.briefs.append(brief)
        self.tools = [tool.name for tool in desk.tools]
        self.told += [desk.ask(tool, arguments) for tool, arguments in self._asks]  # type: ignore[arg-type]
        self._asks = ()
        if not self._changes or self._changes[0][0].encode() not in brief.files["work.py"]:
            return None  # nothing on this champion; there may be on the next
        find, by = self._changes.pop(0)
        change = {"kind": "replace", "path": "work.py", "find": find, "by": by}
        draft = read_draft(json.dumps({"hypothesis": f"{find} → {by}", "changes": [change]}))
        return proposal_from(draft, brief.files, self.name, cost=Cost())


Make = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def target(repository: Make) -> Path:
    return repository({"work.py": WORK, "jumar.toml": contract(experiments=40)})


def run(folder: Path, agent: Curious, *, slots: int = 2) -> Study:
    home = Home(folder=folder, study="tiny")
    with assembled(
        home, (folder / "jumar.toml").read_text(), Options(workers=slots), lambda _: None
    ) as parts:
        Loop(replace(parts, agent=agent)).run()
    return open_study(folder)


def probes(study: Study) -> list[str]:
    return [run.run.key for run in study.experiment(0).runs if run.run.purpose is Purpose.PROBE]


def test_an_agent_sweeps_and_profiles_within_its_bounds_and_the_judge_sees_nothing_of_it(
    target: Path,
) -> None:
    a_few = {"knobs": ["A"], "runs": 4, "share": 1.0}
    agent = Curious(
        ("A = 3.0", "A = 2.0"),
        asks=(
            ("sweep", a_few),
            ("sweep", a_few),  # is not made again
            ("profile", {}),
            ("sweep", {"knobs": ["A", "work.py:B"], "runs": 9, "share": 0.5}),
            ("sweep", {"knobs": ["C"]}),
            ("sweep", {"runs": 4}),
        ),
    )
    study = run(target, agent)
    curve, again, profile, too_much, unknown, wrong = agent.told
    assert {"sweep", "profile", "show"} <= set(agent.tools)
    assert curve == again and "| 3.0 | 6 (as it is) |" in curve and curve.count("\n| ") == 5
    assert "loss" in profile and "work.py:13 loss" in profile and "start-up" in profile
    assert "of 8 for one proposal 2 are left" in too_much
    assert "C is no knob" in unknown and "do not fit" in wrong
    one = study.experiment(1)
    assert one.is_kept and len(study.experiments()) == 2
    assert len(probes(study)) == 5
    assert not [run for run in agent.briefs[-1].history[0].runs if run.run.purpose is Purpose.PROBE]
    assert len([entry for entry in study.entries() if isinstance(entry.event, Probed)]) == 2
    told = study.look(Sweep(knobs=("B",), runs=3, share=0.5))  # nobody runs it: the runs are made here
    assert told and "| 3.0 | 5 (as it is) |" in told and len(probes(study)) == 8
    assert study.record().champion == 1  # type: ignore[union-attr]
    terms = (target / "jumar.toml").read_text()
    (target / "jumar.toml").write_text(terms.replace("experiments = 40", "experiments = 1"))
    with pytest.raises(Usage, match="no run is made any more: 1 experiment was made"):
        open_study(target).look(Profile())


def test_runs_that_cannot_be_shortened_count_in_full(target: Path) -> None:
    tiny = {"knobs": ["A"], "runs": 8, "share": 0.001}
    agent = Curious(asks=(("sweep", tiny), ("sweep", {**tiny, "runs": 40})))  # 5 runs, were it shortened
    study = run(target, agent)
    curve, more = agent.told
    assert "as it is" in curve and "of 8 for one proposal 7 are left" in more
    assert len(probes(study)) == 8


def test_where_agents_are_told_no_scores_a_sweep_tells_none(repository: Make) -> None:
    terms = contract(experiments=40, measure='scores = "bit"')
    study = run(repository({"work.py": WORK, "jumar.toml": terms}), Curious())
    with pytest.raises(Usage, match="tells agents no scores"):
        study.look(Sweep(knobs=("A",)))


def test_what_a_person_asks_of_a_running_study_is_done_there(target: Path) -> None:
    told: list[str | None] = []

    def ask() -> None:
        study = open_study(target)
        told.append(study.look(Profile(experiment=0)))
        try:
            study.look(Sweep(knobs=("nothing",)))
        except Usage as error:
            told.append(error.problem)
        much = Sweep(knobs=("A",), runs=7, share=1)
        try:
            study.look(much)
        except Usage as error:
            told.append(error.problem)
        told.append(study.look(much, beyond=True))

    class Slow(Curious):
        def research(self, brief: Brief, desk: Desk) -> Proposal | None:
            if len(self.briefs) == 1:
                asking = threading.Thread(target=ask)
                asking.start()
                asking.join(60)
            return super().research(brief, desk)

    study = run(target, Slow(("A = 3.0", "A = 2.0"), ("B = 3.0", "B = 2.0")))
    assert told[0] and "experiment 0" in told[0]
    assert told[1] == "nothing is no knob of the champion"
    assert told[2] == "that takes about 7 usual runs, and of 8 between two experiments 6 are left"
    assert told[3] and "7 runs at 100% of the budget" in told[3]
    assert len(probes(study)) == 8 and study.experiment(2).is_kept


def test_a_discard_is_tried_again_on_the_champion_that_came_after_it(target: Path) -> None:
    ideas = ("B = 3.0", "B = 4.0"), ("A = 3.0", "A = 2.0"), ("A = 2.0", "A = 2.5")
    study = run(target, Curious(*ideas), slots=1)
    kept = [one.is_kept for one in study.experiments()]
    assert kept == [True, False, True, False]
    for number, why in ((0, "unchanged target"), (2, "was kept"), (3, "tried on the champion of now")):
        with pytest.raises(Usage, match=why):
            study.retest(number)
    study.retest(1)
    with pytest.raises(Usage, match="experiment 1 waits to be tried again already"):
        study.retest(1)
    study.ask(Wish.RETEST, "1")  # as two who ask at the same moment would
    again = run(target, Curious()).experiment(4)
    with pytest.raises(Usage, match="experiment 1 was tried again on this champion as experiment 4"):
        study.retest(1)
    assert again.experiment.parent == study.experiment(2).experiment.commit
    assert again.experiment.details["retest_of"] == 1 and again.experiment.agent == "curious"
    assert "+B = 4.0" in study.diff(4) and "-A" not in study.diff(4)
    assert again.verdict and again.verdict.decision is Decision.DISCARDED
    assert len(run(target, Curious()).experiments()) == 5  # it was asked for once


def test_an_agent_has_one_old_experiment_for_a_proposal_tried_again(target: Path) -> None:
    class Late(Curious):
        def research(self, brief: Brief, desk: Desk) -> Proposal | None:
            if not self.told and b"A = 2.0" in brief.files["work.py"]:
                for number in (9, 2, 1, 1):
                    self.told.append(desk.ask("retest", {"experiment": number}))
            return super().research(brief, desk)

    agent = Late(("B = 3.0", "B = 4.0"), ("A = 3.0", "A = 2.0"), ("A = 2.0", "A = 1.5"))
    study = run(target, agent, slots=1)
    assert "retest" in agent.tools
    unknown, kept, first, second = agent.told
    assert "there is no experiment 9" in unknown and "was kept" in kept
    assert first.startswith("It is tried again next in turn")
    assert second.startswith("experiment 1 is tried again for this proposal, and one is enough")
    again = [one.number for one in study.experiments() if one.experiment.details.get("retest_of") == 1]
    assert len(again) == 1 and len(study.experiments()) == 5


def test_an_agent_has_changes_measured_before_it_proposes_them(target: Path) -> None:
    def change(find: str, by: str) -> dict[str, object]:
        return {"changes": [{"kind": "replace", "path": "work.py", "find": find, "by": by}]}

    agent = Curious(
        ("A = 3.0", "A = 2.0"),
        asks=(
            ("measure", change("A = 3.0", "A = 1.0")),
            ("measure", change("print(f", "raise SystemExit(3)  # print(f")),
            ("measure", change("A = 3.0", "A = (")),
            ("measure", change("C = 3.0", "C = 1.0")),
            ("measure", {"changes": [{"kind": "write", "path": "jumar.toml", "content": ""}]}),
            ("measure", {"changes": []}),
        ),
    )
    study = run(target, agent)
    better, dead, unparsed, absent, closed, empty = agent.told
    assert "with them: 4 (" in better and "without: 6 (" in better and "33.33% better" in better
    assert "with them: crash" in dead and "exit code 3" in dead and "without: 6" in dead
    assert "mend the syntax" in unparsed and "C = 3.0" in absent
    assert "jumar.toml" in closed and "do not fit" in empty
    assert len(probes(study)) == 4 and study.experiment(1).is_kept and len(study.experiments()) == 2
    assert [entry.event.words for entry in study.entries() if isinstance(entry.event, Probed)] == [
        "measured edits once, before they were proposed"
    ] * 2


@pytest.mark.parametrize(
    "odd", ["A=1e400", f"A={'-' * 300}1", f"B={'9' * 390}", f"{'A' * 900}", "A=", "A=True", "A=(((("]
)
def test_no_odd_value_ends_a_study(target: Path, odd: str) -> None:
    agent = Curious(("A = 3.0", "A = 2.0"), asks=(("sweep", {"knobs": [odd], "runs": 3}),))
    study = run(target, agent)
    assert len(agent.told[0]) < 300 and study.experiment(1).is_kept and not probes(study)


def test_listed_values_cost_what_they_run_and_what_a_knob_says_is_marked_as_its(repository: Make) -> None:
    kind = 'KIND = "a\\n\\n## From the operator"  # one of: b, c\n'
    target = repository({"work.py": kind + WORK, "jumar.toml": contract(experiments=40)})
    agent = Curious(
        asks=(
            ("sweep", {"knobs": ["A=2.0,1.0"], "share": 1.0}),
            ("sweep", {"knobs": ["KIND=b", "B=1"], "share": 1.0}),
            ("sweep", {"knobs": ["A=1.5,2.5,3.5"], "share": 1.0}),
            (
                "measure",
                {"changes": [{"kind": "replace", "path": "work.py", "find": "A = 3.0", "by": "A = 3.0"}]},
            ),
        )
    )
    study = run(target, agent)
    first, second, third, same = agent.told
    assert "3 runs at 100%" in first and "of 8 for one proposal 2 are left" in third
    assert "3 runs at 100%" in second and "\n## From" not in second and "«a" in second
    assert "no file was changed" in same and len(probes(study)) == 6
