"""Reads a study as its agents would be told of it now, without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from jumar.core.agent import Brief, KnobNow
from jumar.core.event import Entry
from jumar.core.experiment import BASELINE
from jumar.core.ledger import Artefacts
from jumar.core.workspace import Workspace
from jumar.errors import Usage
from jumar.rules.brief_text import brief_text
from jumar.rules.history import History
from jumar.rules.recollection import Recollection
from jumar.study.archive import StudyArchive
from jumar.study.brief import Briefing


class Reading(NamedTuple):
    """The brief of the next proposal, as value and as text, and the archive behind it."""

    brief: Brief
    text: str
    knobs: tuple[KnobNow, ...]
    recollection: Recollection
    archive: StudyArchive


class Reader:
    """Reads one study again and again; each time costs only what is new."""

    def __init__(
        self,
        briefing: Briefing,
        program: str,
        places: tuple[Workspace, Artefacts],
        knobs: Callable[[Brief], tuple[KnobNow, ...]],
    ) -> None:
        self._briefing, self._program, self._places, self._knobs = briefing, program, places, knobs
        self._recollection = Recollection()
        self.history = History(items=False)

    def read(self, entries: Iterable[Entry]) -> Reading:
        """Take in the entries after `history.last_seq`, and tell. Raises Usage before there is a baseline."""
        for entry in entries:
            self.history.apply(entry)
        baseline = self.history.experiments.get(BASELINE)
        if baseline is None or not baseline.is_kept:
            raise Usage(
                "there is no brief yet: the unchanged target has not been measured",
                fix="`jumar run` measures it first; `jumar status` says how far that is",
            )
        brief = self._briefing.write(self.history, self._program)
        knobs, recollection = self._knobs(brief), self._recollection.read(brief.history)
        veil = self._briefing.veil(self.history)
        archive = StudyArchive(brief, veil, self._places, knobs, recollection)
        return Reading(brief, brief_text(brief, recollection, knobs), knobs, recollection, archive)
