from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from jumar.core.contract import Metric
from jumar.core.event import Entry, Event, Judged, Proposed, Revisited, RunEnded, RunStarted
from jumar.core.evidence import Want
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import Decision
from jumar.reports.values import Values
from jumar.rules.evidence import noise_of, standing
from jumar.rules.history import History
from jumar.rules.noise import LEARNT_FROM
from jumar.rules.plan import revisiting_runs
from jumar.rules.revisit import CRASHES, PAIRS, UNSEEN, Finding, is_routine, revisit
from jumar.testing.events import commit_of, judged, proposed, started

LOSS = Metric(name="loss")
CRASH = Failed(why=Why.CRASHED, detail="exit code 1\nmore")
IN_WORDS = "the champion gave no number in 4 runs: crashed: exit code 1"


class Night:
    """A study told event by event: the baseline is worth 10, experiment 1 is worth 9; σ is 1 %."""

    def __init__(
        self,
        *,
        keeps: bool = True,
        gains: Sequence[float] = (9.0, 9.1, 8.9),
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        self.history = History()
        self._seq = self._last = 0
        self._tell(started(), proposed(0))
        for seed, value in enumerate((10.0, 10.1, 9.9, 10.05, 9.95)):
            self._run(0, seed, Purpose.BASELINE, Measured(value=value))
        self._tell(judged(0, Decision.KEPT))
        if keeps:
            experiment = replace(proposed(1).experiment, parent=commit_of(0))
            self._tell(Proposed(experiment=experiment))
            for seed, value in enumerate(gains):
                self._run(1, seed, Purpose.CONFIRM, Measured(value=value))
                self._run(1, seed, Purpose.CONFIRM, Measured(value=10.0), Side.REFERENCE)
            verdict = judged(1, Decision.KEPT).verdict
            self._tell(Judged(experiment=1, verdict=replace(verdict, evidence=evidence or {})))
            self._last = 1

    def _tell(self, *events: Event) -> None:
        for event in events:
            self._seq += 1
            self.history.apply(Entry(seq=self._seq, at=float(self._seq), study="s", event=event, digest=""))

    def _run(
        self, number: int, seed: int, purpose: Purpose, outcome: Outcome, side: Side = Side.CANDIDATE
    ) -> None:
        key, of = f"{number}-{purpose.value}{seed}{side.value}", number if side is Side.CANDIDATE else 0
        run = Run(
            key=key, experiment=number, commit=commit_of(of), seed=seed, purpose=purpose, pair=seed, side=side
        )
        self._tell(RunStarted(run=run), RunEnded(key=key, outcome=outcome))

    def judge(self, decision: Decision, times: int) -> None:
        """So many experiments more, none of which runs the champion."""
        for _ in range(times):
            self._last += 1
            self._tell(proposed(self._last), judged(self._last, decision))

    def doubt(self) -> None:
        """One experiment more, beside which the champion ran far below its record."""
        self._last += 1
        judgement = judged(self._last, Decision.DISCARDED)
        verdict = replace(judgement.verdict, evidence={"below_record": True})
        self._tell(proposed(self._last), replace(judgement, verdict=verdict))

    def beside(self, outcome: Outcome) -> None:
        """The champion runs in a pair of the latest experiment."""
        run = Run(
            key=f"{self._last}-1",
            experiment=self._last,
            commit=self.history.champion_commit,
            seed=77,
            purpose=Purpose.CONFIRM,
            side=Side.REFERENCE,
        )
        self._tell(RunStarted(run=run), RunEnded(key=run.key, outcome=outcome))

    def revisit(self, own: Outcome, beside: Outcome | None = None) -> list[Side]:
        """Make the runs that are wanted now; returns their sides."""
        runs = revisiting_runs(self.history)
        for run in runs:
            outcome = own if run.side is Side.CANDIDATE else beside
            assert outcome is not None, "nobody said what the other side gives"
            self._tell(RunStarted(run=run), RunEnded(key=run.key, outcome=outcome))
        return sorted((run.side for run in runs), key=lambda side: side.value)

    def ask(self) -> Want | Finding | None:
        return revisit(self.history, LOSS)

    def end(self) -> Finding:
        """The finding, taken into the record."""
        found = self.ask()
        assert isinstance(found, Finding)
        self._tell(*found.events)
        return found


def played(
    own: Callable[[int], Outcome],
    beside: Outcome | None,
    *,
    keeps: bool = True,
    evidence: Mapping[str, Any] | None = None,
) -> tuple[Night, Finding]:
    """A revisit from its occasion to its end."""
    night = Night(keeps=keeps, evidence=evidence)
    night.judge(Decision.DISCARDED, UNSEEN)
    step = 0
    while isinstance(night.ask(), Want):
        night.revisit(own(step), beside)
        step += 1
    return night, night.end()


def test_a_champion_that_nobody_was_compared_with_for_long_is_run_anew_alone() -> None:
    night = Night()
    night.judge(Decision.DISCARDED, UNSEEN - 1)
    assert night.ask() is None
    night.judge(Decision.DISCARDED, 1)
    want = night.ask()
    assert isinstance(want, Want) and want.purpose is Purpose.REVISIT
    assert night.revisit(Measured(value=9.05)) == [Side.CANDIDATE]
    assert not night.end().events[0].moved  # type: ignore[union-attr]
    assert night.ask() is None
    night.judge(Decision.DISCARDED, UNSEEN)
    assert isinstance(night.ask(), Want), "and again as long after"
    assert revisiting_runs(night.history)[0].pair == 1


def test_three_failures_in_a_row_ask_after_the_champion_once() -> None:
    night = Night()
    night.judge(Decision.FAILED, CRASHES - 1)
    night.judge(Decision.DISCARDED, 1)
    night.judge(Decision.FAILED, CRASHES - 1)
    assert night.ask() is None
    night.judge(Decision.FAILED, 1)
    assert isinstance(night.ask(), Want)
    night.revisit(Measured(value=9.0))
    night.end()
    night.judge(Decision.FAILED, CRASHES)
    assert night.ask() is None, "whoever writes nothing but broken code must not run the champion all night"


def test_what_was_refused_and_never_ran_says_nothing_of_the_champion() -> None:
    night = Night()
    night.judge(Decision.INVALID, UNSEEN)
    assert night.ask() is None
    night.judge(Decision.FAILED, CRASHES)
    assert isinstance(night.ask(), Want)
    night.revisit(Measured(value=9.0))
    night.end()
    night.judge(Decision.INVALID, 1)
    night.judge(Decision.FAILED, CRASHES)
    assert night.ask() is None, "a refusal between them makes no new row"


def test_a_first_run_of_bad_luck_costs_one_pair() -> None:
    values = [9.2, 8.95]
    night, found = played(lambda step: Measured(value=values[step]), Measured(value=10.0))
    assert len(found.events) == 1 and night.history.champion == 1
    assert standing(night.history, commit_of(1)).runs == 3 + 2


def test_where_the_machine_became_slower_what_was_measured_before_counts_no_more() -> None:
    night, found = played(lambda step: Measured(value=9.9 + step / 100), Measured(value=11.0))
    (end,) = found.events
    assert isinstance(end, Revisited) and end.moved and end.runs == 1 + PAIRS
    now = standing(night.history, commit_of(1))
    assert now.runs == 1 + PAIRS and 9.9 <= now.value <= 9.95
    assert night.history.champion == 1 and night.ask() is None


def test_what_pairs_of_others_measured_during_a_revisit_counts_on_everywhere() -> None:
    night = Night()
    night.judge(Decision.DISCARDED, UNSEEN)
    for step in range(1 + PAIRS):
        night.revisit(Measured(value=9.9 + step / 100), Measured(value=11.0))
        if not step:
            night.beside(Measured(value=9.95))
    night.end()
    now = standing(night.history, commit_of(1))
    assert now.runs == 1 + PAIRS + 1
    assert now.value == pytest.approx(Values(night.history.records).of(night.history.experiments[1]))


def test_a_baseline_is_revisited_alone_and_forgets_too() -> None:
    night, found = played(lambda _: Measured(value=11.0), None, keeps=False)
    assert found.events[0].moved  # type: ignore[union-attr]
    assert standing(night.history, commit_of(0)).value == 11.0


def test_a_champion_that_rots_beside_what_it_is_built_on_is_taken_back() -> None:
    night, found = played(lambda _: Measured(value=10.2), Measured(value=10.0))
    assert [type(event).__name__ for event in found.events] == ["Revisited", "Refuted"]
    assert night.history.champion == 0 and night.history.experiments[1].refuted
    assert "no better than what it is built on" in night.history.experiments[1].refuted


def test_a_champion_that_alone_lost_most_of_its_gain_is_taken_back_though_it_is_still_better() -> None:
    """Else whoever lets its champion rot on purpose would be paid for mending it, again and again."""
    for own, champion in ((9.9, 0), (9.3, 1)):
        night, found = played(partial(_always, Measured(value=own)), Measured(value=10.0))
        assert night.history.champion == champion, own
        assert found.events[0].moved is bool(champion)  # type: ignore[union-attr]
    night, _ = played(partial(_always, Measured(value=9.9)), Measured(value=10.0))
    assert night.history.experiments[1].refuted.endswith("most of its gain over what it is built on is gone")


def test_a_champion_that_gives_no_number_any_more_is_taken_back() -> None:
    night, found = played(lambda _: CRASH, Measured(value=10.0))
    assert night.history.champion == 0 and not found.broken
    assert (
        night.history.experiments[1].refuted == "the champion gave no number in 4 runs: crashed: exit code 1"
    )


def test_where_nothing_runs_any_more_nobody_is_blamed() -> None:
    night, found = played(lambda _: CRASH, CRASH)
    assert night.history.champion == 1
    assert found.broken == IN_WORDS
    assert isinstance(night.ask(), Want), "whoever starts it again is told at once if nothing was mended"
    night.revisit(Measured(value=9.0))
    night.end()
    assert night.ask() is None, "and if it was, it goes on"


def test_a_doubted_champion_that_gave_no_number_is_asked_after_again() -> None:
    night = Night()
    night.doubt()
    for _ in range(1 + PAIRS):
        night.revisit(CRASH, CRASH)
    assert night.end().broken == IN_WORDS
    assert isinstance(night.ask(), Want)
    night.revisit(Measured(value=9.0))
    night.end()
    assert night.ask() is None


def test_a_champion_that_fails_in_every_pair_is_taken_back_though_it_ran_once_alone() -> None:
    night, _ = played(lambda step: CRASH if step else Measured(value=9.6), Measured(value=10.0))
    assert night.history.champion == 0
    assert night.history.experiments[1].refuted == (
        "the champion gave no number in 3 of 4 runs, beside what it is built on: crashed: exit code 1"
    )


def test_less_code_promised_no_gain_and_stays_where_the_machine_became_slower() -> None:
    simpler = {"simpler": {"nodes": 20, "margin": 0.1, "gain": 0.0}}
    slower = Measured(value=11.0)
    for own, champion in ((slower, 1), (Measured(value=11.05), 1), (Measured(value=11.2), 0)):
        night, found = played(partial(_always, own), slower, evidence=simpler)
        assert night.history.champion == champion, own
        assert found.events[0].moved is bool(champion)  # type: ignore[union-attr]


def _always(outcome: Outcome, _: int) -> Outcome:
    return outcome


def test_a_run_that_was_lost_is_made_again_in_its_place() -> None:
    night = Night()
    night.judge(Decision.DISCARDED, UNSEEN)
    night.revisit(Measured(value=9.9))
    (own, beside) = revisiting_runs(night.history)
    night._tell(RunStarted(run=own), RunEnded(key=own.key, outcome=Measured(value=9.9)))
    night._tell(RunStarted(run=beside))  # and the controller died
    again = revisiting_runs(night.history)
    assert {run.pair for run in again} == {own.pair} and {run.seed for run in again} == {own.seed}
    assert {run.key for run in again}.isdisjoint({own.key, beside.key})


def test_a_keep_that_leads_far_is_run_until_its_noise_can_be_told() -> None:
    night = Night(gains=(1.0, 1.0001, 1.0002))
    assert noise_of(night.history).run_sd > 0.005, "three runs say too little"
    runs = 0
    while isinstance(night.ask(), Want):
        night.revisit(Measured(value=1.0001 + runs / 10_000))
        night.end()
        runs += 1
    assert runs == LEARNT_FROM - 3
    assert noise_of(night.history).run_sd < 0.0005
    assert noise_of(night.history).runs == LEARNT_FROM


def test_only_a_look_that_nothing_but_time_asks_for_is_routine() -> None:
    night = Night()
    night.judge(Decision.DISCARDED, UNSEEN)
    assert isinstance(revisit(night.history, LOSS), Want) and is_routine(night.history)
    night.judge(Decision.FAILED, CRASHES)
    assert not is_routine(night.history)
    doubted = Night()
    doubted.judge(Decision.DISCARDED, UNSEEN)
    doubted.doubt()
    assert not is_routine(doubted.history)
