"""Somebody else's controller: it stands by while another leads a study, and leads when that one is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress

from jumar.app import Study
from jumar.core.agent import AnyAgent
from jumar.core.event import Asked, Noticed, Wish
from jumar.core.ledger import Condition, StudyRecord
from jumar.core.verdict import Decision
from jumar.errors import LeaseLost, StudyHeld, Usage
from jumar.guests import Guests, guests
from jumar.home import Home
from jumar.intake import AGENT
from jumar.ledgers.hold import Holder, holder, myself
from jumar.ledgers.sql import open_ledger
from jumar.study.parts import Observer
from jumar.study.tick import Tick

LOOK_S = 0.5  # between two looks at who leads


class StandBy:
    """Joins a study whose record is on a server. Its agents propose all the while, whoever leads.

    Raises Usage where there is no such study, or its record is a file of one machine.
    """

    def __init__(self, opened: Callable[[], Study], home: Home, agents: Sequence[str]) -> None:
        if home.server is None:
            raise Usage(
                "only a study whose record is on a server can be joined",
                fix="say which: --ledger postgresql://ann@host/db, as its other controllers have it",
            )
        live = opened()
        record = live.record()
        if record is None:
            raise Usage(f"there is no study {live.name} in {home.server}", fix="see its name: jumar status")
        self.live, self._again, self._home, self._agents = live, opened, home, agents
        self._since = record.last_seq
        self._interrupted = self._stopped = False
        self._trouble: Exception | None = None
        self._ended = threading.Event()

    def interrupt(self) -> None:
        """As of a study that runs; while standing by, once is enough."""
        self._interrupted = True
        self.live.interrupt()

    def join(self, observe: Observer) -> StudyRecord:
        """Stand by and lead, until the study is over, somebody stops it or this is interrupted.

        Raises AgentFailed when an agent cannot go on while another controller leads.
        """
        members = self._members()
        thread = threading.Thread(target=self._propose, args=(members,), name="jumar-guests", daemon=True)
        if members:
            thread.start()
        try:
            return self._join(observe)
        finally:
            self._ended.set()
            if members:
                thread.join()

    def _join(self, observe: Observer) -> StudyRecord:
        while not self._interrupted:
            leader = self.live.holder()
            if leader is None:
                if self._is_over():
                    break
                with suppress(LeaseLost):  # others thought that we were gone
                    try:
                        return self.live.run(observe=observe)
                    except StudyHeld:
                        if holder(self._home.own):
                            raise  # by another process in this very folder
                continue
            if holder(self._home.own):
                raise _beside(leader)
            self._take_in(observe)
            observe(self._tick(leader))
            if self._trouble:
                raise self._trouble
            self._ended.wait(LOOK_S)
        return self._record()

    def _members(self) -> Mapping[str, AnyAgent]:
        if not self._agents:
            return {}
        record = self._record()
        if not any(spec.partition(":")[0] == AGENT for spec in record.terms.shares):
            raise Usage(
                f"study {record.name} (agent: {record.terms.agent}) takes no proposals from outside",
                fix=f"join it without --agent, or start one that does: jumar run --new --agent "
                f"tuner=0.5 --agent {AGENT}=0.5",
            )
        return guests(self._home, record, self.live.contract, self._agents)

    def _propose(self, members: Mapping[str, AnyAgent]) -> None:
        """On a thread of its own, with its own view of the study: the other one may be leading it."""
        live = self._again()
        with closing(open_ledger(self._home.ledger)) as ledger:
            study = (live.intake(), live.contract, ledger.artefacts())

            def note(words: str) -> None:
                ledger.append(live.name, Noticed(words=f"{myself(0.0).host}: {words}"))

            team = Guests(members, study, live.reading, note)
            try:
                while not self._ended.is_set():
                    team.turn()
                    team.woken.wait(LOOK_S)
            except Exception as error:  # noqa: BLE001 - raised again where people hear of it
                self._trouble = error
            finally:
                team.close()

    def _record(self) -> StudyRecord:
        record = self.live.record()
        assert record is not None, "it was there when it was joined"
        return record

    def _is_over(self) -> bool:
        """Whether the last controller ended the study, or was asked to, rather than died or left."""
        if self._record().condition is Condition.FINISHED:
            return True
        self._take_in(lambda _: None)
        return self._stopped

    def _take_in(self, observe: Observer) -> None:
        """What happened since the last look."""
        for entry in self.live.entries(after=self._since):
            self._since = entry.seq
            self._stopped |= isinstance(entry.event, Asked) and entry.event.wish is Wish.STOP
            observe(entry)

    def _tick(self, leader: Holder) -> Tick:
        record = self._record()
        return Tick(
            running=(),
            queued=0,
            judged=sum(record.decisions.values()),
            kept=record.decisions[Decision.KEPT],
            held=0,
            champion=record.champion,
            value=None,
            baseline=None,
            active_s=record.active_s,
            time_left_s=None,
            doing=f"standing by: process {leader.pid} on {leader.host} leads",
        )


def _beside(leader: Holder) -> StudyHeld:
    return StudyHeld(
        f"process {leader.pid} on {leader.host} works on this study in this very folder",
        fix="join from another clone of the repository",
    )
