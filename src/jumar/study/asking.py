"""Who is asked for the next idea, what they are told, and what becomes of their answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import msgspec
from msgspec.structs import replace

from jumar.core.agent import Agent, AnyAgent, Brief, Researcher, Team, Waiter
from jumar.core.desk import Question
from jumar.core.event import Answered, Asked, Noticed, TakenUp, Thought, Wish
from jumar.core.proposal import ASKED, TICKET, Cost, Proposal
from jumar.core.verdict import OVERTAKEN
from jumar.errors import AgentFailed, Breach, NoRoom, Usage
from jumar.rules.brief_text import brief_text
from jumar.rules.recollection import Recollection
from jumar.study.archive import StudyArchive
from jumar.study.brief import Briefing
from jumar.study.desk import StudyDesk
from jumar.study.pacing import Pace
from jumar.study.parts import Parts
from jumar.study.polishing import polishing
from jumar.study.probing import MOST_RUNS, Probing
from jumar.study.proposing import Proposer
from jumar.study.purse import OwnPurse, Purse
from jumar.study.questions import next_question, started
from jumar.study.recorder import Recorder
from jumar.study.retesting import RETEST, TAKEN, refuse_again
from jumar.study.roster import Roster
from jumar.study.thinking import Inbox, Thinking
from jumar.study.wished import wished

# An agent that is refused this often in a row has its proposal recorded as invalid.
MOST_REFUSALS = 3
# An agent whose trouble may pass is asked so often before the study rests; it has waited itself.
MOST_FAILURES = 3
# A thought of which nobody says that it is over counts as somebody's so long; few take longer.
HOLD_S = 3600.0
GIVE_UP_S = 2.0  # for agents to end that were called off; whoever has not then is left alone


class Asking:
    """Asks agents: those that answer at once here, those that think on threads of their own.

    All of it is called on the loop's thread. A study that rests calls off who thinks: what they were
    answered until then is kept, and they are asked the same again when the study goes on.
    """

    def __init__(
        self, parts: Parts, recorder: Recorder, proposer: Proposer, briefing: Briefing, probing: Probing
    ) -> None:
        self._parts, self._recorder, self._proposer, self._briefing = parts, recorder, proposer, briefing
        self._probing = probing
        self._recollection = Recollection()
        self._inbox = Inbox(parts.executor.wake)
        self._finishing = False
        self._thinking: list[Thinking] = []
        self._leaving: list[Thinking] = []  # called off
        self._purse: Purse | None = None
        self.spent = ""  #: what a limit left no room for, in words
        self._idle = (time.monotonic(), 0.0)  # since when which share of the slots waits for who thinks
        alone = Team(members={parts.agent.name: parts.agent}, shares={parts.agent.name: 1.0})
        self._team = parts.team or alone
        self._roster = Roster(self._team, recorder.history)
        self._pace = Pace(recorder.history, parts.executor, parts.contract.limits.ahead)
        self._polishing = polishing(parts.team, parts.workspace, recorder.history)

    @property
    def thinking(self) -> int:
        """How many thoughts are under way."""
        return len(self._thinking)

    @property
    def expected(self) -> int:
        """How many of them will come to a proposal. Whoever waits for others may wait for ever."""
        return sum(not isinstance(one.agent, Waiter) for one in self._thinking)

    @property
    def only_waits(self) -> bool:
        """Whether whoever is asked only waits for others."""
        return bool(self._thinking) and all(isinstance(one.agent, Waiter) for one in self._thinking)

    @property
    def exhausted(self) -> bool:
        """Whether nobody has anything left; for another champion there may be something."""
        history = self._recorder.history
        waits = self._polishes or history.is_asked
        return self._roster.exhausted and not waits

    @property
    def is_due(self) -> bool:
        """Whether somebody who thinks wants something, or is done."""
        return self._inbox.is_waiting

    def in_words(self, *, idle: bool) -> str:
        """Who thinks, and for how long, and where the machine is `idle` who waits; empty when nobody does."""
        now = time.monotonic()
        shown = (one for one in self._thinking if idle or not isinstance(one.agent, Waiter))
        return ", ".join(f"{_doing(one)} ({now - one.begun:.0f} s)" for one in shown)

    def again(self) -> int | None:
        """Number of the next experiment that a person asked for, or that is to be tried again; else None."""
        history = self._recorder.history
        proposal = wished(history, self._parts.workspace, self._parts.artefacts)
        if proposal is None:
            return None
        number = len(history.experiments)
        try:
            self._proposer.enter(number, proposal)
        except Breach as breach:
            nobody = proposal.details[ASKED] < 0  # asked for it, so it uses up no experiment
            if nobody:
                breach = Breach(f"{OVERTAKEN}: {breach.problem}", fix=breach.fix, code=breach.code)
            self._proposer.refuse(number, proposal, breach, withdrawn=nobody)
        return number

    def whose_turn(self, *, ahead: bool = False) -> AnyAgent | None:
        """Who is to be asked now; None while whoever may be is thinking, or nobody has anything left.

        With `ahead` no slot is free yet: who answers at once loses nothing by being asked when one is,
        and knows more by then.
        """
        if self.spent:
            return None
        if self._polishes:
            return None if ahead else self._polishing
        thinking, pace = self._thinking, self._pace
        busy = [
            name
            for name, agent in self._roster.members.items()
            if isinstance(agent, Researcher)
            and (pace.strand(agent, thinking) is None or pace.is_enough(agent, thinking, ahead=ahead))
        ]
        agent = self._roster.next(busy, [one.agent.name for one in thinking])
        return None if ahead and not isinstance(agent, Researcher) else agent

    def ask(self, agent: AnyAgent) -> int | None:
        """Number of the next experiment, judged already if it is invalid.

        None when ideas ran out, or when the agent thinks first: `heard` tells what comes of that.
        """
        history = self._recorder.history
        told = any(one.agent.name == agent.name and one.question.refusals for one in self._thinking)
        question = next_question(history, self._team, agent.name, told=told)
        if not isinstance(agent, Researcher):
            try:
                return self._ask_at_once(agent, question)
            except AgentFailed as failed:
                self._drop(agent, failed)
                return None
        strand = self._pace.strand(agent, self._thinking) or 0
        self._think(
            Thinking(agent, history.questions.get((agent.name, strand), replace(question, strand=strand)))
        )
        return None

    def _ask_at_once(self, agent: Agent, question: Question) -> int | None:
        number = question.number
        while True:
            proposal = None
            try:
                proposal = agent.propose(self._brief(question))
                if proposal is None:
                    if agent is not self._polishing:
                        self._is_out_of_ideas(agent)
                    return None
                self._proposer.enter(number, started(proposal, question), repeats=agent.repeats)
            except Breach as breach:
                # An agent that answers at once would answer the same to words that it does not read.
                if proposal is None or len(question.refusals) + 1 >= MOST_REFUSALS:
                    self._proposer.refuse(number, proposal or _nothing(agent.name, breach), breach)
                    return number
                question = self._refused(question, breach)
            else:
                return number

    def serve(self) -> None:
        """Do what those who think want of the loop's thread."""
        self._inbox.serve()

    def hear(self) -> None:
        """Enter what came of thinking since the last call: experiments that wait, or that are invalid.

        Raises AgentFailed when an agent cannot go on.
        """
        for one in [one for one in self._thinking if one.is_over]:
            self._take_in(one)

    def _take_in(self, one: Thinking) -> None:
        self.idle(self._idle[1])
        self._thinking.remove(one)
        self._take_up(one, 0.0)
        agent, proposal, strand = one.agent, None, one.question.strand
        number = len(self._recorder.history.experiments)
        try:
            proposal = one.came()
            if proposal is None:
                return self._note_nothing(one)
            proposal = started(proposal, one.question)
            self._proposer.enter(
                number, proposal, repeats=agent.repeats, waited_s=one.waited_s, strand=strand
            )
            self._pace.took(one, time.monotonic())
        except Breach as breach:
            # Whoever handed it in from outside is not there to be asked again.
            from_outside = proposal is not None and TICKET in proposal.details
            if from_outside or len(one.question.refusals) + 1 >= MOST_REFUSALS:
                nothing = _nothing(agent.name, breach)
                self._proposer.refuse(
                    number, proposal or nothing, breach, waited_s=one.waited_s, strand=strand
                )
                return
            self._think(Thinking(agent, self._refused(one.question, breach)), one)
        except AgentFailed as failed:
            if not failed.passing or one.failures + 1 == MOST_FAILURES:
                self._note(one)
                return self._drop(agent, failed)
            self._recorder.note(Noticed(words=f"{agent.name} is asked again: {failed.problem}"))
            self._think(Thinking(agent, one.question, failures=one.failures + 1), one)
        except BaseException:
            self._note(one)
            raise

    @property
    def _polishes(self) -> bool:
        return self._polishing is not None and self._polishing.number is not None

    def _drop(self, agent: AnyAgent, failed: AgentFailed) -> None:
        """Go on with the others. Raises `failed` where there are none."""
        try:
            self._recorder.note(Noticed(words=self._roster.drop(agent.name, failed)))
            self._recorder.commit()
        except NoRoom as full:  # a limit was reached, and that is how studies end
            self.spent = full.problem

    def idle(self, share: float) -> None:
        """From now on this share of the slots stands free only because somebody thinks."""
        now = time.monotonic()
        since, before = self._idle
        for one in self._thinking:
            one.waited_s += before * (now - since) / len(self._thinking)
        self._idle = (now, share)

    def call_off(self, *, only_waiters: bool = False) -> None:
        """Nobody waits any more for what those who think will propose, or those who only wait."""
        self.idle(0.0)
        gone = [one for one in self._thinking if isinstance(one.agent, Waiter) or not only_waiters]
        for one in gone:
            one.called_off.set()
            self._take_up(one, 0.0)
            self._note(one)
        self._leaving += gone
        self._thinking = [one for one in self._thinking if one not in gone]

    def finish(self) -> None:
        """Let who thinks come to an end, and ask nobody again."""
        self._finishing = True
        self.call_off(only_waiters=True)

    def close(self) -> None:
        """Call off who thinks, and wait a moment for what they still have to say."""
        self.call_off()
        deadline = time.monotonic() + GIVE_UP_S
        while self._leaving and time.monotonic() < deadline:
            self._inbox.serve()
            self._leaving = [one for one in self._leaving if not one.wait(0.02)]
        self._inbox.serve()
        self._inbox.close()

    def _think(self, one: Thinking, before: Thinking | None = None) -> None:
        """Have an agent think; `before` is what it thought about the same proposal until now."""
        if before:
            one.waited_s, one.probed, one.asked = before.waited_s, before.probed, before.asked
            one.retested = before.retested
            if self._finishing:
                return self._note(one)
        role = self._parts.roles.get(one.agent.name, "")
        program = f"{self._parts.program}\n\n{role}" if role else self._parts.program
        brief = self._briefing.write(self._recorder.history, program, one.question, key=one.key)
        veil, knobs = self._briefing.veil(self._recorder.history), self._parts.knobs(brief)
        places = (self._parts.workspace, self._parts.artefacts)
        history = self._recorder.history

        def archive() -> StudyArchive:
            now = self._briefing.now(brief, history)
            return StudyArchive(now, veil, places, knobs, self._recollection)

        desk = StudyDesk(
            one.question,
            brief_text(brief, self._recollection.read(brief.history), knobs),
            archive,
            history,
            (self._keep, lambda tool, arguments: self._probe(one, tool, arguments)),
            (self._inbox, self._parts.artefacts, one.called_off, self._purse_of(one.agent.name)),
        )
        self._take_up(one, HOLD_S)
        self._recorder.commit()
        self.idle(self._idle[1])
        self._thinking.append(one)
        one.begin(brief, desk, self._inbox.tell)

    def _take_up(self, one: Thinking, for_s: float) -> None:
        """Have the record say that an agent thinks, for others to think of something else; 0: no more."""
        if not isinstance(one.agent, Waiter):
            until = self._parts.now() + for_s if for_s else 0.0
            self._recorder.note(TakenUp(key=one.key, who=one.agent.name, until=until))

    def _purse_of(self, agent: str) -> OwnPurse:
        if self._purse is None:
            self._purse = Purse(self._parts.contract.limits, self._recorder.history.spent)
        return OwnPurse(self._purse, agent)

    def _brief(self, question: Question) -> Brief:
        return self._briefing.write(self._recorder.history, self._parts.program, question)

    def _probe(self, one: Thinking, tool: str, arguments: Mapping[str, Any]) -> Future[str]:
        """What a probe shows, or at once why there is none."""
        told: Future[str] = Future()
        try:
            if tool == RETEST.name:
                told.set_result(self._retest(one, arguments))
                return told
            probe = self._probing.read(tool, arguments, one.question.parent)
            cost = 0.0 if self._probing.is_known(probe) else self._probing.estimate(probe)
            if one.probed + cost > MOST_RUNS:
                left = MOST_RUNS - one.probed
                raise Usage(
                    f"that takes about {cost:.3g} usual runs, and of {MOST_RUNS:g} for one proposal "
                    f"{left:.3g} are left",
                    fix="ask for fewer runs, or shorter ones",
                )
            found = self._probing.begin(probe).told
        except msgspec.ValidationError as error:
            told.set_result(f"The arguments do not fit: {error}.")
            return told
        except Usage as error:
            told.set_result(f"{error.problem} ({error.fix})")
            return told
        one.probed += cost
        return found

    def _retest(self, one: Thinking, arguments: Mapping[str, Any]) -> str:
        """Ask for an old experiment to be tried again, as a person does. Raises Usage."""
        number = msgspec.convert(arguments.get("experiment"), type=int, strict=False)
        history = self._recorder.history
        record = history.experiments.get(number)
        if record is None:
            raise Usage(f"there is no experiment {number}", fix="ask `experiments` for what there is")
        if one.retested:
            raise Usage(
                f"experiment {one.retested} is tried again for this proposal, and one is enough",
                fix="propose something now",
            )
        refuse_again(record, history, self._parts.workspace)
        # Not noted but written at once: its place in the chain is its name, and is only known then.
        self._parts.ledger.append(self._parts.name, Asked(wish=Wish.RETEST, words=str(number)))
        one.retested = number
        return TAKEN

    def _keep(self, said: Answered | Noticed) -> None:
        self._recorder.note(said)
        self._recorder.commit()

    def _refused(self, question: Question, breach: Breach) -> Question:
        """The same question once more; where its near miss, or it, is of no champion of now, about that."""
        history = self._recorder.history
        near = None if question.view is None else history.experiments[question.view].experiment
        refusals = (*question.refusals, f"{breach.problem} ({breach.fix})")
        if near and near.parent == history.champion_commit:
            return replace(question, refusals=refusals)
        return replace(question, parent=history.champion_commit, view=None, refusals=refusals)

    def _note_nothing(self, one: Thinking) -> None:
        self._note(one, nothing=True)
        if one.question.parent == self._recorder.history.champion_commit:
            self._is_out_of_ideas(one.agent)

    def _is_out_of_ideas(self, agent: AnyAgent) -> None:
        if words := self._roster.has_nothing(agent.name):
            self._recorder.note(Noticed(words=words))

    def _note(self, one: Thinking, *, nothing: bool = False) -> None:
        strand = one.question.strand
        self._recorder.note(
            Thought(agent=one.agent.name, waited_s=one.waited_s, nothing=nothing, strand=strand)
        )


def _doing(one: Thinking) -> str:
    agent = one.agent
    return f"waits for {agent.waits_for}" if isinstance(agent, Waiter) else f"{agent.name} thinks"


def _nothing(agent: str, breach: Breach) -> Proposal:
    return Proposal(hypothesis=breach.problem, edits=(), agent=agent, cost=Cost())
