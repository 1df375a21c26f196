"""A synthetic landscape of ideas for simulated researchers, and what a target with some of them measures.

Every idea is a file that is there or not, so that any two can be merged. The noise between runs is 1
and effects are in its unit; smaller is better.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import NamedTuple

from jumar.core.agent import Brief
from jumar.core.proposal import Edit, Proposal

START = 1000.0
FAMILY = 8  # ideas that are about the same thing
SHARED = 0.66  # correlation of two commits on one seed, as measured on tinylm
FOLDER, IDEA = "ideas", "idea"
NEXT_FEW = 16


class Terms(NamedTuple):
    """Shares of ideas that harm, do nothing, or wait for another one; mean gains of the rest."""

    name: str
    harmful: float
    null: float
    gain: float  #: mean of what helps alone
    joint: float = 0.0  #: share of families with two ideas that help together only
    joint_gain: float = 6.0  #: mean of that
    overlap: float = 0.0  #: share of families in which a second gain adds nothing to the first
    ideas: int = 2400


TERMS = (
    Terms("null", 0.0, 1.0, 1.0),
    Terms("additive", 0.70, 0.25, 2.0),
    Terms("overlapping", 0.70, 0.20, 2.0, overlap=0.5),
    Terms("interacting", 0.70, 0.28, 2.0, joint=0.3),
)


class Landscape:
    """What each idea does, alone and with others. The same chance gives the same landscape."""

    def __init__(self, terms: Terms, chance: int) -> None:
        dice = random.Random(f"{terms.name}/{chance}")
        self.terms, self._chance = terms, chance
        self._alone = [_effect(terms, dice) for _ in range(terms.ideas)]
        self._partner: dict[int, tuple[int, float]] = {}
        self._overlaps: set[int] = set()
        for family in range(terms.ideas // FAMILY):
            if dice.random() < terms.overlap:
                self._overlaps.add(family)
            if dice.random() < terms.joint:
                one, other = sorted(dice.sample(range(FAMILY * family, FAMILY * (family + 1)), 2))
                self._alone[one] = self._alone[other] = dice.uniform(0.0, 1.0)
                self._partner[one] = (other, dice.expovariate(1 / terms.joint_gain))
        # Everybody thinks of the same things first.
        self.order = dice.sample(range(terms.ideas), terms.ideas)

    def mean(self, ideas: frozenset[int]) -> float:
        """What a target with these ideas measures on average."""
        total, best = START, dict[int, float]()
        for idea in ideas:
            effect = self._alone[idea]
            if effect < 0 and idea // FAMILY in self._overlaps:
                best[idea // FAMILY] = min(effect, best.get(idea // FAMILY, 0.0))
                continue
            total += effect
            other, gain = self._partner.get(idea, (-1, 0.0))
            total -= gain if other in ideas else 0.0
        return total + sum(best.values())

    def run(self, ideas: frozenset[int], seed: int, key: str) -> float:
        """One run: luck that a seed shares with every commit, and luck of its own."""
        luck = random.Random(f"{self._chance}/{seed}").gauss(0, 1)
        own = random.Random(f"{self._chance}/{seed}/{key}").gauss(0, 1)
        return self.mean(ideas) + math.sqrt(SHARED) * luck + math.sqrt(1 - SHARED) * own


def _effect(terms: Terms, dice: random.Random) -> float:
    draw = dice.random()
    if draw < terms.harmful:
        return abs(dice.gauss(0, 4))
    return 0.0 if draw < terms.harmful + terms.null else -dice.expovariate(1 / terms.gain)


def path_of(idea: int) -> str:
    """The file that an idea is."""
    return f"{FOLDER}/{idea}.txt"


def ideas_in(paths: Iterable[str]) -> frozenset[int]:
    """The ideas that a folder with these files has."""
    return frozenset(
        int(path.rpartition("/")[2].removesuffix(".txt")) for path in paths if path.startswith(FOLDER)
    )


class Community(NamedTuple):
    """How researchers behave, whom the simulation compares."""

    hears: bool = True  #: of what others have in hand
    focus: float = 0.5  #: how often one who starts from another's change goes on with what that is about


class Thinker:
    """Proposes the idea that comes to everybody's mind first, among those it has not heard of.

    It keeps what it read of the history, and could read it again.
    """

    repeats = False

    def __init__(self, landscape: Landscape, community: Community, name: str = "thinker") -> None:
        self.name = name
        self._landscape, self._community = landscape, community
        self._known: set[int] = set()
        self._open: list[int] = []  # numbers, for whoever hears of them only when they are judged
        self._read = self._next = 0

    def propose(self, brief: Brief) -> Proposal | None:
        """An idea that is not in the files, and was not tried as far as it has heard."""
        self._hear(brief)
        idea = self._pick(brief, ideas_in(brief.files), random.Random(brief.chance))
        if idea is None:
            return None
        return Proposal(
            hypothesis=f"idea {idea}",
            edits=(Edit(path=path_of(idea), content=b"1"),),
            agent=self.name,
            details={IDEA: idea},
        )

    def _pick(self, brief: Brief, there: frozenset[int], dice: random.Random) -> int | None:
        if brief.view is not None and dice.random() < self._community.focus:
            family = int(brief.history[brief.view].experiment.details[IDEA]) // FAMILY
            return dice.choice(
                [idea for idea in range(FAMILY * family, FAMILY * (family + 1)) if idea not in there]
            )
        order = self._landscape.order
        while self._next < len(order) and order[self._next] in self._known:
            self._next += 1
        # Of the next few that come to mind: no two people think in quite the same order.
        few, place = list[int](), self._next
        while len(few) < NEXT_FEW and place < len(order):
            if order[place] not in self._known and order[place] not in there:
                few.append(order[place])
            place += 1
        return dice.choice(few) if few else None

    def _hear(self, brief: Brief) -> None:
        self._open += range(self._read, len(brief.history))
        self._read = len(brief.history)
        heard = [n for n in self._open if self._community.hears or not brief.history[n].is_open]
        self._known.update(int(brief.history[n].experiment.details.get(IDEA, -1)) for n in heard)
        self._open = sorted({*self._open}.difference(heard))
