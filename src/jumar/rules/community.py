"""Owns what the researchers of one study tell one another: notes, open questions, and who works on what."""

from __future__ import annotations

import msgspec

from jumar.core.agent import InHand, Puzzle
from jumar.core.event import Entry, Noted, Resumed, TakenUp

OUTSIDE = "external"  # the name by which researchers outside go


class Community(msgspec.Struct):
    """Folded from a study's entries. What is in hand may have expired: whoever reads it knows the time."""

    notes: list[str] = []
    in_hand: dict[str, InHand] = {}  #: key → what somebody has taken up
    puzzles: dict[int, Puzzle] = {}  #: number → open question, oldest first
    puzzled: int = 0
    of_controller: set[str] = set()  #: keys of what its own agents have taken up

    def apply(self, entry: Entry) -> None:
        """Take the next entry of the study."""
        match entry.event:
            case Noted(words=words, question=True):
                self.puzzle(OUTSIDE, words)
            case Noted(words=words, answers=answers):
                self.puzzles.pop(answers, None)
                self.notes.append(words)
            case TakenUp() as taken:
                self._take_up(taken, entry.at)
            case Resumed():  # whoever thought for the controller before this one thinks no more
                for key in self.of_controller:
                    self.in_hand.pop(key, None)
                self.of_controller.clear()

    def puzzle(self, who: str, words: str) -> None:
        """Somebody leaves a question open."""
        self.puzzled += 1
        self.puzzles[self.puzzled] = Puzzle(number=self.puzzled, who=who, words=words)

    def held(self, now: float, *, without: str = "") -> list[InHand]:
        """What is in hand at this time, oldest first, but for what was taken up under one key."""
        return [each for key, each in self.in_hand.items() if key != without and each.until > now]

    def _take_up(self, taken: TakenUp, at: float) -> None:
        self.in_hand.pop(taken.key, None)
        self.of_controller.discard(taken.key)
        if taken.until > at:
            self.in_hand[taken.key] = InHand(who=taken.who, words=taken.words, since=at, until=taken.until)
            if not taken.outside:
                self.of_controller.add(taken.key)
