"""Owns what counts as time worked: a controller had the study, nobody had paused it, and it had work."""

from __future__ import annotations

import msgspec

from jumar.core.event import Asked, Entry, HandedIn, Heard, Idled, Noted, Rested, Resumed, TakenUp, Wish


class Worked(msgspec.Struct):
    """The seconds that a study was worked on, told entry by entry.

    A controller that was killed had the study until its last word; how long it lived after that,
    nobody knows, and it counts for nothing. A clock that is set back takes nothing away, and one that is set
    on, or goes on while the machine sleeps, adds nothing.
    """

    seconds: float = 0.0
    since: float | None = None  #: up to where they are counted, while a controller has the study

    def apply(self, entry: Entry) -> None:
        """Take the next entry of the study."""
        match entry.event:
            case Resumed():  # whoever takes up knows nothing of the time before
                self.since = entry.at
            case Idled(jumped=True):
                self.since = None if self.since is None else entry.at
            case Rested() | Asked(wish=Wish.PAUSE) | Idled(over=False):
                self.heard(entry.at)
                self.since = None
            case Asked(wish=Wish.RESUME) | Idled():
                self.since = entry.at if self.since is None else self.since
            # By another process: no sign that the controller lives.
            case Asked() | HandedIn() | Heard() | Noted() | TakenUp(outside=True):
                pass
            case _:
                self.heard(entry.at)

    def heard(self, at: float) -> None:
        """The controller was alive at this time, if one has the study."""
        if self.since is not None:
            self.seconds, self.since = self.until(at), at

    def until(self, now: float) -> float:
        """Seconds worked until `now`, with a controller that is alive."""
        return self.seconds + (max(0.0, now - self.since) if self.since is not None else 0.0)
