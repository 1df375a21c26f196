"""The desk an agent thinks at: the brief as text, the archive, and a safe place for what was paid for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from threading import Event
from typing import Any

from jumar.core.desk import Archive, CalledOff, Question, Reply, Room, Tool, Usage
from jumar.core.event import Answered, Noticed
from jumar.core.ledger import Artefacts
from jumar.core.proposal import Proposal
from jumar.rules.history import History
from jumar.study.handed import handed_in
from jumar.study.probing import TOOLS
from jumar.study.purse import OwnPurse
from jumar.study.retesting import RETEST
from jumar.study.thinking import LOOK_S, Inbox

Probing = Callable[[str, Mapping[str, Any]], "Future[str]"]
DEEDS = (*TOOLS, RETEST)  #: tools that take runs; all others only read


class StudyDesk:
    """Keeps the promises of `core.desk.Desk` for one question of a study, on any thread.

    `text`, `tools` and `replies` are as they were when the question was put. What is looked up is
    looked up on the loop's thread, in the study as it stands by then; and there a reply is written down.
    """

    def __init__(
        self,
        question: Question,
        text: str,
        archive: Callable[[], Archive],
        history: History,
        calls: tuple[Callable[[Answered | Noticed], None], Probing],
        places: tuple[Inbox, Artefacts, Event, OwnPurse],
    ) -> None:
        self._question, self._text, self._history = question, text, history
        self._answers = tuple(history.answers.get((places[-1].agent, question.strand), ()))
        self._archive = archive
        self._record, self._probe = calls
        self._inbox, self._artefacts, self._called_off, self._purse = places
        self._tools = (*archive().tools, *DEEDS)

    @property
    def text(self) -> str:
        return self._text

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._tools

    @property
    def called_off(self) -> Event:
        return self._called_off

    def ask(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if self._called_off.is_set():
            raise CalledOff
        if not any(tool == deed.name for deed in DEEDS):
            return self._inbox.call(lambda: self._archive().ask(tool, arguments))
        told = self._inbox.call(lambda: self._probe(tool, arguments))
        while not wait([told], LOOK_S).done:
            if self._called_off.is_set():
                raise CalledOff
        return told.result()

    @property
    def replies(self) -> tuple[Reply, ...]:
        return tuple(
            Reply(
                agent=answered.agent,
                request=answered.request,
                content=self._artefacts.get(answered.reply),
                usage=answered.usage,
            )
            for answered in self._answers
        )

    def handed_in(self) -> Proposal | None:
        return next(handed_in(self._history, self._artefacts), None)

    @property
    def room(self) -> Room:
        return self._purse.room

    def set_aside(self, most: Usage) -> AbstractContextManager[None]:
        return self._purse.set_aside(most, self._called_off)

    def keep(self, reply: Reply) -> None:
        answered = Answered(
            agent=reply.agent,
            request=reply.request,
            reply=self._artefacts.put(reply.content),  # here: megabytes of a transcript take a while
            usage=reply.usage,
            question=self._question,
        )
        self._inbox.call(lambda: self._record(answered))
        self._purse.take(reply.usage)

    def notice(self, words: str) -> None:
        self._inbox.call(lambda: self._record(Noticed(words=words)))
