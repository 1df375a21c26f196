"""The loop, driven in this process over real git, SQLite and the real sandbox."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import Agent, Brief
from jumar.core.event import (
    Asked,
    Certified,
    Entry,
    Event,
    Judged,
    Noticed,
    Proposed,
    Rested,
    RunEnded,
    RunLost,
    RunStarted,
    Wish,
)
from jumar.core.ledger import Condition
from jumar.core.proposal import Cost, Edit, Proposal
from jumar.core.run import Purpose
from jumar.core.verdict import Decision
from jumar.errors import Breach, NotMeasurable, TargetUnfit
from jumar.home import Home, Options
from jumar.study.loop import Loop
from jumar.study.parts import Parts
from jumar.study.tick import Tick
from jumar.testing.repository import Repository
from jumar.testing.tiny import contract

# Two constants on lines far apart, so that changes of one and of the other can be merged.
WORK = "A = 3.0\n" + "#\n" * 8 + 'B = 3.0\n\nprint(f"loss: {A + B:.6f}")\n'
NOISY = WORK + (
    "import os, random\n"
    "print(f\"loss: {A + B + random.Random(int(os.environ['JUMAR_SEED'])).gauss(0, 0.01):.6f}\")\n"
)


class Script:
    """Proposes what it was given, in order; a breach is raised instead."""

    name = "script"

    def __init__(self, *ideas: Proposal | Breach, repeats: bool = False) -> None:
        self._ideas = list(ideas)
        self.repeats = repeats
        self.briefs: list[Brief] = []

    def propose(self, brief: Brief) -> Proposal | None:
        self.briefs.append(brief)
        idea = self._ideas.pop(0) if self._ideas else None
        if isinstance(idea, Breach):
            raise idea
        return idea


def idea(a: float = 3.0, b: float = 3.0, *, work: str = WORK, cost: Cost | None = None) -> Proposal:
    content = work.replace("A = 3.0", f"A = {a}").replace("B = 3.0", f"B = {b}").encode()
    edits = (Edit(path="work.py", content=content),)
    return Proposal(hypothesis=f"A {a}, B {b}", edits=edits, agent="script", cost=cost or Cost())


Make = Callable[..., Path]


@pytest.fixture
def target(repository: Callable[[Mapping[str, str]], Path]) -> Make:
    def make(work: str = WORK, terms: str = "") -> Path:
        return repository({"work.py": work, "jumar.toml": terms or contract(experiments=40)})

    return make


def ignore(_: Entry | Tick) -> None:
    """See nothing."""


@contextmanager
def sitting(
    folder: Path,
    agent: Agent,
    observe: Callable[[Entry | Tick], None] = ignore,
    *,
    slots: int = 1,
    terms: str = "",
) -> Iterator[Loop]:
    """A loop with an agent of the test's own."""
    home = Home(folder=folder, study="tiny")
    with assembled(
        home, terms or (folder / "jumar.toml").read_text(), Options(workers=slots), observe
    ) as parts:
        yield Loop(with_agent(parts, agent))


def with_agent(parts: Parts, agent: Agent) -> Parts:
    return replace(parts, agent=agent)


def run(folder: Path, agent: Agent, *, slots: int = 1, experiments: int | None = None) -> Study:
    with sitting(folder, agent, slots=slots) as loop:
        loop.run(experiments=experiments)
    return open_study(folder)


def decisions(study: Study) -> list[Decision | None]:
    return [one.verdict.decision if one.verdict else None for one in study.experiments()[1:]]


def reasons(study: Study) -> list[str]:
    return [one.verdict.reason if one.verdict else "" for one in study.experiments()[1:]]


def assert_whole(study: Study) -> None:
    record, experiments = study.record(), study.experiments()
    assert record is not None
    assert [one.number for one in experiments] == list(range(len(experiments)))
    assert not [run for one in experiments for run in one.runs if run.is_open]
    branch = Repository(study.folder).git("rev-parse", f"jumar/{study.name}")
    assert branch == record.champion_commit


def test_everything_is_written_before_it_is_done(target: Make) -> None:
    folder = target()
    study = run(folder, Script(idea(2.0), idea(4.0), idea(2.0, 2.0)))
    seen: set[str] = set()
    for entry in study.entries():
        match entry.event:
            case Proposed(experiment=experiment):
                seen.add(f"proposed {experiment.number}")
            case RunStarted(run=made):
                assert f"proposed {made.experiment}" in seen
                seen.add(f"started {made.key}")
            case RunEnded(key=key):
                assert f"started {key}" in seen
                seen.add(f"ended {key}")
            case Judged(experiment=number):
                assert f"proposed {number}" in seen
    assert decisions(study) == [Decision.KEPT, Decision.DISCARDED, Decision.KEPT]
    assert_whole(study)


class Crash(Exception):
    """The end of a controller, wherever it was."""


def crash_after(entries: int) -> Callable[[Entry | Tick], None]:
    left = entries

    def observe(event: Entry | Tick) -> None:
        nonlocal left
        left -= isinstance(event, Entry)
        if left < 0:
            raise Crash

    return observe


def test_a_study_that_crashes_after_every_few_entries_comes_to_the_same_end(target: Make) -> None:
    ideas = [idea(2.0), idea(5.0), idea(2.0, 2.0), idea(1.0, 2.0), idea(9.0)]
    folder = target()
    study, sittings = open_study(folder), 0
    for entries in cycle((1, 2, 4, 7)):
        record = study.record()
        if record is not None and record.condition is Condition.FINISHED:
            break
        assert (sittings := sittings + 1) < 80, "it never comes to its end"
        # The agent rebuilds what it did from the record, as every agent must.
        done = len([one for one in study.experiments() if one.number])
        try:
            with sitting(folder, Script(*ideas[done:]), crash_after(entries)) as loop:
                loop.run(experiments=None)
                break
        except Crash:
            continue
    assert sittings > 8
    assert decisions(study) == [
        Decision.KEPT,
        Decision.DISCARDED,
        Decision.KEPT,
        Decision.KEPT,
        Decision.DISCARDED,
    ]
    assert len([entry for entry in study.entries() if isinstance(entry.event, Certified)]) == 1
    assert_whole(study)


def test_what_was_overtaken_is_tried_again_on_the_new_champion(target: Make) -> None:
    folder = target(work=NOISY)
    study = run(folder, Script(idea(2.0, work=NOISY), idea(3.0, 2.0, work=NOISY)), slots=2)
    assert set(decisions(study)[:2]) == {Decision.KEPT, Decision.DISCARDED}  # whichever was first
    (loser,) = (one for one in study.experiments()[:3] if one.verdict and not one.is_kept)
    assert loser.verdict is not None
    assert "was kept while this one ran; tried again on it as experiment 3" in loser.verdict.reason
    again = study.experiment(3)
    assert again.experiment.details["retest_of"] == loser.number
    assert again.is_kept and again.verdict
    both = again.verdict.evidence["additivity"]
    assert (both["experiment"], both["on_top_of"]) == (loser.number, 3 - loser.number)
    assert both["gain"] == pytest.approx(1.0, abs=0.1) and both["on_top"] == pytest.approx(1.0, abs=0.1)
    assert re.search(
        rf"alone it gave \+1\d\.\d\d% \(experiment {loser.number}.*\), on top of experiment "
        rf"{3 - loser.number} \+\d\d\.\d\d%",
        again.verdict.reason,
    )
    kept = Repository(folder).git("show", "jumar/tiny:work.py")
    assert "A = 2.0" in kept
    assert "B = 2.0" in kept
    assert_whole(study)


def test_neighbouring_constants_of_two_winners_end_up_together(target: Make) -> None:
    near = NOISY.replace("#\n" * 8, "")
    ideas = idea(2.0, work=near), idea(3.0, 2.0, work=near)
    folder = target(work=near)
    study = run(folder, Script(*ideas), slots=2)
    again = study.experiment(3)
    assert again.experiment.details["retest_of"] in (1, 2)
    assert again.is_kept
    assert Repository(folder).git("show", "jumar/tiny:work.py").startswith("A = 2.0\nB = 2.0\n")


def test_where_two_winners_cannot_be_joined_the_words_say_what_competes(target: Make) -> None:
    # The better one takes longer for its screen than the other for all its runs.
    slow = NOISY.replace("import os", "import time; time.sleep(3.0 * (A == 1.9))\nimport os")
    folder, refused = target(work=slow), Breach("no", fix="none", code="unreadable")
    run(folder, Script(idea(2.0, work=slow)))
    # What was refused has the champion's commit: whoever asks for ancestors must not go round in it.
    study = run(folder, Script(refused, idea(1.9, work=slow), idea(1.95, work=slow)), slots=2)
    first, second, *own = study.experiments()[3:]
    assert (first.is_kept, second.is_kept, len(own)) == (False, True, 1), reasons(study)
    assert reasons(study)[2].endswith(
        "both change the same places; its own version of the files competes as experiment 5, "
        "without experiment 4's change"
    )
    assert own[0].experiment.hypothesis == (
        "A 1.9, B 3.0 (experiment 3's own version of the files, without experiment 4's change)"
    )
    assert own[0].experiment.details["in_place_of"] == 4 and own[0].verdict
    assert (
        "in place of experiment 4 " in own[0].verdict.reason and "additivity" not in own[0].verdict.evidence
    )


def test_code_that_was_tried_is_refused_with_the_reason_and_a_bounded_number_of_times(target: Make) -> None:
    agent = Script(idea(5.0), idea(5.0), idea(5.0), idea(5.0), idea(6.0))
    study = run(target(), agent)
    assert decisions(study) == [Decision.DISCARDED, Decision.INVALID, Decision.DISCARDED]
    refused = study.experiment(2)
    assert refused.verdict is not None
    assert refused.verdict.code == "duplicate"
    assert refused.runs == ()
    told = [brief.refusals for brief in agent.briefs if brief.number == 2]
    assert [len(refusals) for refusals in told] == [0, 1, 2]
    assert "the code is the same as in experiment 1, which was discarded" in told[-1][0]
    assert len({brief.chance for brief in agent.briefs}) == len(agent.briefs)


def test_a_brief_tells_the_champion_its_files_and_all_that_happened(target: Make) -> None:
    folder = target()
    agent = Script(idea(2.0), idea(1.0))
    run(folder, agent)
    first, second, _ = agent.briefs
    assert (first.value, second.value) == (6.0, 5.0)
    assert second.files["work.py"].startswith(b"A = 2.0")
    assert [one.number for one in second.history] == [0, 1]
    assert second.parent == second.history[1].experiment.commit


def test_words_of_the_user_reach_the_next_brief(target: Make) -> None:
    folder = target()
    study = run(folder, Script(idea(2.0)), experiments=1)
    study.ask(Wish.TELL, "mind the gap")
    agent = Script(idea(1.0))
    run(folder, agent)
    assert agent.briefs[0].messages == ("mind the gap",)


def test_a_proposal_that_was_paid_for_is_kept_before_it_is_used(target: Make) -> None:
    study = run(target(), Script(idea(2.0, cost=Cost(usd=0.5, tokens=9)), idea(1.0)))
    paid, free = study.experiments()[1:]
    assert b"A 2.0, B 3.0" in study.artefact(paid.experiment.edits)
    assert free.experiment.edits == ""
    record = study.record()
    assert record is not None
    assert record.cost_usd == 0.5


@pytest.mark.parametrize(
    ("limits", "ideas", "reason", "finished"),
    [
        ("plateau = 2", [5.0, 6.0, 7.0], "2 experiments in a row kept nothing (limit 2)", True),
        ("target = 5.5", [5.0, 2.0, 1.0], "the target was reached: loss 5 (limit 5.5)", True),
        ("usd = 0.9", [5.0, 6.0, 7.0], "1.00 USD were spent (limit 0.9)", True),
        ("hours = 1e-9", [5.0, 6.0], "", True),
        ("", [5.0], "the agent has nothing left to propose", False),
    ],
)
def test_a_study_rests_at_its_limits_and_says_which(
    limits: str, ideas: Sequence[float], reason: str, finished: bool, target: Make
) -> None:
    folder = target(terms=contract(experiments=40, limits=limits))
    study = run(folder, Script(*(idea(a, cost=Cost(usd=0.5)) for a in ideas)))
    record = study.record()
    assert record is not None
    assert reason in record.reason
    assert record.condition is (Condition.FINISHED if finished else Condition.RESTING)
    assert_whole(study)


def test_a_sitting_has_limits_of_its_own_and_the_contract_has_the_last_word(target: Make) -> None:
    folder = target(terms=contract(experiments=3))
    study = run(folder, Script(idea(5.0), idea(6.0), idea(7.0)), experiments=2)
    assert len(decisions(study)) == 2
    record = study.record()
    assert record is not None
    assert record.condition is Condition.RESTING
    run(folder, Script(idea(7.0), idea(8.0)), experiments=2)
    record = study.record()
    assert record is not None
    assert len(decisions(study)) == 3
    assert record.condition is Condition.FINISHED


def test_an_agent_that_only_breaches_can_be_interrupted(target: Make) -> None:
    breach = Breach("no", fix="try again", code="outside-scope")
    folder = target(terms=contract(experiments=100_000))
    with sitting(folder, Script(*[breach] * 100_000)) as loop:
        threading.Timer(1.5, loop.interrupt).start()
        assert loop.run() == "interrupted"
    assert set(decisions(open_study(folder))) == {Decision.INVALID}


def test_an_interrupted_certification_is_not_called_finished_and_is_made_up_for(target: Make) -> None:
    folder = target(work=NOISY, terms=contract(experiments=1))
    loops: list[Loop] = []

    def observe(event: Entry | Tick) -> None:
        if (
            isinstance(event, Entry)
            and isinstance(event.event, RunStarted)
            and event.event.run.purpose.value == "certify"
        ):
            loops[0].interrupt()

    with sitting(folder, Script(idea(2.0, work=NOISY)), observe) as loop:
        loops.append(loop)
        assert loop.run() == "interrupted"
    study = open_study(folder)
    record = study.record()
    assert record is not None
    assert (record.condition, record.claim) == (Condition.RESTING, None)
    run(folder, Script())
    record = study.record()
    assert record is not None
    assert record.claim is not None
    assert record.condition is Condition.FINISHED
    assert_whole(study)


def test_a_champion_is_certified_again_on_seeds_of_its_own(target: Make) -> None:
    folder = target(work=NOISY)
    study = run(folder, Script(idea(2.0, work=NOISY)))
    with sitting(folder, Script()) as loop:
        loop.certify()
    claims = [entry.event.claim for entry in study.entries() if isinstance(entry.event, Certified)]
    assert [claim.certified for claim in claims] == [True, True]
    seeds = [run.run.seed for run in study.experiment(1).runs if run.run.purpose.value == "certify"]
    assert len(set(seeds)) == len(seeds) / 2


def test_certifying_by_request_goes_on_searching_afterwards(target: Make) -> None:
    folder = target()

    def observe(event: Entry | Tick) -> None:
        if isinstance(event, Entry) and isinstance(event.event, Judged) and event.event.experiment == 1:
            open_study(folder).ask(Wish.CERTIFY)

    agent = Script(*(idea(2.0 - n / 10) for n in range(12)))
    with sitting(folder, agent, observe) as loop:
        loop.run()
    study = open_study(folder)
    kinds: list[type[Event]] = [type(entry.event) for entry in study.entries()]
    first = kinds.index(Certified)
    assert Judged in kinds[first:]
    made = {run.run.purpose for one in study.experiments() for run in one.runs}
    told = {run.run.purpose for brief in agent.briefs for one in brief.history for run in one.runs}
    assert made - told == {Purpose.CERTIFY}  # what was measured on the holdout is not for agents


def test_a_baseline_without_a_number_ends_the_study_in_the_record(target: Make) -> None:
    folder = target(work="raise SystemExit(1)\n")
    with pytest.raises(NotMeasurable), sitting(folder, Script(), slots=2) as loop:
        loop.run()
    study = open_study(folder)
    record = study.record()
    assert record is not None
    assert record.condition is Condition.FINISHED
    assert "crashed" in record.reason
    assert not [run for run in study.experiment(0).runs if run.is_open]
    assert isinstance(list(study.entries())[-1].event, Rested)


def noticed(folder: Path) -> list[str]:
    return [each.event.words for each in open_study(folder).entries() if isinstance(each.event, Noticed)]


def test_a_branch_that_moved_meanwhile_is_left_alone_and_the_study_goes_on(target: Make) -> None:
    folder = target()
    user = Repository(folder)

    def observe(event: Entry | Tick) -> None:
        if (
            isinstance(event, Entry)
            and isinstance(event.event, Proposed)
            and event.event.experiment.number == 1
        ):
            user.git("update-ref", "refs/heads/jumar/tiny", foreign)

    foreign = user.git("commit-tree", "HEAD^{tree}", "-m", "foreign")
    with sitting(folder, Script(idea(2.0)), observe) as loop:
        loop.run()
    assert user.git("rev-parse", "jumar/tiny") == foreign
    assert any("stays behind" in words for words in noticed(folder))
    with pytest.raises(TargetUnfit), sitting(folder, Script()) as loop:
        loop.run()
    user.git("branch", "-m", "jumar/tiny", "mine")
    study = run(folder, Script())
    assert study.experiment(1).is_kept
    assert_whole(study)


def test_a_branch_that_is_checked_out_is_not_moved_under_its_user(target: Make) -> None:
    folder = target()
    run(folder, Script(idea(2.0)))
    user = Repository(folder)
    user.git("checkout", "-q", "jumar/tiny")
    before = user.git("rev-parse", "HEAD")
    with sitting(folder, Script(idea(1.0))) as loop:
        loop.run()
    assert user.git("rev-parse", "HEAD") == before
    assert any("checked out" in words for words in noticed(folder))
    user.git("checkout", "-q", "main")
    study = run(folder, Script())
    assert_whole(study)


def test_a_pause_holds_new_runs_until_resume(target: Make) -> None:
    folder = target()
    study = open_study(folder)
    ideas = [idea(2.0 - n / 100) for n in range(30)]
    ticks: list[Tick] = []

    def observe(event: Entry | Tick) -> None:
        if isinstance(event, Tick):
            ticks.append(event)
        elif isinstance(event.event, Judged) and event.event.experiment == 2:
            study.ask(Wish.PAUSE)
        elif isinstance(event.event, Asked) and event.event.wish is Wish.PAUSE:
            threading.Timer(1.5, study.ask, (Wish.RESUME,)).start()

    with sitting(folder, Script(*ideas), observe) as loop:
        loop.run(experiments=12)
    kinds = [entry.event for entry in study.entries()]
    pause = next(n for n, event in enumerate(kinds) if isinstance(event, Asked) and event.wish is Wish.PAUSE)
    resume = next(
        n for n, event in enumerate(kinds) if isinstance(event, Asked) and event.wish is Wish.RESUME
    )
    heard = [event for event in kinds[pause:resume] if isinstance(event, RunStarted)]
    assert len(heard) <= 6, "a wish is heard within half a second"
    assert len(decisions(study)) == 12
    assert any(not tick.running for tick in ticks)


@pytest.mark.parametrize(("says", "decision"), [("", Decision.KEPT), ("simpler = false", Decision.DISCARDED)])
def test_less_code_at_an_equal_score_is_kept_unless_the_contract_says_otherwise(
    target: Make, says: str, decision: Decision
) -> None:
    long = WORK + "\n".join(f"unused_{n} = {n} * {n}" for n in range(10)) + "\n"
    edits = (Edit(path="work.py", content=WORK.encode()),)
    terms = contract(experiments=40).replace("[measure]", f"[measure]\n{says}")
    study = run(target(long, terms), Script(Proposal(hypothesis="", edits=edits, agent="script")))
    assert decisions(study) == [decision]
    assert ("equal, with" in reasons(study)[0]) is (decision is Decision.KEPT)


def test_the_time_that_a_study_lay_dead_is_not_worked(target: Make) -> None:
    def die(event: Entry | Tick) -> None:
        if isinstance(event, Entry) and isinstance(event.event, RunStarted) and event.event.run.experiment:
            raise RuntimeError("a power cut")

    folder = target(NOISY)
    with sitting(folder, Script(idea(a=2.0, work=NOISY)), die) as loop, pytest.raises(RuntimeError):
        loop.run()
    time.sleep(dead_s := 2.0)
    study = run(folder, Script())
    entries, record = list(study.entries()), study.record()
    assert record is not None
    assert any(isinstance(entry.event, RunLost) for entry in entries)
    assert 0 < record.active_s <= entries[-1].at - entries[0].at - dead_s


def test_the_first_noise_is_said_to_be_an_estimate(target: Make) -> None:
    study = run(target(NOISY), Script())
    noticed = [each.event.words for each in study.entries() if isinstance(each.event, Noticed)]
    assert "a first estimate from 3 runs; a gain of" in noticed[0]


def test_the_time_worked_goes_on_while_a_run_does(target: Make) -> None:
    seen: list[Entry | Tick] = []
    slow = NOISY + "import time; time.sleep(1.5)\n"
    with sitting(target(slow), Script(), seen.append) as loop:
        loop.run(experiments=1)
    pairs = [(one, two) for one, two in pairwise(seen) if isinstance(one, Tick) and isinstance(two, Tick)]
    assert pairs
    assert all(one.active_s < two.active_s for one, two in pairs)
