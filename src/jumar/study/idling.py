"""Notices when a study only waits for proposals from outside: that is no time worked."""

from __future__ import annotations

import time

from jumar.core.event import Idled
from jumar.study.recorder import Recorder

# Whoever hands in the next proposal at once would fill the record with this otherwise.
AFTER_S = 2.0


class Idling:
    """Writes down where such a time begins, once it lasts, and where it ends."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._since: float | None = None
        self._is_noted = False

    def look(self, *, idle: bool) -> None:
        """Whether nothing runs, nothing waits and nobody thinks, as things are now."""
        if not idle:
            if self._is_noted:
                self._recorder.note(Idled(over=True))
            self.forget()
            return
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if not self._is_noted and now - self._since >= AFTER_S:
            self._recorder.note(Idled())
            self._is_noted = True

    def forget(self) -> None:
        """Look afresh: the study was paused meanwhile, and goes on."""
        self._since, self._is_noted = None, False
