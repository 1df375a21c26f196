"""The desk an agent thinks at: the brief as text, the archive, and a safe place for what was paid for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any

from jumar.core.desk import Archive, CalledOff, Question, Reply, Tool
from jumar.core.event import Answered
from jumar.core.ledger import Artefacts
from jumar.study.thinking import Inbox


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
        answers: Sequence[Answered],
        record: Callable[[Answered], None],
        places: tuple[Inbox, Artefacts, Event],
    ) -> None:
        self._question, self._text, self._answers = question, text, answers
        self._archive, self._record = archive, record
        self._inbox, self._artefacts, self._called_off = places
        self._tools = archive().tools

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
        return self._inbox.call(lambda: self._archive().ask(tool, arguments))

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

    def keep(self, reply: Reply) -> None:
        answered = Answered(
            agent=reply.agent,
            request=reply.request,
            reply=self._artefacts.put(reply.content),  # here: megabytes of a transcript take a while
            usage=reply.usage,
            question=self._question,
        )
        self._inbox.call(lambda: self._record(answered))
