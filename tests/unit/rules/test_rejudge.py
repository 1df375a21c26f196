from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.event import Entry, Event, Held, Judged, Proposed, RunEnded, RunStarted
from jumar.core.experiment import Experiment
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import ALONE, Decision, Verdict
from jumar.rules.rejudge import Rejudged, rejudge
from jumar.testing.events import BASE, started
from jumar.testing.records import make_study

CONTRACT = make_study(0)[2]
KEPT = Verdict(decision=Decision.KEPT, reason="better", evidence={"champion": 2.0})
LOST = Verdict(decision=Decision.DISCARDED, reason="overtaken, as one might say", evidence={"champion": 2.0})


class Record:
    """Entries, one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.say(started())
        self.propose(0, BASE)
        for seed, value in enumerate((2.00, 2.02, 1.98, 2.01), start=1):
            self.run(0, value, Purpose.BASELINE, seed)
        self.say(Judged(experiment=0, verdict=KEPT))

    def say(self, event: Event) -> None:
        seq = len(self.entries) + 1
        self.entries.append(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))

    def propose(self, number: int, commit: str) -> None:
        made = Experiment(number=number, parent=BASE, commit=commit, tree=commit, hypothesis="h", agent="a")
        self.say(Proposed(experiment=made))

    def run(
        self, number: int, value: float, purpose: Purpose, seed: int, side: Side = Side.CANDIDATE
    ) -> None:
        key = f"{number}-{len(self.entries)}"
        commit = BASE if number == 0 or side is Side.REFERENCE else "c" * 40
        pair = seed - 100 if purpose is Purpose.CONFIRM else 0
        run = Run(key=key, experiment=number, commit=commit, seed=seed, purpose=purpose, side=side, pair=pair)
        self.say(RunStarted(run=run))
        self.say(RunEnded(key=key, outcome=Measured(value=value)))

    def experiment(self, pairs: int, verdict: Verdict) -> None:
        self.propose(1, "c" * 40)
        self.run(1, 1.70, Purpose.SCREEN, 1)
        for seed in range(100, 100 + pairs):
            self.run(1, 1.70 + 0.001 * seed, Purpose.CONFIRM, seed)
            self.run(1, 2.00 + 0.001 * seed, Purpose.CONFIRM, seed, Side.REFERENCE)
        self.say(Judged(experiment=1, verdict=verdict))


def judged(record: Record, **settings: float) -> Rejudged:
    contract = replace(CONTRACT, measure=replace(CONTRACT.measure, **settings))
    (found,) = rejudge(record.entries, contract)
    return found


@pytest.mark.parametrize(("verdict", "changed"), [(KEPT, False), (LOST, True)])
def test_a_verdict_is_compared_with_the_one_of_today(verdict: Verdict, changed: bool) -> None:
    record = Record()
    record.experiment(4, verdict)
    found = judged(record)
    assert (found.number, found.was, found.changed) == (1, verdict, changed)
    assert found.now is not None
    assert found.now.decision is Decision.KEPT


def test_a_judge_that_would_want_more_says_what() -> None:
    record = Record()
    record.experiment(2, KEPT)
    found = judged(record, false_keeps=1e-9)
    assert (found.now, found.changed) == (None, True)
    assert found.wants == "pair 3 of at most 8"


def test_what_the_judge_did_not_decide_is_left_out_whatever_its_words_are() -> None:
    record = Record()
    record.propose(1, "c" * 40)
    record.say(
        Judged(experiment=1, verdict=Verdict(decision=Decision.INVALID, reason="no", code="duplicate"))
    )
    overtaken = Verdict(decision=Decision.DISCARDED, reason="experiment 2 was kept meanwhile")
    record.propose(2, "d" * 40)
    record.run(2, 1.7, Purpose.SCREEN, 1)
    record.say(Judged(experiment=2, verdict=overtaken))
    assert list(rejudge(record.entries, CONTRACT)) == []


def test_what_an_overtaken_change_gave_alone_is_no_verdict_of_the_judge() -> None:
    record = Record()
    evidence = {ALONE: {"champion": 2.0, "gain": 0.3, "confirmed": True}}
    record.experiment(4, replace(LOST, evidence=evidence))
    assert list(rejudge(record.entries, CONTRACT)) == []


def test_what_a_person_rejected_is_no_verdict_of_the_judge() -> None:
    record = Record()
    record.experiment(4, replace(LOST, reason="rejected by a person"))
    record.entries.insert(-1, replace(record.entries[-1], event=Held(experiment=1, verdict=KEPT)))
    assert list(rejudge(record.entries, CONTRACT)) == []
