"""What the threads of an executor tell whoever waits for runs."""

from __future__ import annotations

import queue
from typing import Generic, TypeVar

News = TypeVar("News")


class Mailbox(Generic[News]):
    """Filled by any thread, emptied by one."""

    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[News | Exception | None] = queue.SimpleQueue()

    def post(self, news: News | Exception) -> None:
        """Tell something; an exception is raised where it is heard."""
        self._posted.put(news)

    def wake(self) -> None:
        """Have whoever waits look up, with nothing to tell."""
        self._posted.put(None)

    def take(self, timeout_s: float) -> tuple[News, ...]:
        """All that was told by now; where nothing was, waits so long for the first."""
        found: list[News] = []
        try:
            told = self._posted.get(timeout=max(0.0, timeout_s))
            while True:
                if isinstance(told, Exception):
                    raise told
                found += [] if told is None else [told]
                told = self._posted.get_nowait()
        except queue.Empty:
            return tuple(found)
