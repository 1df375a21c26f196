"""Agents that propose while another controller leads: what they think of goes into the study's inbox."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from secrets import randbits
from threading import Event
from typing import Any

from msgspec.structs import replace

from jumar.agents.registry import anchored
from jumar.agents.team import make_team
from jumar.assembly import bench_of, environment, protected_paths
from jumar.core.agent import Agent, AnyAgent, Brief, Researcher
from jumar.core.contract import Contract
from jumar.core.desk import CalledOff, Question, Reply, Room, Tool
from jumar.core.desk import Usage as Spending
from jumar.core.ledger import Artefacts, StudyRecord
from jumar.core.proposal import Cost, Proposal
from jumar.errors import AgentFailed, Breach, Usage
from jumar.home import Home
from jumar.intake import AGENT, Intake
from jumar.rules.brief_text import brief_text
from jumar.rules.limits import Spent
from jumar.sandboxes.detect import choose
from jumar.study.purse import OwnPurse, Purse
from jumar.study.questions import withdrawn_in_words
from jumar.study.reading import Reading
from jumar.study.surroundings import look_around
from jumar.study.thinking import Inbox, Thinking
from jumar.workspaces.git import open_workspace

MOST_REFUSALS = 3  # in a row; then the agent waits for news
SIT_OUT_S = 60.0  # after a trouble that may pass, or with nothing to propose


class GuestDesk:
    """Keeps the promises of `core.desk.Desk` for one question, but that nothing is told of an earlier one.

    A reply is kept before it is used, and counts towards the proposal that comes of it; of a controller
    that dies while its agent thinks, the thought is lost.
    """

    def __init__(
        self, reading: Reading, brief: Brief, called_off: Event, places: tuple[Inbox, OwnPurse, Artefacts]
    ) -> None:
        self._reading, self._text = reading, brief_text(brief, reading.recollection, reading.knobs)
        self._called_off = called_off
        self._inbox, self._purse, self._artefacts = places
        self.replies: tuple[Reply, ...] = ()
        self.cost = Cost()
        self.said: list[str] = []  #: what people may want to mend

    @property
    def text(self) -> str:
        return self._text

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._reading.archive.tools

    @property
    def called_off(self) -> Event:
        return self._called_off

    def ask(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if self._called_off.is_set():
            raise CalledOff
        return self._inbox.call(lambda: self._reading.archive.ask(tool, arguments))

    def handed_in(self) -> Proposal | None:
        return None

    @property
    def room(self) -> Room:
        return self._purse.room

    def set_aside(self, most: Spending) -> AbstractContextManager[None]:
        return self._purse.set_aside(most, self._called_off)

    def keep(self, reply: Reply) -> None:
        usage = reply.usage
        self._artefacts.put(reply.content)
        self._purse.take(usage)
        of = Cost(
            usd=usage.usd,
            priced=usage.priced,
            tokens=usage.tokens,
            tokens_out=usage.tokens_out,
            seconds=usage.seconds,
        )
        self.cost = together(self.cost, of)

    def notice(self, words: str) -> None:
        self.said.append(words)


class _Guest:
    """One agent, and what it is about."""

    def __init__(self, agent: AnyAgent) -> None:
        self.agent = agent
        self.thinking: Thinking | None = None
        self.desk: GuestDesk | None = None
        self.brief: Brief | None = None
        self.refusals: tuple[str, ...] = ()
        self.owed = Cost()  # of what it thought to no end: the next that it hands in says so
        self.paid = Cost()  # of what it handed in last
        self.ticket: int | None = None  # of what it handed in last, while that is no experiment
        self.entered: list[int] = []  # tickets of those that are, and may be withdrawn yet
        self.rests_until = 0.0


class Guests:
    """Asks each agent for one proposal, and hands it in; for the next once that has become an experiment.

    All of it is called on one thread, the one that made it; agents that think do so on threads of their own.
    """

    def __init__(
        self,
        members: Mapping[str, AnyAgent],
        study: tuple[Intake, Contract, Artefacts],
        read: Callable[[], Reading],
        told: Callable[[str], None],
    ) -> None:
        self._guests = [_Guest(agent) for agent in members.values()]
        self._intake, contract, self._artefacts = study
        self._read, self._told = read, told
        self.woken = Event()
        self._limits, self._inbox = contract.limits, Inbox(self.woken.set)
        self._purse = Purse(self._limits, {})
        self._host = socket.gethostname()

    def turn(self) -> None:
        """Take in what came, answer who asks, and ask who is free. Raises AgentFailed where none may help."""
        self.woken.clear()
        self._inbox.serve()
        for guest in self._guests:
            if guest.thinking and guest.thinking.is_over:
                self._hear(guest, guest.thinking)
            if not guest.thinking and time.monotonic() >= guest.rests_until and not self._waits(guest):
                self._ask(guest)

    def close(self) -> None:
        """Call off who thinks."""
        self._inbox.close()
        for guest in self._guests:
            if guest.thinking:
                guest.thinking.called_off.set()
        for guest in self._guests:
            if guest.thinking:
                guest.thinking.wait(SIT_OUT_S / 30)

    def _waits(self, guest: _Guest) -> bool:
        if guest.ticket is not None:
            if self._intake.find(f"t{guest.ticket}").experiment is None:
                return True
            guest.entered.append(guest.ticket)
            guest.ticket = None
        return False

    def _hear_of_withdrawn(self, guest: _Guest) -> None:
        """As the study's own agents are told: of what became of proposals that waited, in the next brief."""
        for ticket in tuple(guest.entered):
            found = self._intake.find(f"t{ticket}")
            verdict = found.experiment.verdict if found.experiment else None
            if verdict is not None:
                guest.entered.remove(ticket)
                if verdict.is_withdrawn:
                    guest.refusals = (*guest.refusals, withdrawn_in_words(found.hypothesis, verdict.reason))

    def _ask(self, guest: _Guest) -> None:
        if not self._intake.is_measured:
            return
        self._hear_of_withdrawn(guest)
        reading = self._read()
        # Other chances than the leader's own agents have: they would propose the same.
        brief = replace(reading.brief, refusals=guest.refusals, chance=randbits(62))
        guest.brief = brief
        if not isinstance(guest.agent, Researcher):
            return self._answer_at_once(guest, guest.agent, brief)
        if not any(each.thinking for each in self._guests):
            self._purse = Purse(self._limits, self._spent())
        question = Question(number=brief.number, parent=brief.parent, refusals=brief.refusals)
        guest.thinking = Thinking(guest.agent, question)
        places = (self._inbox, OwnPurse(self._purse, guest.agent.name), self._artefacts)
        guest.desk = GuestDesk(reading, brief, guest.thinking.called_off, places)
        guest.thinking.begin(brief, guest.desk, self._inbox.tell)

    def _spent(self) -> Mapping[str, Spent]:
        """What the record says was spent, and what it does not say yet."""
        spent = dict(self._intake.history.spent)
        for guest in self._guests:
            for cost in (guest.owed, guest.paid if guest.ticket is not None else Cost()):
                spent[AGENT] = spent.get(AGENT, Spent()).plus(cost.usd, cost.tokens)
        return spent

    def _answer_at_once(self, guest: _Guest, agent: Agent, brief: Brief) -> None:
        try:
            proposal = agent.propose(brief)
        except Breach as breach:
            return self._refused(guest, breach)
        self._hand_in(guest, proposal)

    def _hear(self, guest: _Guest, thinking: Thinking) -> None:
        desk, guest.thinking = guest.desk, None
        try:
            proposal = thinking.came()
        except Breach as breach:
            return self._refused(guest, breach)
        except AgentFailed as error:
            if not error.passing:
                raise
            self._told(f"{guest.agent.name}: {error.problem}")
            guest.rests_until = time.monotonic() + SIT_OUT_S
            return
        finally:
            if desk:
                guest.owed = together(guest.owed, desk.cost)
                for words in desk.said:
                    self._told(words)
        self._hand_in(guest, proposal)

    def _hand_in(self, guest: _Guest, proposal: Proposal | None) -> None:
        if proposal is None:
            guest.rests_until = time.monotonic() + SIT_OUT_S
            return
        by = {"by": f"{guest.agent.name} on {self._host}"}
        proposal = replace(proposal, cost=guest.owed, details={**proposal.details, **by})
        edits, parent = proposal.edits, proposal.parent or (guest.brief.parent if guest.brief else "")
        try:
            guest.ticket = self._intake.hand_in(
                lambda *_: edits, proposal.hypothesis, proposal.predicted, parent, of=proposal
            )
        except (Breach, Usage) as refusal:
            return self._refused(guest, refusal)
        guest.paid, guest.owed, guest.refusals = guest.owed, Cost(), ()
        self._told(f"{guest.agent.name} proposed t{guest.ticket}: {proposal.hypothesis}")

    def _refused(self, guest: _Guest, refusal: Breach | Usage) -> None:
        guest.refusals = (*guest.refusals, str(refusal))
        if len(guest.refusals) >= MOST_REFUSALS:
            self._told(f"{guest.agent.name}: {refusal.problem}")
            guest.refusals, guest.rests_until = (), time.monotonic() + SIT_OUT_S


def together(one: Cost, other: Cost) -> Cost:
    """What two thoughts cost."""
    return Cost(
        usd=one.usd + other.usd,
        priced=one.priced and other.priced,
        tokens=one.tokens + other.tokens,
        tokens_out=one.tokens_out + other.tokens_out,
        seconds=one.seconds + other.seconds,
    )


def guests(
    home: Home, record: StudyRecord, contract: Contract, specs: Sequence[str]
) -> Mapping[str, AnyAgent]:
    """Agents that propose from here while another controller leads the study.

    Raises Usage and AgentFailed as `make_team` does, and Usage for those with a role.
    """
    workspace, environ = open_workspace(home.folder), environment()
    paths = frozenset(workspace.files(record.terms.base))
    around = look_around(contract, home.folder, paths, environ, private=(*home.private, *workspace.places))
    bench = bench_of(home, contract, choose(None), around, protected_paths(contract, paths))
    team = make_team(dict.fromkeys(map(anchored, specs), 1.0), contract.hybrid, bench, environ)
    if team.roles:
        raise Usage(
            f"{', '.join(team.roles)}: who joins has no role",
            fix="leave #ROLE out; the words of a role are given to the agents a study was started with",
        )
    return team.members
