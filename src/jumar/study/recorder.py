"""The study's memory: the ledger on disk and the history in hand, always the same."""

from __future__ import annotations

from jumar.core.event import Asked, Entry, Event, HandedIn, Heard, Idled, Noted, TakenUp
from jumar.rules.history import History
from jumar.study.parts import Parts


class Recorder:
    """Notes what happens and writes it down before anything is done because of it.

    `note` changes the history at once; `commit` makes everything noted since the last commit
    durable in one transaction. Whoever starts a run, moves a ref or returns commits first. Two
    waits for the disk per experiment instead of four.
    """

    def __init__(self, parts: Parts) -> None:
        self.history = History(items=False)
        self._parts = parts
        self._pending: list[Event] = []
        self._polled = 0
        for entry in parts.ledger.entries(parts.name):
            self.history.apply(entry)
            self._polled = entry.seq

    def note(self, *events: Event) -> None:
        """Take events into the history; they become durable with the next `commit`."""
        for event in events:
            self.history.apply(
                Entry(
                    seq=self.history.last_seq + 1,
                    at=self._parts.now(),
                    study=self._parts.name,
                    event=event,
                    digest="",
                )
            )
            self._pending.append(event)

    def commit(self) -> None:
        """Write what was noted. Raises LedgerUnfit when it cannot be, and then nothing was."""
        if self._parts.jumped():
            # Before all that waits: the ledger gives it the time of now, and nobody worked up to that.
            self.note(Idled(over=True, jumped=True))
            self._pending.insert(0, self._pending.pop())
        if not self._pending:
            return
        events, self._pending = self._pending, []
        for entry in self._parts.ledger.append(self._parts.name, *events):
            self._parts.observe(entry)

    def asked(self) -> dict[int, Asked]:
        """What people asked for since the last look, by entry; what else others wrote down is taken in."""
        wishes = {}
        for entry in self._parts.ledger.entries(self._parts.name, after=self._polled):
            self._polled = entry.seq
            if _is_others(entry.event):
                self.history.apply(entry)
                self._parts.observe(entry)
            if isinstance(entry.event, Asked):
                wishes[entry.seq] = entry.event
        return wishes


def _is_others(event: Event) -> bool:
    """Whether another process wrote it down."""
    return isinstance(event, Asked | HandedIn | Heard | Noted) or (
        isinstance(event, TakenUp) and event.outside
    )
