"""The exam of every ledger. Subclass it, supply the fixtures, and pytest holds it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast

import msgspec
import pytest

from jumar.core.event import (
    Asked,
    Certified,
    Event,
    Noticed,
    Refuted,
    Rested,
    Resumed,
    RunLost,
    Wish,
)
from jumar.core.ledger import Condition, Ledger
from jumar.core.outcome import Measured
from jumar.core.verdict import Decision
from jumar.errors import LedgerConflict, LedgerUnfit
from jumar.testing.events import (
    BASE,
    claim,
    commit_of,
    judged,
    proposed,
    rebased,
    run_ended,
    run_started,
    started,
)

STUDY = "mar5"

#: Each begins a study in which the last event is refused; what was there before is the rest.
REFUSED: dict[str, tuple[tuple[Event, ...], Event]] = {
    "a study started twice": ((started(),), started()),
    "an event of a study that never started": ((), Noticed(words="hello")),
    "a second experiment of the same number": ((started(), proposed(1)), proposed(1)),
    "a run of an unknown experiment": ((started(), proposed(1)), run_started(2)),
    "a run started twice": ((started(), proposed(1), run_started(1)), run_started(1)),
    "the end of an unknown run": ((started(), proposed(1)), run_ended(1)),
    "a second outcome": ((started(), proposed(1), run_started(1), run_ended(1)), run_ended(1)),
    "the loss of a run that is over": (
        (started(), proposed(1), run_started(1), run_ended(1)),
        RunLost(key="1-0", reason="late"),
    ),
    "an outcome of a lost run": (
        (started(), proposed(1), run_started(1), RunLost(key="1-0", reason="died")),
        run_ended(1),
    ),
    "a verdict on an unknown experiment": ((started(),), judged(1)),
    "a second verdict": ((started(), proposed(1), judged(1)), judged(1, Decision.KEPT)),
    "an unknown experiment rebased": ((started(),), rebased(1)),
    "an experiment rebased that has a run": ((started(), proposed(1), run_started(1)), rebased(1)),
    "an experiment rebased that has its verdict": ((started(), proposed(1), judged(1)), rebased(1)),
    "a refutation of what is not the champion": (
        (started(), proposed(1), judged(1, Decision.KEPT), proposed(2), judged(2, Decision.KEPT)),
        Refuted(experiment=1, champion=0, commit=BASE, reason="no gain"),
    ),
}


class LedgerSuite:
    """Supply `ledger`: a fresh and empty one."""

    def test_entries_come_back_in_order_as_they_were_appended(self, ledger: Ledger) -> None:
        first = ledger.append(STUDY, started(), proposed(0), run_started(0))
        second = ledger.append(STUDY, run_ended(0), judged(0, Decision.KEPT))
        assert [entry.seq for entry in first + second] == [1, 2, 3, 4, 5]
        assert tuple(ledger.entries(STUDY)) == first + second
        assert tuple(ledger.entries(STUDY, after=3)) == second
        assert [entry.event for entry in second] == [run_ended(0), judged(0, Decision.KEPT)]

    def test_many_entries_stream_in_order_and_each_once(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started(), *(Noticed(words=str(n)) for n in range(999)))
        assert [entry.seq for entry in ledger.entries(STUDY)] == list(range(1, 1001))

    def test_studies_share_one_chain_and_keep_apart(self, ledger: Ledger) -> None:
        ledger.append("a", started(), proposed(1))
        ledger.append("b", started(), proposed(1), judged(1))
        ledger.append("a", judged(1, Decision.KEPT))
        assert [entry.seq for entry in ledger.entries("a")] == [1, 2, 6]
        assert [study.name for study in ledger.studies()] == ["a", "b"]
        a, b = ledger.studies()
        assert (a.champion, b.champion, b.champion_commit) == (1, 0, BASE)
        assert (a, b) == (ledger.study("a"), ledger.study("b"))

    def test_every_entry_is_chained_to_the_one_before_across_studies(self, ledger: Ledger) -> None:
        entries = ledger.append("a", started(), proposed(1)) + ledger.append("b", started('é\n\0"'))
        previous = "0" * 64
        for entry in entries:
            place = json.dumps([previous, entry.seq, entry.at, entry.study], separators=(",", ":"))
            content = place.encode() + b"\n" + msgspec.json.encode(entry.event)
            assert entry.digest == hashlib.sha256(content).hexdigest()
            previous = entry.digest

    def test_what_waits_can_be_moved_on_to_another_champion(self, ledger: Ledger) -> None:
        moved = rebased(1).experiment
        ledger.append(STUDY, started(), proposed(1), rebased(1), rebased(1), run_started(1))
        (record,) = ledger.experiments(STUDY)
        assert record.experiment == moved and record == ledger.experiment(STUDY, 1)
        ledger.append(STUDY, judged(1, Decision.KEPT))
        study = ledger.study(STUDY)
        assert study is not None and study.champion_commit == moved.commit

    @pytest.mark.parametrize("case", REFUSED)
    def test_what_is_decided_stays_decided(self, ledger: Ledger, case: str) -> None:
        before, refused = REFUSED[case]
        ledger.append("other", started())
        ledger.append(STUDY, *before)
        seen = tuple(ledger.entries(STUDY)), ledger.study(STUDY), ledger.experiments(STUDY)
        with pytest.raises(LedgerConflict):
            ledger.append(STUDY, refused)
        assert (tuple(ledger.entries(STUDY)), ledger.study(STUDY), ledger.experiments(STUDY)) == seen

    @pytest.mark.parametrize("case", REFUSED)
    def test_a_refusal_takes_back_what_came_before_it_in_the_same_call(
        self, ledger: Ledger, case: str
    ) -> None:
        before, refused = REFUSED[case]
        with pytest.raises(LedgerConflict):
            ledger.append(STUDY, *before, refused)
        assert ledger.studies() == ()
        assert tuple(ledger.entries(STUDY)) == ()
        ledger.append(STUDY, started(), proposed(1), run_started(1))
        assert [record.number for record in ledger.experiments(STUDY)] == [1]

    def test_no_event_is_no_entry(self, ledger: Ledger) -> None:
        assert ledger.append(STUDY) == ()
        assert ledger.studies() == ()

    def test_a_number_that_could_not_be_read_back_is_refused(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started())
        with pytest.raises(LedgerUnfit, match=r"Proposed.*usd"):
            ledger.append(STUDY, proposed(1, usd=float("nan")))
        ledger.append(STUDY, proposed(1))

    def test_words_that_are_no_unicode_are_kept_with_escapes(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started(), Noticed(words="caf\udce9\0.py"))
        noticed = list(ledger.entries(STUDY))[-1].event
        assert noticed == Noticed(words="caf\\udce9\0.py")

    def test_an_experiment_is_told_with_all_that_came_of_it(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started(), proposed(0), proposed(1), run_started(1, 0), run_started(1, 1))
        ended = ledger.append(STUDY, run_ended(1, 0, value=1.25), RunLost(key="1-1", reason="power cut"))
        record = ledger.experiment(STUDY, 1)
        assert record is not None and record.is_open
        assert record.experiment == proposed(1).experiment
        first, second = record.runs
        assert isinstance(first.outcome, Measured) and first.outcome.value == 1.25
        assert (first.ended_at, first.artefacts) == (ended[0].at, {"log": "a" * 64})
        assert (second.outcome, second.lost, second.is_open) == (None, "power cut", False)
        (entry,) = ledger.append(STUDY, judged(1, Decision.KEPT))
        record = ledger.experiment(STUDY, 1)
        assert record is not None and record.is_kept and record.judged_at == entry.at
        assert ledger.experiments(STUDY)[1] == record

    def test_the_last_experiments_are_told_oldest_first(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started(), *(proposed(number) for number in range(6)), run_started(5))
        ledger.append("other", started(), proposed(0), proposed(9))
        assert [record.number for record in ledger.experiments(STUDY, last=2)] == [4, 5]
        assert len(ledger.experiments(STUDY, last=2)[1].runs) == 1
        assert [record.number for record in ledger.experiments(STUDY, last=50)] == [0, 1, 2, 3, 4, 5]
        assert ledger.experiments(STUDY, last=0) == ()
        assert len(ledger.experiments(STUDY, last=10**30)) == 6

    def test_experiments_are_told_by_number_however_they_were_entered(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started(), proposed(3), proposed(1), proposed(2))
        assert [record.number for record in ledger.experiments(STUDY)] == [1, 2, 3]
        assert [record.number for record in ledger.experiments(STUDY, last=2)] == [2, 3]

    def test_what_is_not_there_is_none_or_empty(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started())
        assert ledger.study("nothing") is None
        assert ledger.experiment(STUDY, 7) is None
        assert ledger.experiment(STUDY, 10**30) is None
        assert ledger.experiments("nothing") == ()
        assert tuple(ledger.entries("nothing")) == ()

    def test_a_study_is_counted_as_it_goes(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started(), proposed(0), judged(0, Decision.KEPT))
        ledger.append(STUDY, proposed(1, usd=0.5), proposed(2, usd=0.25), proposed(3), proposed(4))
        ledger.append(STUDY, judged(1, Decision.KEPT), judged(2), judged(3, Decision.INVALID))
        (last,) = ledger.append(STUDY, Certified(claim=claim(certified=True)))
        study = ledger.study(STUDY)
        assert study is not None
        assert study.terms == started()
        assert study.decisions == {
            Decision.KEPT: 1,  # the baseline is not counted
            Decision.DISCARDED: 1,
            Decision.FAILED: 0,
            Decision.INVALID: 1,
        }
        assert (study.champion, study.champion_commit) == (1, commit_of(1))
        assert (study.open_experiments, study.cost_usd) == (1, 0.75)
        assert (study.last_seq, study.last_at, study.claim) == (last.seq, last.at, claim(certified=True))

    def test_refuted_keeps_give_the_championship_back_to_what_they_were_built_on(
        self, ledger: Ledger
    ) -> None:
        ledger.append(STUDY, started(), proposed(0), judged(0, Decision.KEPT))
        for number in (1, 2, 3):
            ledger.append(STUDY, proposed(number), judged(number, Decision.KEPT))
        ledger.append(
            STUDY,
            Certified(claim=claim(certified=False)),
            Refuted(experiment=3, champion=2, commit=commit_of(2), reason="no gain"),
            Refuted(
                experiment=2, champion=1, commit=commit_of(1), claim=claim(certified=True), reason="below 3"
            ),
        )
        study = ledger.study(STUDY)
        assert study is not None
        assert (study.champion, study.champion_commit) == (1, commit_of(1))
        assert study.claim == claim(certified=True)
        assert study.decisions[Decision.KEPT] == 3  # what was decided stays decided
        assert [record.refuted for record in ledger.experiments(STUDY)] == ["", "", "below 3", "no gain"]
        two = ledger.experiment(STUDY, 2)
        assert two is not None and two.is_kept and not two.stands
        ledger.append(STUDY, Refuted(experiment=1, champion=0, commit=BASE, reason="no gain"))
        study = ledger.study(STUDY)
        assert study is not None
        assert (study.champion, study.champion_commit, study.claim) == (0, BASE, None)

    def test_the_condition_follows_what_controllers_and_people_say(self, ledger: Ledger) -> None:
        ledger.append(STUDY, started())
        for event, condition, reason in (
            (Asked(wish=Wish.PAUSE), Condition.RESTING, ""),  # nobody runs it
            (Resumed(pid=1, host="h"), Condition.RUNNING, ""),
            (Asked(wish=Wish.PAUSE), Condition.PAUSED, ""),
            (Asked(wish=Wish.TELL, words="go on"), Condition.PAUSED, ""),
            (Asked(wish=Wish.RESUME), Condition.RUNNING, ""),
            (Rested(reason="asked to stop", finished=False), Condition.RESTING, "asked to stop"),
            (Asked(wish=Wish.RESUME), Condition.RESTING, "asked to stop"),
            (Resumed(pid=2, host="h"), Condition.RUNNING, ""),
            (Rested(reason="100 experiments", finished=True), Condition.FINISHED, "100 experiments"),
            (Resumed(pid=3, host="h"), Condition.RUNNING, ""),
        ):
            ledger.append(STUDY, event)
            study = ledger.study(STUDY)
            assert study is not None
            assert (study.condition, study.reason) == (condition, reason), event


class DurableLedgerSuite(LedgerSuite):
    """For ledgers that outlive their process. Supply `opener` besides.

    It opens the ledger of the fixture `ledger` once more, and can be pickled: other processes use it.
    """

    def test_another_opener_sees_what_was_appended(
        self, ledger: Ledger, opener: Callable[[], Ledger]
    ) -> None:
        entries = ledger.append(STUDY, started(), proposed(1))
        ledger.close()
        again = opener()
        assert tuple(again.entries(STUDY)) == entries
        with pytest.raises(LedgerConflict):
            again.append(STUDY, proposed(1))
        again.close()

    def test_kill_9_in_the_middle_loses_nothing_that_was_acknowledged(
        self, ledger: Ledger, opener: Callable[[], Ledger]
    ) -> None:
        ledger.append(STUDY, started())
        acknowledged = 0
        for appends in (3, 40):
            with _child(_propose_without_end, opener) as (pid, pipe):
                for _ in range(appends):
                    acknowledged = pipe.recv()
                os.kill(pid, signal.SIGKILL)
                acknowledged = max([acknowledged, *_rest(pipe)])
            entries = list(ledger.entries(STUDY))
            assert entries[-1].seq >= acknowledged
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
            records = ledger.experiments(STUDY)
            assert all(len(record.runs) == 1 for record in records), "a transaction came apart"
            assert len(entries) == 1 + 2 * len(records)

    def test_of_processes_that_write_the_same_exactly_one_wins(
        self, ledger: Ledger, opener: Callable[[], Ledger]
    ) -> None:
        ledger.append(STUDY, started())
        with _child(_race, opener) as (_, one), _child(_race, opener) as (_, two):
            assert (one.recv(), two.recv()) == ("ready", "ready")
            one.send("go")
            two.send("go")
            wins = [*one.recv(), *two.recv()]
        assert sorted(wins) == list(range(RACED))
        entries = list(ledger.entries(STUDY))
        assert [entry.seq for entry in entries] == list(range(1, RACED + 2))
        assert sorted(record.number for record in ledger.experiments(STUDY)) == list(range(RACED))

    def test_readers_see_whole_transactions_while_another_process_writes(
        self, ledger: Ledger, opener: Callable[[], Ledger]
    ) -> None:
        ledger.append(STUDY, started())
        seen = 0
        with _child(_propose_without_end, opener) as (pid, pipe):
            for _ in range(30):
                acknowledged = pipe.recv()
                study, records = ledger.study(STUDY), ledger.experiments(STUDY, last=5)
                assert study is not None and study.last_seq >= max(acknowledged, seen)
                assert all(len(record.runs) == 1 for record in records)
                seen = study.last_seq
            os.kill(pid, signal.SIGKILL)


RACED = 40


def _propose_without_end(ledger: Ledger, pipe: Connection) -> None:
    number = len(ledger.experiments(STUDY))
    while True:
        number += 1
        pipe.send(ledger.append(STUDY, proposed(number), run_started(number))[-1].seq)


def _race(ledger: Ledger, pipe: Connection) -> None:
    pipe.send("ready")
    pipe.recv()
    won = []
    for number in range(RACED):
        try:
            ledger.append(STUDY, proposed(number))
        except LedgerConflict:
            continue
        won.append(number)
    pipe.send(won)


@contextmanager
def _child(
    task: Callable[[Ledger, Connection], None], opener: Callable[[], Ledger]
) -> Iterator[tuple[int, Connection]]:
    """A process of its own that does `task`, gone when the block ends; its id and our end of the pipe."""
    context = multiprocessing.get_context("spawn")  # a fork would share our open database
    ours, theirs = context.Pipe()
    process = context.Process(target=_do, args=(task, opener, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield cast(int, process.pid), ours
    finally:
        process.kill()
        process.join()
        ours.close()


def _do(task: Callable[[Ledger, Connection], None], opener: Callable[[], Ledger], pipe: Connection) -> None:
    task(opener(), pipe)


def _rest(pipe: Connection) -> Iterator[int]:
    """What a killed process had still said."""
    try:
        while True:
            yield pipe.recv()
    except (EOFError, OSError):  # OSError: it was killed in the middle of a word
        return
