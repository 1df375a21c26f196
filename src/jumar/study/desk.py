"""The desk an agent thinks at: the brief as text, the archive, and a safe place for what was paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jumar.core.desk import Archive, Reply, Tool
from jumar.core.event import Answered
from jumar.core.ledger import Artefacts, Ledger


class StudyDesk:
    """Keeps the promises of `core.desk.Desk` for one proposal of a study.

    Replies go into the record at once and not through the loop's recorder, which is not for other
    threads; the loop hears of them like of any other process's entries.
    """

    def __init__(
        self,
        study: str,
        text: str,
        archive: Archive,
        answers: Sequence[Answered],
        places: tuple[Ledger, Artefacts],
    ) -> None:
        self._study, self._text, self._archive = study, text, archive
        self._answers = answers
        self._ledger, self._artefacts = places

    @property
    def text(self) -> str:
        return self._text

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self._archive.tools

    def ask(self, tool: str, arguments: Mapping[str, Any]) -> str:
        return self._archive.ask(tool, arguments)

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
        digest = self._artefacts.put(reply.content)
        self._ledger.append(
            self._study,
            Answered(agent=reply.agent, request=reply.request, reply=digest, usage=reply.usage),
        )
