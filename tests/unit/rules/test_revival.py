from __future__ import annotations

from msgspec.structs import replace

from jumar.core.event import Asked, Entry, Event, Judged, Proposed, Refuted, Wish
from jumar.core.verdict import ALONE, Decision, Verdict
from jumar.rules.history import History
from jumar.rules.revival import MOST_REVIVED, repeats
from jumar.testing.events import BASE, commit_of, judged, proposed, started


def on(number: int, parent: str, **details: int) -> Proposed:
    entered = proposed(number)
    return replace(entered, experiment=replace(entered.experiment, parent=parent, details=details))


def lost(number: int, gain: float) -> Judged:
    return Judged(experiment=number, verdict=Verdict(decision=Decision.DISCARDED, reason="no", gain=gain))


def overtaken(number: int, gain: float) -> Judged:
    verdict = Verdict(
        decision=Decision.DISCARDED,
        reason="overtaken: experiment 1 was kept while this one ran; both change the same places",
        evidence={ALONE: {"gain": gain}},
    )
    return Judged(experiment=number, verdict=verdict)


def test_what_lost_to_a_keep_that_is_taken_back_is_tried_again_the_best_first() -> None:
    one, history = commit_of(1), History()
    events: tuple[Event, ...] = (
        *(started(), proposed(0), judged(0, Decision.KEPT), on(1, BASE), on(2, BASE), on(3, BASE)),
        *(judged(1, Decision.KEPT), overtaken(2, 0.3), overtaken(3, 0.9), on(4, one, retest_of=3)),
        *(lost(4, 0.1), on(5, one), lost(5, -0.1), on(6, one), lost(6, 0.2), on(7, BASE), lost(7, 0.5)),
        Refuted(experiment=1, champion=0, commit=BASE, reason="no gain"),
    )
    for seq, event in enumerate(events, start=1):
        history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
    assert list(history.retests.values()) == [2, 6, 4][:MOST_REVIVED]
    first = next(iter(history.retests))
    again = on(8, BASE, retest_of=2, asked=first)
    history.apply(Entry(seq=99, at=99.0, study="s", event=again, digest=""))
    assert list(history.retests.values()) == [6, 4]


def test_what_is_revived_is_known_by_the_same_name_however_the_ledger_counts() -> None:
    """Other studies write into a ledger too: what a sitting notes gets a later place than it thought."""
    one, tries = commit_of(1), []
    events: tuple[Event, ...] = (
        *(started(), proposed(0), judged(0, Decision.KEPT), on(1, BASE), judged(1, Decision.KEPT)),
        *(on(2, one), lost(2, 0.1), Refuted(experiment=1, champion=0, commit=BASE, reason="no gain")),
    )
    for gap in (0, 7):
        history = History()
        for place, event in enumerate(events):
            seq = place + 1 + gap * (place > 6)
            history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
        tries.append(dict(history.retests))
    assert tries[0] == tries[1] != {}
    older = on(3, BASE, retest_of=2, asked=-24)
    history.apply(Entry(seq=99, at=99.0, study="s", event=older, digest=""))
    assert not history.is_asked


def test_an_experiment_has_one_more_try_on_a_champion() -> None:
    history = History()
    seqs = iter(range(1, 99))

    def happen(*events: Event) -> list[int]:
        for event in events:
            history.apply(Entry(seq=(seq := next(seqs)), at=float(seq), study="s", event=event, digest=""))
        return list(history.retests.values())

    def told(number: int) -> str:
        return repeats(number, history.experiments, history.champion, history.retests.values())

    ask, one = Asked(wish=Wish.RETEST, words="1"), commit_of(2)
    happen(started(), proposed(0), judged(0, Decision.KEPT), on(1, BASE), lost(1, 0.1), on(2, BASE))
    assert happen(judged(2, Decision.KEPT)) == [] and told(1) == ""
    assert happen(ask, ask) == [1] and told(1) == "experiment 1 waits to be tried again already"
    assert happen(on(3, one, retest_of=1, asked=8), ask) == []
    assert told(1) == "experiment 1 is being tried again as experiment 3"
    assert happen(lost(3, 0.1), ask) == []
    assert told(1) == "experiment 1 was tried again on this champion as experiment 3"
    happen(on(4, one), judged(4, Decision.KEPT))
    assert told(1) == told(3) == "" and happen(ask) == [1]
    assert told(3) == "experiment 3 waits to be tried again already"
