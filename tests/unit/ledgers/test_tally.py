from __future__ import annotations

from functools import reduce

from jumar.core.event import Asked, Certified, Entry, Event, Noticed, Rested, Resumed, Wish
from jumar.core.ledger import Condition
from jumar.core.verdict import Decision
from jumar.ledgers.tally import Tally, begin, count, places, record
from jumar.testing.events import BASE, claim, commit_of, judged, proposed, started


def counted(*events: tuple[Event, str]) -> Tally:
    """The tally of a study that started at entry 1, with the commit each event is about."""
    return reduce(lambda tally, step: count(tally, tally.last + 1, *step), events, begin(1, started()))


def test_before_there_is_a_baseline_the_champion_is_the_pinned_commit() -> None:
    assert counted().champion_commit == BASE


def test_the_baseline_is_open_until_judged_and_never_a_decision() -> None:
    assert counted((proposed(0), BASE)).open == 1
    tally = counted((proposed(0), BASE), (judged(0, Decision.KEPT), BASE))
    assert (tally.open, tally.kept, tally.champion) == (0, 0, 0)


def test_only_a_keep_moves_the_champion() -> None:
    commit = commit_of(1)
    for decision in Decision:
        tally = counted((proposed(1), commit), (judged(1, decision), commit))
        assert getattr(tally, decision.value) == 1
        assert (tally.champion == 1) is (decision is Decision.KEPT)
        assert (tally.champion_commit == commit) is (decision is Decision.KEPT)


def test_the_latest_keep_is_the_champion_whatever_its_number() -> None:
    tally = counted(
        (proposed(1), commit_of(1)),
        (proposed(2), commit_of(2)),
        (judged(2, Decision.KEPT), commit_of(2)),
        (judged(1, Decision.KEPT), commit_of(1)),
    )
    assert (tally.champion, tally.kept, tally.open) == (1, 2, 0)


def test_costs_add_up() -> None:
    tally = counted((proposed(1, usd=0.25), ""), (proposed(2, usd=0.5), ""))
    assert tally.cost_usd == 0.75


def test_a_paused_study_whose_controller_died_runs_when_it_is_taken_up_again() -> None:
    resumed = (Resumed(pid=1, host="h"), "")
    paused = counted(resumed, (Asked(wish=Wish.PAUSE), ""))
    assert paused.condition is Condition.PAUSED
    assert counted(resumed, (Asked(wish=Wish.PAUSE), ""), resumed).condition is Condition.RUNNING


def test_why_it_rests_is_forgotten_when_it_is_taken_up() -> None:
    rested = (Rested(reason="8 hours are over", finished=True), "")
    assert counted(rested).reason == "8 hours are over"
    assert counted(rested, (Resumed(pid=1, host="h"), "")).reason == ""


def test_the_record_says_what_the_newest_certification_found() -> None:
    events: list[Event] = [
        started(),
        Certified(claim=claim(certified=False)),
        Certified(claim=claim(certified=True)),
        Noticed(words="x"),
    ]
    tally = counted(*((event, "") for event in events[1:]))
    entries = {
        seq: Entry(seq=seq, at=float(seq), study="s", event=event, digest="")
        for seq, event in enumerate(events, start=1)
    }
    needed = {seq: entries[seq] for seq in places(tally)}
    study = record("s", tally, needed, 2.5)
    assert study.claim == claim(certified=True)
    assert (study.started_at, study.last_at, study.last_seq, study.active_s) == (1.0, 4.0, 4, 2.5)
