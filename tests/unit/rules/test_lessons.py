from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.contract import Direction, Metric
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Edit, Proposal
from jumar.rules.lessons import Learned, calibrations, lessons
from jumar.rules.recollection import Recollection
from jumar.rules.telling import measured_share
from jumar.testing.rehearsal import Rehearsal

METRIC = Metric(name="loss")


def learned(
    outcome: Outcome,
    *,
    gain: float | None = None,
    predicted: float | None = None,
    keep: bool = False,
    **more: object,
) -> Learned:
    study = Rehearsal({"a.py": b"LR = 1\n"})
    study.enter(Proposal(hypothesis="h", edits=(), agent="llm", predicted=predicted))
    study.finish(outcome, keep=keep)
    record = study.history[-1]
    assert record.verdict is not None
    study.history[-1] = replace(
        record,
        experiment=replace(record.experiment, touched=("a.py:LR",)),
        verdict=replace(record.verdict, gain=gain, **more),
    )
    return lessons(Recollection().read(study.history), study.history, METRIC)[0]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (learned(Measured(value=1.9), gain=0.1, predicted=0.01, keep=True), "helps, 5.0 times as much"),
        (learned(Measured(value=1.9), gain=0.1, predicted=0.05, keep=True), "helps, about as predicted"),
        (
            learned(Measured(value=2.2), gain=-0.2, predicted=0.05),
            "does not help; the opposite was predicted",
        ),
        (learned(Measured(value=2.2), gain=-0.2), "a.py:LR this way does not help"),
        (learned(Measured(value=1.99), gain=0.01, reason="undecided: +0.01"), "too close to call"),
        (learned(Measured(value=1.9), gain=0.1, reason="guard m: 3 is not"), "breaks what must hold"),
        (learned(Measured(value=2.2), reason="no better than the champion"), "this way does not help"),
        (learned(Measured(value=2.2), reason="stopped at 40% of the budget"), "not worth a whole run"),
        (learned(Measured(value=1.9), reason="overtaken: #2 was kept"), "promising, and was not judged"),
        (learned(Failed(why=Why.OUT_OF_MEMORY, detail="")), "ends a run: out of memory"),
    ],
)
def test_a_lesson_follows_from_the_verdict(one: Learned, words: str) -> None:
    assert words in one.lesson and not one.said_by_agent


def test_an_agent_s_own_words_come_first() -> None:
    study = Rehearsal({"a.py": b"LR = 1\n"})
    for details in ({}, {"lessons": {"1": "small steps only", "7": "of nothing", "x": "y"}}):
        edit = Edit(path="a.py", content=b"LR = 2\n")
        study.enter(Proposal(hypothesis="h", edits=(edit,), agent="llm", details=details))
        study.finish(Measured(value=2.2))
    first, second = lessons(Recollection().read(study.history), study.history, METRIC)
    assert (first.lesson, first.said_by_agent, second.said_by_agent) == ("small steps only", True, False)


def test_predictions_are_counted_by_agent() -> None:
    study = Rehearsal({"a.py": b"LR = 1\n"})
    for agent, predicted, gain in (
        ("llm", 0.01, 0.1),
        ("llm", 0.05, -0.2),
        ("llm", 0.03, -0.1),
        ("llm", None, 0.1),  # predicted nothing
        ("llm", 0.09, None),  # overtaken: nothing was measured
        ("tuner", -0.01, 0.0),
    ):
        study.enter(Proposal(hypothesis="h", edits=(), agent=agent, predicted=predicted))
        study.finish(Measured(value=2.0 - (gain or 0.0)))
        record = study.history[-1]
        assert record.verdict is not None
        study.history[-1] = replace(record, verdict=replace(record.verdict, gain=gain))
    llm, tuner = calibrations(study.history, METRIC)
    assert (llm.agent, llm.compared, llm.right_direction) == ("llm", 3, 1)
    assert llm.median_predicted == 0.03 and llm.median_measured == pytest.approx(-0.05)
    assert (tuner.agent, tuner.compared, tuner.right_direction) == ("tuner", 1, 1)


@pytest.mark.parametrize(
    ("direction", "share"), [(Direction.MINIMIZE, 0.05), (Direction.MAXIMIZE, 0.1 / 1.8)]
)
def test_a_gain_is_a_share_of_what_the_champion_had(direction: Direction, share: float) -> None:
    study = Rehearsal({"a.py": b"LR = 1\n"})
    study.enter(Proposal(hypothesis="h", edits=(), agent="llm"))
    study.finish(Measured(value=1.9))
    record = study.history[-1]
    assert record.verdict is not None
    record = replace(record, verdict=replace(record.verdict, gain=0.1))
    assert measured_share(record, Metric(name="m", direction=direction)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("refuted", "simpler", "words"),
    [
        (
            "its own runs gave no number in 3 pairs, beside a candidate that works: crashed",
            False,
            "ended runs",
        ),
        ("the champion gave no number in 4 runs: crashed: exit code 1", False, "ended runs"),
        ("refuted, as the interval reaches up to -1 % only", False, "was not, in the fresh runs"),
        ("refuted, as the interval reaches up to -1 % only", True, "left less code, and was taken back"),
        ("kept below experiment 4, of which certification said: refuted", False, "looked better, and was"),
    ],
)
def test_what_was_taken_back_teaches_what_really_happened(refuted: str, simpler: bool, words: str) -> None:
    study = Rehearsal({"a.py": b"LR = 1\n"})
    study.enter(Proposal(hypothesis="h", edits=(), agent="llm"))
    study.finish(Measured(value=1.9), keep=True)
    record = study.history[-1]
    assert record.verdict is not None
    verdict = replace(record.verdict, evidence={"simpler": {}} if simpler else {})
    study.history[-1] = replace(record, verdict=verdict, refuted=refuted)
    (told,) = lessons(Recollection().read(study.history), study.history, METRIC)
    assert words in told.lesson
    assert "had not seen" not in told.lesson
