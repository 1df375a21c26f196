"""What an optimiser reads out of a history."""

from __future__ import annotations

import msgspec
import pytest

from jumar.agents.trials import Fate, Trial, Trials
from jumar.core.contract import Direction, Guard, Metric
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.proposal import Edit, Proposal
from jumar.testing.rehearsal import Rehearsal, make_contract

FILES = {"train.py": b"LR = 0.1\n"}


def idea(lr: float, old: float = 0.1) -> Proposal:
    details = {"knobs": {"train.py:LR": lr}, "changed": {"train.py:LR": [old, lr]}}
    return Proposal(hypothesis="LR", edits=(), agent="tuner", details=details)


def last(study: Rehearsal) -> Trial:
    return Trials().read(study.brief())[-1]


@pytest.mark.parametrize(
    ("screen", "fate"),
    [
        (Measured(value=2.5), Fate.MEASURED),
        (Failed(why=Why.NOT_FINITE, detail="nan"), Fate.FAILED),
        (Stopped(progress=0.4, detail="hopeless"), Fate.STOPPED),
    ],
)
def test_every_end_has_its_fate(screen: Outcome, fate: Fate) -> None:
    study = Rehearsal(FILES)
    study.enter(idea(0.2))
    assert last(study).fate is Fate.OPEN
    study.finish(screen)
    assert last(study).fate is fate


def test_what_was_never_run_is_no_trial() -> None:
    study = Rehearsal(FILES)
    study.refuse("tuner", "touches score.py")
    assert len(Trials().read(study.brief())) == 1


def test_what_was_refused_says_nothing_of_the_champion_whose_commit_it_has() -> None:
    study, trials = Rehearsal(FILES), Trials()
    study.enter(idea(0.2))
    study.finish(Measured(value=1.0), keep=True)
    study.refuse("tuner", "touches score.py", idea(0.7, old=0.2).details)
    trials.read(study.brief())
    assert trials.values(study.champion) == {"train.py:LR": 0.2}
    assert trials.was_tried({"train.py:LR": 0.7}), "and is not proposed again"


def test_a_screen_is_compared_on_the_seed_it_shares_with_its_parent() -> None:
    study = Rehearsal(FILES, baseline=(2.0, 3.0))
    study.enter(idea(0.2))
    study.finish(Measured(value=2.5), seed=1)
    assert last(study).height == pytest.approx(0.5)
    study.enter(idea(0.3))
    study.finish(Measured(value=2.25), seed=99)
    assert last(study).height == pytest.approx(0.25)


def test_a_lucky_screen_does_not_count_beside_its_pairs() -> None:
    study = Rehearsal(FILES)
    study.enter(idea(0.2))
    study.finish(Measured(value=1.0), pairs=((1.9, 2.0), (2.1, 2.0)))
    assert last(study).height == pytest.approx(0.0)


def test_steps_add_up_however_slow_the_machine_has_become() -> None:
    study = Rehearsal(FILES)
    study.enter(idea(0.2))
    study.finish(Measured(value=1.9), pairs=((1.9, 2.0),), keep=True)
    study.enter(idea(0.3, old=0.2))
    study.finish(Measured(value=2.0), pairs=((4.9, 5.0),), keep=True)
    assert last(study).height == pytest.approx(0.2)


def test_a_metric_to_maximise_points_up_as_well() -> None:
    contract = make_contract(Metric(name="accuracy", direction=Direction.MAXIMIZE))
    study = Rehearsal(FILES, contract=contract)
    study.enter(idea(0.2))
    study.finish(Measured(value=2.5))
    assert last(study).height == pytest.approx(0.5)


def test_a_broken_guard_is_a_place_to_keep_away_from() -> None:
    contract = make_contract()
    guard = Guard(name="memory_mb", at_most=True, bound=10.0, relative=False)
    guarded = msgspec.structs.replace(contract.measure, guards=(guard,))
    study = Rehearsal(FILES, contract=msgspec.structs.replace(contract, measure=guarded))
    study.enter(idea(0.2))
    study.finish(Measured(value=1.0, others={"memory_mb": 11.0}))
    assert last(study).fate is Fate.FAILED


def test_a_childs_knobs_tell_its_parents() -> None:
    study, trials = Rehearsal(FILES), Trials()
    base = study.champion
    trials.read(study.brief())
    assert trials.values(base) == {}
    study.enter(idea(0.2))
    trials.read(study.brief())
    assert trials.values(base) == {"train.py:LR": 0.1}
    assert trials.was_tried({"train.py:LR": 0.2})
    assert not trials.was_tried({"train.py:LR": 0.3})


@pytest.mark.parametrize(
    "details",
    [
        {"knobs": "LR"},
        {"knobs": {"train.py:LR": [1, 2]}, "changed": {"train.py:LR": 3}},
        {"knobs": {"train.py:LR": None}, "changed": 7},
        {"changed": {"train.py:LR": []}},
    ],
)
def test_details_that_make_no_sense_are_passed_over(details: dict[str, object]) -> None:
    study = Rehearsal(FILES)
    study.enter(Proposal(hypothesis="?", edits=(), agent="other", details=details))
    study.finish(Measured(value=1.5))
    trials = Trials()
    assert trials.read(study.brief())[-1].height == pytest.approx(0.5)
    assert trials.values(study.history[-1].experiment.commit) == {}


def test_a_keep_that_was_taken_back_lifts_nothing_any_more() -> None:
    study, trials = Rehearsal(FILES, baseline=(3.0, 3.0)), Trials()
    study.enter(idea(0.2))
    study.finish(Measured(value=2.0), pairs=((2.0, 3.0),), keep=True)
    study.enter(idea(0.3))
    study.finish(Measured(value=1.5), pairs=((1.5, 2.0),))
    assert [trial.height for trial in trials.read(study.brief())] == pytest.approx([0.0, 1.0, 1.5])
    study.history[1] = msgspec.structs.replace(study.history[1], refuted="no gain")
    assert [trial.height for trial in trials.read(study.brief())] == pytest.approx([0.0, 0.0, 0.5])


SOURCE = b"LR = 0.1  # 0.001 .. 1 log\n\n\ndef step(x):\n    return x * LR\n"
OTHER_CODE = SOURCE.replace(b"x * LR", b"x + x * LR")


def edited(content: bytes, agent: str = "llm") -> Proposal:
    return Proposal(hypothesis="?", edits=(Edit(path="train.py", content=content),), agent=agent)


def test_a_knob_that_another_agent_turned_is_an_observation() -> None:
    study, trials = Rehearsal({"train.py": SOURCE}), Trials()
    study.enter(edited(SOURCE.replace(b"0.1 ", b"0.2 ") + b"# said the model\n"))
    study.finish(Measured(value=1.5))
    trial = trials.read(study.brief())[-1]
    assert trial.changed == ("train.py:LR",)
    assert trial.height == pytest.approx(0.5)
    assert trial.speaks
    assert trials.values(trial.commit) == {"train.py:LR": 0.2}
    assert trials.values(study.champion) == {"train.py:LR": 0.1}


def test_what_another_code_gave_lifts_no_knob() -> None:
    study, trials = Rehearsal({"train.py": SOURCE}), Trials()
    study.enter(edited(SOURCE.replace(b"0.1 ", b"0.2 ")))
    study.finish(Measured(value=1.9))
    study.enter(edited(OTHER_CODE))
    study.finish(Measured(value=1.0), pairs=((1.0, 2.0),), keep=True)
    study.enter(edited(OTHER_CODE.replace(b"0.1 ", b"0.3 ")))
    study.finish(Measured(value=1.25), pairs=((0.8, 1.0),))
    read = trials.read(study.brief())
    assert [trial.height for trial in read] == pytest.approx([0.0, 0.1, 0.0, 0.2])
    assert [trial.speaks for trial in read] == [True, True, False, True]
    assert read[2].code == read[3].code != read[1].code


def test_code_that_fails_says_nothing_of_the_knobs_it_had() -> None:
    study = Rehearsal({"train.py": SOURCE})
    study.enter(edited(OTHER_CODE))
    study.finish(Failed(why=Why.OUT_OF_MEMORY, detail="killed"))
    assert not last(study).speaks
    study.enter(edited(SOURCE.replace(b"0.1 ", b"0.5 ")))
    study.finish(Failed(why=Why.OUT_OF_MEMORY, detail="killed"))
    assert last(study).speaks
    assert last(study).why == "out of memory"


def test_what_was_tried_in_one_code_may_be_tried_in_another() -> None:
    study, trials = Rehearsal({"train.py": SOURCE}), Trials()
    study.enter(edited(SOURCE.replace(b"0.1 ", b"0.2 ")))
    code = trials.read(study.brief())[-1].code
    assert trials.was_tried({"train.py:LR": 0.2}, code)
    assert not trials.was_tried({"train.py:LR": 0.2}, "another")


def test_a_code_that_is_judged_late_stands_as_if_it_had_come_in_time() -> None:
    study, trials = Rehearsal({"train.py": SOURCE}), Trials()
    study.enter(edited(OTHER_CODE))
    study.finish(Measured(value=1.5))
    judged = study.history[-1]
    study.history[-1] = msgspec.structs.replace(judged, verdict=None, runs=())
    study.enter(edited(OTHER_CODE.replace(b"0.1 ", b"0.3 ")))
    study.finish(Measured(value=1.0))
    assert last(study).height == trials.read(study.brief())[-1].height == 0.0
    study.history[1] = judged
    late, fresh = trials.read(study.brief()), Trials().read(study.brief())
    assert late == fresh
    assert fresh[-1].height == pytest.approx(0.5)
