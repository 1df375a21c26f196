"""What a proposal starts from."""

from __future__ import annotations

from collections import Counter
from typing import Any

from jumar.core.event import Entry, Judged, Proposed
from jumar.core.experiment import BASELINE, Experiment
from jumar.core.verdict import Decision, Verdict
from jumar.rules.history import History
from jumar.rules.selection import MOST_STARTS, STARTS_FROM, near_misses, start


class Told:
    """A study of which the verdicts alone are told."""

    def __init__(self) -> None:
        self.history = History()
        self.add("kept", 0.0)

    def add(self, decision: str, gain: float | None, **details: Any) -> int:
        number = len(self.history.experiments)
        parent = self.history.champion_commit if number else "base"
        experiment = Experiment(
            number=number,
            parent=parent,
            commit=f"c{number}",
            tree="",
            hypothesis="",
            agent="llm",
            details=details,
        )
        verdict = Verdict(decision=Decision(decision), reason="?", gain=gain, evidence={"run_sd": 0.01})
        for event in (Proposed(experiment=experiment), Judged(experiment=number, verdict=verdict)):
            seq = self.history.last_seq + 1
            self.history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
        if number == BASELINE:
            self.history.champion = BASELINE
        return number


def test_near_misses_are_changes_of_this_champion_that_came_within_noise() -> None:
    told = Told()
    far, near, nearer = (told.add("discarded", gain) for gain in (-0.05, -0.015, 0.004))
    told.add("discarded", None)
    told.add("failed", None)
    assert near_misses(told.history) == [nearer, near] and far not in near_misses(told.history)
    told.add("kept", 0.05)
    assert near_misses(told.history) == []  # they were near another champion


def test_nobody_goes_on_for_ever_from_what_leads_nowhere() -> None:
    told = Told()
    near = told.add("discarded", 0.0)
    for _ in range(MOST_STARTS):
        assert near_misses(told.history) == [near]
        told.add("discarded", -1.0, **{STARTS_FROM: near})
    assert near_misses(told.history) == []


def test_a_share_of_proposals_starts_from_one() -> None:
    told = Told()
    assert start(told.history, 1.0, chance=1) is None
    near = told.add("discarded", 0.0)
    starts = Counter(start(told.history, 0.25, chance) for chance in range(400))
    assert set(starts) == {None, near} and 70 <= starts[near] <= 130
    assert start(told.history, 0.0, chance=1) is None
