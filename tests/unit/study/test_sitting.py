from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from jumar.core.contract import Budget, Clock, LimitTerms, Metric
from jumar.core.event import Entry, Event, Held, Judged, Proposed, Resumed, RunEnded, RunStarted
from jumar.core.experiment import Experiment
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, Run
from jumar.core.verdict import Decision, Verdict
from jumar.rules.history import History
from jumar.study.parts import Parts
from jumar.study.sitting import Sitting
from jumar.testing.events import BASE, started

RUN_S = 20.0
CERTIFYING_S = 1.25 * 4 * RUN_S  # four pairs on two slots, with the margin
CONFIRMING_S = 3 * RUN_S
HOUR_S = 3600.0


def history(*, champion: bool, tried: bool = True) -> History:
    """A baseline that took RUN_S, and an experiment whose runs take as long: kept, discarded or not made."""
    told = History()

    def say(at: float, event: Event) -> None:
        told.apply(Entry(seq=told.last_seq + 1, at=at, study="s", event=event, digest=""))

    def measured(number: int, commit: str, purpose: Purpose, decision: Decision = Decision.KEPT) -> None:
        run = Run(key=f"{number}-1", experiment=number, commit=commit, seed=1, purpose=purpose)
        experiment = Experiment(
            number=number, parent=BASE, commit=commit, tree=commit, hypothesis="h", agent="a"
        )
        began, ended = RUN_S * number, RUN_S * (number + 1)
        say(began, Proposed(experiment=experiment))
        say(began, RunStarted(run=run))
        say(ended, RunEnded(key=run.key, outcome=Measured(value=1.0)))
        say(ended, Judged(experiment=number, verdict=Verdict(decision=decision, reason="r")))

    say(0, started())
    say(0, Resumed(pid=1, host="h"))
    measured(0, BASE, Purpose.BASELINE)
    if champion:
        measured(1, "c" * 40, Purpose.CONFIRM)
    elif tried:
        measured(1, "c" * 40, Purpose.SCREEN, Decision.DISCARDED)
    return told


def sitting(told: History, *, left_s: float, experiments: int | None = None) -> Sitting:
    contract = SimpleNamespace(
        limits=LimitTerms(hours=1.0),
        measure=SimpleNamespace(metric=Metric(name="loss")),
        run=SimpleNamespace(budget=Budget(amount=10.0, clock=Clock.CPU)),
    )
    now = HOUR_S - left_s
    parts = SimpleNamespace(contract=contract, executor=SimpleNamespace(slots=2), now=lambda: now)
    return Sitting(cast(Parts, parts), told, experiments=experiments)


@pytest.mark.parametrize("champion", [True, False])
def test_there_is_time_for_more_while_a_winner_could_still_be_confirmed_and_certified(champion: bool) -> None:
    told = history(champion=champion)
    assert sitting(told, left_s=CERTIFYING_S + CONFIRMING_S + 1).reached() is None


@pytest.mark.parametrize("champion", [True, False])
def test_then_nothing_new_is_proposed_but_what_is_promising_is_decided(champion: bool) -> None:
    rest = sitting(history(champion=champion), left_s=CERTIFYING_S + CONFIRMING_S - 1).reached()
    assert rest is not None
    assert (rest.certify, rest.at_once, rest.finished) == (True, False, True)


def test_the_first_experiment_is_made_as_long_as_its_screen_fits() -> None:
    untried = history(champion=False, tried=False)
    assert sitting(untried, left_s=RUN_S + 1).reached() is None
    rest = sitting(untried, left_s=RUN_S - 1).reached()
    assert rest is not None
    assert not rest.at_once


def test_why_no_more_is_made_while_time_is_left_is_said() -> None:
    rest = sitting(history(champion=False), left_s=CERTIFYING_S).reached()
    assert rest is not None
    assert rest.reason == (
        "the time is up, as 100 s are too little for another experiment: "
        "a run takes 20 s here instead of 10 s"
    )
    over = sitting(history(champion=False), left_s=-1).reached()
    assert over is not None
    assert over.reason == "the time is up"


def test_when_only_certification_still_fits_nothing_more_is_started() -> None:
    rest = sitting(history(champion=True), left_s=CERTIFYING_S - 1).reached()
    assert rest is not None
    assert rest.at_once


def test_without_a_champion_what_is_promising_has_all_the_time_there_is() -> None:
    undecided = sitting(history(champion=False), left_s=5).reached()
    over = sitting(history(champion=False), left_s=-1).reached()
    assert undecided is not None
    assert over is not None
    assert (undecided.at_once, over.at_once) == (False, True)


def test_keeps_that_waited_for_approval_before_are_none_of_the_experiments_of_this_sitting() -> None:
    told = history(champion=False)
    verdict = Verdict(decision=Decision.KEPT, reason="r")

    def hold(number: int) -> None:
        experiment = Experiment(number=number, parent=BASE, commit="d", tree="d", hypothesis="h", agent="a")
        for event in (Proposed(experiment=experiment), Held(experiment=number, verdict=verdict)):
            told.apply(Entry(seq=told.last_seq + 1, at=99.0, study="s", event=event, digest=""))

    hold(2)
    one_more = sitting(told, left_s=HOUR_S / 2, experiments=1)
    assert one_more.reached() is None
    hold(3)
    assert one_more.reached() is not None
