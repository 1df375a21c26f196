"""Which code change is tuned before it is given up, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.verdict import Decision, Verdict
from jumar.rules.history import History
from jumar.rules.polish import authors_of, nearly_won, to_polish

CODE: dict[str, Any] = {"code": "c1", "knobs": {"train.py:LR": 0.1}}
SD = {"run_sd": 0.01}


def judged(number: int, verdict: Verdict | None, agent: str = "llm", **details: Any) -> ExperimentRecord:
    experiment = Experiment(
        number=number, parent="p", commit=f"c{number}", tree="", hypothesis="", agent=agent, details=details
    )
    return ExperimentRecord(experiment=experiment, proposed_at=0.0, verdict=verdict)


def lost(gain: float | None, decision: Decision = Decision.DISCARDED) -> Verdict:
    return Verdict(decision=decision, reason="?", gain=gain, evidence=SD)


@pytest.mark.parametrize(
    ("verdict", "details", "near"),
    [
        (lost(-0.005), CODE, True),
        (lost(0.002), CODE, True),
        (lost(-0.03), CODE, False),
        (lost(None), CODE, False),  # a guard, a check, or another champion
        (lost(0.1, Decision.KEPT), CODE, False),
        (lost(None, Decision.FAILED), CODE, False),
        (None, CODE, False),
        (lost(-0.005), {**CODE, "changed": {"train.py:LR": [0.1, 0.2]}}, False),
        (lost(-0.005), {**CODE, "polishes": 3}, False),
        (lost(-0.005), {"code": "c1", "knobs": {}}, False),
        (lost(-0.005), {}, False),  # of an older record
    ],
)
def test_near_is_within_noise_of_what_it_was_compared_with(
    verdict: Verdict | None, details: dict[str, Any], near: bool
) -> None:
    assert nearly_won(judged(1, verdict, **details)) is near


def test_trials_are_counted_from_the_record_and_end_with_a_keep() -> None:
    history = History()

    def add(*records: ExperimentRecord) -> None:
        history.experiments.update({record.number: record for record in records})

    add(judged(1, lost(-0.005), **CODE), judged(2, lost(-0.001), **CODE))
    assert to_polish(history, 2) == 1
    assert to_polish(history, 2, given_up={1}) == 2
    assert to_polish(history, 0) is None
    add(judged(3, None, "tuner", polishes=1), judged(4, lost(-1.0), "tuner", polishes=1))
    assert to_polish(history, 3) == 1
    assert to_polish(history, 2) == 2
    add(judged(5, lost(0.1, Decision.KEPT), "tuner", polishes=2, retest_of=9))
    assert to_polish(history, 2) == 2  # a second trial of what was overtaken is none of the trials
    add(judged(6, lost(0.1, Decision.KEPT), "tuner", polishes=2))
    assert to_polish(history, 2) is None


def test_a_polished_change_stays_its_authors() -> None:
    records = [
        judged(1, lost(0.0), **CODE),
        judged(2, lost(0.1), "tuner", polishes=1),
        judged(3, None, "tuner"),
    ]
    assert authors_of(records) == {1: "llm", 2: "llm", 3: "tuner"}
