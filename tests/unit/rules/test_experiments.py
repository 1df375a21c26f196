"""Experiments, their runs, and what those add up to."""

from __future__ import annotations

import pytest

from jumar.core.event import Entry, Event, RunEnded, RunStarted
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import Decision
from jumar.rules.history import History
from jumar.testing.events import BASE, commit_of, judged, proposed, started


def told(history: History, *events: Event) -> History:
    for seq, event in enumerate(events, start=history.last_seq + 1):
        history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
    return history


def ran(key: str, commit: str, value: float, purpose: Purpose = Purpose.CONFIRM) -> tuple[Event, ...]:
    number, _, pair = key.partition("-")
    side = Side.CANDIDATE if commit == commit_of(int(number)) else Side.REFERENCE
    run = Run(
        key=key,
        experiment=int(number),
        commit=commit,
        seed=int(pair),
        purpose=purpose,
        side=side,
        pair=int(pair),
    )
    return RunStarted(run=run), RunEnded(key=key, outcome=Measured(value=value, items=(value - 1, value + 1)))


def test_what_was_discarded_is_added_up_again_when_somebody_asks() -> None:
    history = told(
        History(),
        *(started(), proposed(0), *ran("0-1", BASE, 4.0, Purpose.BASELINE), judged(0, Decision.KEPT)),
        *(proposed(1), *ran("1-1", commit_of(1), 3.0), *ran("1-2", commit_of(1), 5.0)),
        *(judged(1, Decision.DISCARDED), *ran("1-3", commit_of(1), 7.0)),
    )
    assert history.means(commit_of(1)).standing().value == 5.0
    assert history.means(BASE).standing().value == 4.0
    with pytest.raises(LookupError):
        history.means("f" * 40).standing()


def test_a_run_is_known_by_its_key_wherever_it_stands() -> None:
    history = told(
        History(),
        *(started(), proposed(0), *ran("0-1", BASE, 4.0, Purpose.BASELINE)),
        *(*ran("0-2", BASE, 5.0, Purpose.BASELINE), *ran("0-3", BASE, 6.0, Purpose.BASELINE)),
    )
    outcomes = [history.run(f"0-{n}").outcome for n in (1, 2, 3)]
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Measured)] == [4.0, 5.0, 6.0]
    with pytest.raises(KeyError):
        history.run("0-4")


def test_a_controller_lets_go_of_what_items_measured_once_there_is_a_verdict() -> None:
    history = History(items=False)
    told(
        history, started(), proposed(0), judged(0, Decision.KEPT), proposed(1), *ran("1-1", commit_of(1), 3.0)
    )
    assert history.run("1-1").outcome == Measured(value=3.0, items=(2.0, 4.0))
    told(history, judged(1, Decision.KEPT), *ran("1-2", commit_of(1), 3.0, Purpose.REVISIT))
    told(history, *ran("1-3", commit_of(1), 3.0, Purpose.CERTIFY))
    assert history.run("1-1").outcome == history.run("1-2").outcome == Measured(value=3.0)
    assert history.run("1-3").outcome == Measured(value=3.0, items=(2.0, 4.0))
