from __future__ import annotations

from msgspec.structs import replace

from jumar.core.event import Entry, Event, Judged, Proposed
from jumar.core.verdict import ALONE, Decision, Verdict
from jumar.rules.additivity import with_effect_alone
from jumar.rules.history import History
from jumar.testing.events import BASE, commit_of, judged, proposed, started


def on(number: int, parent: str, **details: int) -> Proposed:
    entered = proposed(number)
    return replace(entered, experiment=replace(entered.experiment, parent=parent, details=details))


def test_what_is_tried_again_is_told_on_top_of_what_it_ran_on_whoever_is_champion_by_then() -> None:
    alone = {ALONE: {"champion": 1.0, "gain": 0.02, "confirmed": True}}
    overtaken = Verdict(decision=Decision.DISCARDED, reason="overtaken: so it is", evidence=alone)
    events: tuple[Event, ...] = (
        *(started(), proposed(0), judged(0, Decision.KEPT), on(1, BASE), on(2, BASE)),
        *(judged(1, Decision.KEPT), Judged(experiment=2, verdict=overtaken)),
        *(on(3, commit_of(1), retest_of=2), on(4, commit_of(1)), judged(4, Decision.KEPT)),
    )
    history = History()
    for seq, event in enumerate(events, start=1):
        history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))
    lost = Verdict(decision=Decision.DISCARDED, reason="no better", gain=-0.01, evidence={"champion": 1.0})
    instead = replace(
        history.experiments[3], experiment=on(3, commit_of(1), retest_of=2, in_place_of=1).experiment
    )
    alone_told = with_effect_alone(lost, instead, history)
    assert "additivity" not in alone_told.evidence
    assert alone_told.reason.endswith("(experiment 2), in place of experiment 1 -1.00%")
    told = with_effect_alone(lost, history.experiments[3], history)
    assert told.evidence["additivity"]["on_top_of"] == 1
    assert told.reason.endswith("(experiment 2), on top of experiment 1 -1.00%")
