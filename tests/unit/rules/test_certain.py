from __future__ import annotations

import math
import random

from msgspec.structs import replace

from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.run import Purpose, Run, RunRecord
from jumar.core.verdict import Decision, Verdict
from jumar.rules.certain import FALSE_CERTAIN, certain
from jumar.rules.error_budget import evidence_needed


def put_to_trial(
    number: int, log_evidence: float, decision: Decision = Decision.KEPT, *, test: int | None = None
) -> ExperimentRecord:
    """An experiment that was put to the test, and what its pairs came to."""
    evidence: dict[str, object] = {"pairs": [{"log_evidence": -1.0}, {"log_evidence": log_evidence}]}
    if test is not None:
        evidence["test"] = test
    run = Run(key=f"{number}-1", experiment=number, commit="c", seed=1, purpose=Purpose.CONFIRM)
    return ExperimentRecord(
        experiment=Experiment(number=number, parent="p", commit="c", tree="", hypothesis="", agent="a"),
        proposed_at=0.0,
        runs=(RunRecord(run=run, started_at=float(number)),),
        verdict=Verdict(decision=decision, reason="", gain=0.1, interval=(0.0, 0.2), evidence=evidence),
    )


def needed(test: int, keeps: int) -> float:
    return evidence_needed(test, keeps, FALSE_CERTAIN)


def test_one_keep_is_on_the_list_when_its_evidence_suffices_by_itself() -> None:
    assert certain([put_to_trial(4, needed(1, 0) + 0.01)]) == {4}
    assert certain([put_to_trial(4, needed(1, 0) - 0.01)]) == frozenset()


def test_keeps_vouch_for_one_another() -> None:
    assert certain([put_to_trial(1, needed(1, 1) + 0.01), put_to_trial(2, needed(2, 1) + 0.01)]) == {1, 2}
    assert (
        certain([put_to_trial(1, needed(1, 1) + 0.01), put_to_trial(2, needed(2, 1) - 0.01)]) == frozenset()
    )


def test_what_was_tested_and_turned_down_makes_later_evidence_dearer_and_is_never_listed() -> None:
    keep = needed(3, 0) - 0.01
    before = [put_to_trial(1, 50.0, Decision.DISCARDED), put_to_trial(2, -0.5, Decision.DISCARDED)]
    assert certain([put_to_trial(3, keep)]) == {3}
    assert certain([*before, put_to_trial(3, keep)]) == frozenset()


def test_a_verdict_that_says_which_test_it_was_is_believed() -> None:
    assert certain([put_to_trial(3, needed(3, 0) - 0.01, test=3)]) == frozenset()
    assert certain([put_to_trial(3, needed(3, 0) + 0.01, test=3)]) == {3}


def test_a_later_keep_never_takes_an_earlier_one_off_the_list() -> None:
    chance = random.Random(7)
    records: list[ExperimentRecord] = []
    listed: frozenset[int] = frozenset()
    for number in range(1, 120):
        decision = Decision.KEPT if chance.random() < 0.2 else Decision.DISCARDED
        records.append(put_to_trial(number, chance.uniform(2.0, 14.0), decision))
        now = certain(records)
        assert listed <= now
        listed = now
    assert listed


def test_a_keep_without_noise_is_certain_by_itself() -> None:
    exact = put_to_trial(1, 0.0)
    verdict = Verdict(decision=Decision.KEPT, reason="", gain=0.1, interval=(0.1, 0.1))
    assert certain([ExperimentRecord(experiment=exact.experiment, proposed_at=0.0, verdict=verdict)]) == {1}


def test_a_verdict_without_evidence_is_certain_of_nothing() -> None:
    bare = Verdict(decision=Decision.KEPT, reason="", gain=0.1, interval=(0.0, 0.2))
    record = put_to_trial(1, math.inf)
    assert certain([ExperimentRecord(experiment=record.experiment, proposed_at=0.0, verdict=bare)]) == set()


def test_what_was_kept_for_being_simpler_is_no_gain_to_be_certain_of() -> None:
    record = put_to_trial(1, 50.0)
    assert record.verdict is not None
    simpler = replace(record.verdict, evidence={**record.verdict.evidence, "simpler": {"nodes": 9}})
    assert certain([record]) == {1}
    assert certain([replace(record, verdict=simpler)]) == frozenset()


def test_of_edits_that_do_nothing_the_list_holds_few() -> None:
    """E-values of two points with mean one, the worst there are: the list is false in one study of twenty."""
    chance, false = random.Random(11), 0
    for _ in range(4000):
        records = []
        for number in range(1, 31):
            least = math.exp(needed(number, 0))  # just enough to be listed alone
            records.append(put_to_trial(number, math.log(least) if chance.random() < 1 / least else -5.0))
        false += bool(certain(records))
    assert 0 < false / 4000 < FALSE_CERTAIN
