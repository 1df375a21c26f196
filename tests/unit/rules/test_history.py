from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from msgspec.structs import replace

from jumar.core.desk import Question, Usage
from jumar.core.event import (
    Answered,
    Asked,
    Certified,
    Entry,
    Event,
    HandedIn,
    Idled,
    Judged,
    Noticed,
    Proposed,
    Refuted,
    Rested,
    Resumed,
    RunLost,
    Wish,
)
from jumar.core.proposal import Cost, Edit
from jumar.core.verdict import Decision, Verdict
from jumar.errors import Breach
from jumar.rules.history import History
from jumar.rules.limits import Spent
from jumar.rules.scope import check_scope
from jumar.testing.events import claim, commit_of, judged, proposed, rebased, run_ended, run_started, started


def told(events: Iterable[Event | tuple[float, Event]]) -> History:
    """The history of these events; those without a moment come a second apart."""
    history, now = History(), 0.0
    for seq, event in enumerate(events, start=1):
        now, what = event if isinstance(event, tuple) else (now + 1.0, event)
        history.apply(Entry(seq=seq, at=now, study="s", event=what, digest=""))
    return history


def with_baseline(*events: Event | tuple[float, Event]) -> History:
    return told([started(), proposed(0), judged(0, Decision.KEPT), *events])


def test_an_experiment_is_open_from_its_proposal_to_its_verdict() -> None:
    assert list(with_baseline(proposed(1), proposed(2)).open) == [1, 2]
    assert list(with_baseline(proposed(1), proposed(2), judged(1)).open) == [2]


def test_what_has_no_run_yet_waits_and_may_move_on_to_another_champion() -> None:
    history = with_baseline(proposed(1), proposed(2), run_started(2))
    assert history.waiting == (1,) and set(history.trees) == {"tree 0", "tree 1", "tree 2"}
    history = with_baseline(proposed(1), proposed(2), run_started(2), rebased(1))
    assert history.waiting == (1,) and set(history.trees) == {"tree 0", "moved 1", "tree 2"}
    assert history.experiments[1].experiment == rebased(1).experiment


def test_what_another_champion_left_no_room_for_counts_for_no_limit_and_goes_back_to_its_agent() -> None:
    gone = Verdict(decision=Decision.INVALID, reason="overtaken: it does not grow", withdrawn=True)
    events = (proposed(1), Judged(experiment=1, verdict=gone))
    history = with_baseline(*events)
    assert (history.judged, history.since_keep, history.open) == (0, 0, {}) and "tree 1" not in history.trees
    assert history.returned == {"tuner": {1: gone.reason}}
    assert with_baseline(*events, proposed(2)).returned == {}


def test_an_agent_cannot_withdraw_its_proposal_by_the_name_of_a_file() -> None:
    for path in ("overtaken.py", "overtaken: x.py"):
        with pytest.raises(Breach) as refused:
            check_scope([Edit(path=path, content=b"")], {}, ["work.py"], [])
        breach = refused.value
        verdict = Verdict(decision=Decision.INVALID, reason=breach.problem, code=breach.code)
        assert verdict.reason.startswith(path) and not verdict.is_withdrawn
        history = with_baseline(proposed(1), Judged(experiment=1, verdict=verdict))
        assert (history.judged, history.since_keep, history.returned) == (1, 1, {})


def test_what_was_withdrawn_before_records_said_so_is_still_withdrawn() -> None:
    older = b'{"decision": "invalid", "reason": "overtaken: both this and experiment 2", "code": "overtaken"}'
    verdict = msgspec.json.decode(older, type=Verdict)
    assert verdict.is_withdrawn and not verdict.withdrawn
    assert not replace(verdict, code="outside-scope").is_withdrawn
    assert not replace(verdict, reason="the code is the same", code="duplicate").is_withdrawn


def test_a_ticket_leads_to_the_latest_try_of_what_was_handed_in() -> None:
    def of_ticket(number: int, **details: int) -> Proposed:
        entered = proposed(number)
        return replace(entered, experiment=replace(entered.experiment, details={"ticket": 4, **details}))

    handed = HandedIn(proposal="", tree="", hypothesis="warmer")
    history = with_baseline(handed, handed)
    assert (list(history.handed), history.became) == ([4, 5], {})
    history = with_baseline(handed, handed, of_ticket(1), judged(1), proposed(2))
    assert (list(history.handed), history.became) == ([5], {4: 1})
    history = with_baseline(handed, of_ticket(1), judged(1), proposed(2), of_ticket(3, retest_of=1))
    assert history.became == {4: 3}


def test_the_baseline_is_no_experiment_that_was_judged_and_no_keep() -> None:
    history = with_baseline()
    assert (history.judged, history.kept, history.champion, history.since_keep) == (0, [], 0, 0)


def test_only_a_keep_moves_the_champion_and_ends_the_plateau() -> None:
    history = with_baseline(
        proposed(1), judged(1), proposed(2), judged(2, Decision.FAILED), proposed(3), judged(3, Decision.KEPT)
    )
    assert (history.champion, history.since_keep, history.kept) == (3, 0, [3])
    assert history.champion_commit == commit_of(3)
    history = with_baseline(proposed(1), judged(1, Decision.KEPT), proposed(2), judged(2, Decision.INVALID))
    assert (history.champion, history.since_keep, history.judged) == (1, 1, 2)


def test_retests_are_counted_from_the_latest_back() -> None:
    def again(number: int) -> Proposed:
        event = proposed(number)
        return Proposed(experiment=replace(event.experiment, details={"retest_of": 1}))

    assert with_baseline(proposed(1), proposed(2)).latest_retests == 0
    assert with_baseline(proposed(1), again(2), proposed(3), again(4), again(5)).latest_retests == 2


def test_a_run_is_open_until_it_ends_or_is_lost() -> None:
    opened = with_baseline(proposed(1), run_started(1, 1), run_started(1, 2))
    assert [run.is_open for run in opened.experiments[1].runs] == [True, True]
    closed = with_baseline(
        proposed(1), run_started(1, 1), run_started(1, 2), run_ended(1, 1), RunLost(key="1-2", reason="died")
    )
    ended, lost = closed.experiments[1].runs
    assert (ended.is_open, ended.outcome is not None, ended.lost) == (False, True, "")
    assert (lost.is_open, lost.outcome, lost.lost) == (False, None, "died")


def test_runs_are_found_by_key() -> None:
    history = with_baseline(proposed(1), run_started(1, 2), run_started(1, 1), run_ended(1, 2, value=3.0))
    assert history.run("1-1").run.seed == 1


def test_the_first_experiment_with_a_tree_is_the_one_that_counts() -> None:
    again = proposed(1)
    assert with_baseline(again, judged(1)).trees == {"tree 0": 0, "tree 1": 1}


def test_money_is_counted_once_per_proposal() -> None:
    assert with_baseline(proposed(1, usd=0.5), proposed(2, usd=0.25)).cost_usd == 0.75


def test_what_people_said_is_kept_in_order_and_other_wishes_are_not_words() -> None:
    asked = [Asked(wish=Wish.TELL, words="one"), Asked(wish=Wish.PAUSE), Asked(wish=Wish.TELL, words="two")]
    assert with_baseline(*asked).messages == ["one", "two"]


def test_claims_and_notices_leave_experiments_alone() -> None:
    history = with_baseline(Noticed(words="no noise"), Certified(claim=claim(certified=True)))
    assert history.claims == [claim(certified=True)]
    assert list(history.experiments) == [0]


def test_only_the_time_that_a_controller_had_the_study_is_active() -> None:
    resumed, rested = Resumed(pid=1, host="h"), Rested(reason="r", finished=False)
    history = told([(0.0, started()), (0.0, resumed), (10.0, rested), (500.0, resumed), (503.0, rested)])
    assert history.active_s == 13.0


def test_the_night_after_a_controller_was_killed_is_not_active() -> None:
    resumed = Resumed(pid=1, host="h")
    history = told(
        [
            (0.0, started()),
            (0.0, resumed),
            (10.0, Noticed(words="its last word")),
            (9_000.0, Asked(wish=Wish.TELL, words="good morning")),
            (9_001.0, resumed),
            (9_004.0, Noticed(words="goes on")),
        ]
    )
    assert history.active_s == 13.0


def test_time_is_counted_up_to_now_while_a_controller_has_the_study() -> None:
    resumed = Resumed(pid=1, host="h")
    assert told([(0.0, started()), (2.0, resumed)]).active_s_at(9.0) == 7.0
    rested = Rested(reason="r", finished=False)
    assert told([(0.0, started()), (2.0, resumed), (5.0, rested)]).active_s_at(9.0) == 3.0


def test_time_spent_paused_is_not_time_worked() -> None:
    events: list[tuple[float, Event]] = [
        (0.0, started()),
        (0.0, Resumed(pid=1, host="h")),
        (4.0, Asked(wish=Wish.PAUSE)),
        (10.0, Noticed(words="paused")),
        (12.0, Asked(wish=Wish.RESUME)),
        (15.0, Noticed(words="going on")),
    ]
    assert told(events).active_s == 7.0


def test_a_clock_that_was_set_back_takes_no_time_away() -> None:
    resumed = Resumed(pid=1, host="h")
    history = told(
        [(100.0, started()), (100.0, resumed), (40.0, Noticed(words="x")), (45.0, Noticed(words="y"))]
    )
    assert history.active_s == 5.0


def test_waiting_for_proposals_from_outside_is_no_time_worked() -> None:
    resumed, rested = Resumed(pid=1, host="h"), Rested(reason="r", finished=False)
    history = told([(0.0, started()), (0.0, resumed), (5.0, Idled()), (90.0, Noticed(words="w"))])
    assert (history.active_s, history.active_s_at(900.0)) == (5.0, 5.0)
    over = (900.0, Idled(over=True))
    history = told([(0.0, started()), (0.0, resumed), (5.0, Idled()), over, (903.0, rested)])
    assert history.active_s == 8.0


def test_a_baseline_without_a_number_ends_the_study() -> None:
    failed = Judged(experiment=0, verdict=Verdict(decision=Decision.FAILED, reason="crashed"))
    assert told([started(), proposed(0), failed]).baseline_failed
    assert not with_baseline().baseline_failed
    assert not told([started(), proposed(0)]).baseline_failed


def test_an_answer_counts_at_once_and_its_experiment_does_not_count_it_again() -> None:
    usage = Usage(model="m", usd=0.25, tokens_in=100, tokens_out=10)
    answer = Answered(agent="llm", request="r", reply="d", usage=usage)
    history = with_baseline(answer, answer)
    assert (history.cost_usd, len(history.answers["llm", 0])) == (0.5, 2)
    assert history.spent["llm"] == Spent(usd=0.5, tokens=220) and history.tokens == 220
    entered = proposed(1, usd=0.6)
    cost = Cost(usd=0.6, tokens=250)
    mine = replace(entered, experiment=replace(entered.experiment, agent="llm", cost=cost), answered_usd=0.5)
    history = with_baseline(answer, answer, mine)
    assert (round(history.cost_usd, 9), history.answers) == (0.6, {})
    assert round(history.spent["llm"].usd, 9) == 0.6 and history.tokens == 250


def test_what_an_agent_was_answered_stays_until_its_own_next_experiment() -> None:
    answer = Answered(agent="llm", request="r", reply="d", usage=Usage(model="m"))
    assert with_baseline(answer, proposed(1)).answers == {("llm", 0): [answer]}
    other = replace(answer, question=Question(number=1, parent="p", strand=1))
    entered = proposed(1)
    entered = replace(entered, experiment=replace(entered.experiment, agent="llm"), strand=1)
    history = with_baseline(answer, other, entered)
    assert history.answers == {("llm", 0): [answer]} and not history.questions


def test_a_refuted_keep_gives_the_championship_back_and_stays_counted() -> None:
    history = with_baseline(
        proposed(1),
        judged(1, Decision.KEPT),
        Refuted(experiment=1, champion=0, commit=commit_of(0), reason="no gain"),
    )
    assert (history.champion, history.champion_commit, history.kept) == (0, commit_of(0), [1])
    assert (history.experiments[1].refuted, history.experiments[1].stands) == ("no gain", False)
