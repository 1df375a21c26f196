from __future__ import annotations

from msgspec.structs import replace

from jumar.core.event import Certified, Entry, Event, Judged, Proposed
from jumar.core.verdict import Claim, Decision
from jumar.rules.history import History
from jumar.rules.refuted import last_certified, may_lose, refutations
from jumar.testing.events import claim, commit_of, judged, proposed, started


def told(*events: Event) -> History:
    history = History()
    for seq, event in enumerate((started(), proposed(0), judged(0, Decision.KEPT), *events), start=1):
        history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
    return history


def kept(number: int, parent: int) -> tuple[Event, Event]:
    experiment = replace(proposed(number).experiment, parent=commit_of(parent))
    return Proposed(experiment=experiment), judged(number, Decision.KEPT)


def of(number: int, *, certified: bool = False, refuted: bool = False) -> Claim:
    return replace(claim(certified=certified), experiment=number, refuted=refuted, reason="no gain")


def test_without_a_refutation_nothing_is_taken_back() -> None:
    history = told(*kept(1, 0))
    assert refutations(history, of(1)) == ()
    assert refutations(history, of(1, certified=True)) == ()


def test_all_that_was_kept_since_the_baseline_falls_newest_first() -> None:
    events = refutations(told(*kept(1, 0), *kept(4, 1), *kept(7, 4)), of(7, refuted=True))
    assert [(event.experiment, event.champion) for event in events] == [(7, 4), (4, 1), (1, 0)]
    assert [event.commit for event in events] == [commit_of(4), commit_of(1), commit_of(0)]
    assert events[0].reason == "no gain"
    assert events[1].reason == "kept below experiment 7, of which certification said: no gain"
    assert [event.claim for event in events] == [None, None, None]


def test_what_was_certified_stays_and_is_claimed_again() -> None:
    history = told(*kept(1, 0), Certified(claim=of(1, certified=True)), *kept(4, 1), *kept(7, 4))
    assert last_certified(history, 7) == (1, of(1, certified=True))
    events = refutations(history, of(7, refuted=True))
    assert [(event.experiment, event.champion) for event in events] == [(7, 4), (4, 1)]
    assert events[-1].claim == of(1, certified=True)


def test_a_champion_that_was_left_undecided_falls_with_what_was_built_on_it() -> None:
    history = told(*kept(1, 0), Certified(claim=of(1)), *kept(4, 1))
    assert [event.experiment for event in refutations(history, of(4, refuted=True))] == [4, 1]


def test_a_later_look_at_the_same_champion_counts_and_not_its_own_earlier_one() -> None:
    history = told(*kept(1, 0), *kept(4, 1), Certified(claim=of(4, certified=True)))
    assert last_certified(history, 4) == (0, None)
    assert [event.experiment for event in refutations(history, of(4, refuted=True))] == [4, 1]
    history = told(*kept(1, 0), Certified(claim=of(1, certified=True)), Certified(claim=of(1)), *kept(4, 1))
    assert last_certified(history, 4) == (0, None)


def test_less_code_may_lose_its_margin_and_beside_gains_nothing() -> None:
    def simpler(number: int, parent: int, margin: float) -> tuple[Event, Event]:
        before, after = kept(number, parent)
        assert isinstance(after, Judged)
        evidence = {"simpler": {"nodes": 20, "margin": margin, "gain": 0.0}}
        return before, replace(after, verdict=replace(after.verdict, evidence=evidence))

    assert may_lose(told(*kept(1, 0), *kept(4, 1)), 4) is None
    assert may_lose(told(*simpler(1, 0, 0.2), *simpler(4, 1, 0.1)), 4) == 0.2
    assert may_lose(told(*simpler(1, 0, 0.0)), 1) == 0.0
    assert may_lose(told(*simpler(1, 0, 0.2), *kept(4, 1)), 4) == 0.0
    certified = Certified(claim=of(1, certified=True))
    assert may_lose(told(*kept(1, 0), certified, *simpler(4, 1, 0.1)), 4) == 0.1
