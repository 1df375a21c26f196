"""Owns what the researchers of one study tell one another: notes, open questions, and who works on what."""

from __future__ import annotations

from jumar.core.agent import InHand, Puzzle
from jumar.core.event import Entry, Noted, Resumed, TakenUp

OUTSIDE = "external"  # the name by which researchers outside go


class Community:
    """Folded from a study's entries. What is in hand may have expired: whoever reads it knows the time."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.in_hand: dict[str, InHand] = {}  # key → what somebody has taken up
        self.puzzles: dict[int, Puzzle] = {}  # number → open question, oldest first
        self._puzzled = 0
        self._of_controller: set[str] = set()  # keys of what its own agents have taken up

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
                for key in self._of_controller:
                    self.in_hand.pop(key, None)
                self._of_controller.clear()

    def puzzle(self, who: str, words: str) -> None:
        """Somebody leaves a question open."""
        self._puzzled += 1
        self.puzzles[self._puzzled] = Puzzle(number=self._puzzled, who=who, words=words)

    def held(self, now: float, *, without: str = "") -> list[InHand]:
        """What is in hand at this time, oldest first, but for what was taken up under one key."""
        return [each for key, each in self.in_hand.items() if key != without and each.until > now]

    def _take_up(self, taken: TakenUp, at: float) -> None:
        self.in_hand.pop(taken.key, None)
        self._of_controller.discard(taken.key)
        if taken.until > at:
            self.in_hand[taken.key] = InHand(who=taken.who, words=taken.words, since=at, until=taken.until)
            if not taken.outside:
                self._of_controller.add(taken.key)
