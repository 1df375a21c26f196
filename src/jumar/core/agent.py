"""What proposes, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from jumar.core.contract import Contract
from jumar.core.desk import Desk
from jumar.core.experiment import ExperimentRecord
from jumar.core.hearsay import Hearsay
from jumar.core.proposal import Proposal

NOTHING_LEFT = "the agent has nothing left to propose"  #: why a study rests when there are no ideas


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    """An idea that somebody works on, and of which nothing is handed in yet."""

    who: str
    words: str = ""  #: what about, where that is said
    since: float
    until: float  #: then it is nobody's any more, unless it is taken up again


class Puzzle(msgspec.Struct, frozen=True, kw_only=True):
    """A question that somebody left open for whoever proposes next."""

    number: int
    who: str
    words: str


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is told for one proposal; made afresh each time from the ledger.

    `history` is every experiment of the study, oldest first, open ones and the baseline included.
    `refusals` says why earlier attempts at this very proposal were refused. `chance` is a number
    to draw randomness from: the same brief gives the same proposal.
    """

    study: str
    number: int  #: of the experiment that is to be proposed
    contract: Contract
    program: str
    parent: str  #: commit that the edits will apply to
    files: Mapping[str, bytes]  #: its editable files
    value: float  #: the champion's, mean of fresh runs
    noise: float  #: standard deviation between runs, in the metric's unit; 0 when there is none
    history: Sequence[ExperimentRecord]
    chance: int
    refusals: tuple[str, ...] = ()
    strand: int = 0  #: which of the things that its agent thinks about at once this is
    messages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  #: what researchers outside wrote down, oldest first
    #: Number of the experiment whose change is in `files` beside the champion's: the next edits go on top of
    #: it, and are judged together with it. None: the files are the champion's.
    view: int | None = None
    at: float = 0.0  #: seconds since the epoch; 0 where ages are not told
    in_hand: tuple[InHand, ...] = ()  #: by others, beside the open experiments; oldest first
    puzzles: tuple[Puzzle, ...] = ()  #: open questions, oldest first
    hearsay: tuple[
        Hearsay, ...
    ] = ()  #: gains that other ledgers claim and nobody tried here, the largest first


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a knob's range, and what came of the experiments that had it there."""

    values: str  #: in words
    measured: int = 0
    mean: float | None = (
        None  #: how far above the champion they stood, in the metric's unit; None if unmeasured
    )
    best: float | None = None
    lost: Mapping[str, int] = {}  #: why → how many of those that gave no number


class KnobNow(msgspec.Struct, frozen=True, kw_only=True):
    """A knob of the champion: what it stands at, between what it may be turned, and what was seen there.

    Other knobs were turned as well in what `seen` speaks of, so it shows where to look and proves nothing.
    """

    name: str
    value: bool | int | float | str
    range: str  #: in words
    seen: tuple[Stretch, ...] = ()


class Agent(Protocol):
    """Proposes at once; never runs, judges or records.

    The same brief gives the same proposal. It keeps nothing that it could not rebuild from a brief,
    so a study can be taken up again by a fresh one.
    """

    name: str
    repeats: bool  #: may propose what was tried before (for calibration: nop, replay)

    def propose(self, brief: Brief) -> Proposal | None:
        """The next idea, or None when there is nothing left to try."""
        ...


@runtime_checkable
class Researcher(Protocol):
    """Proposes after thinking, which takes time and may cost money; never runs, judges or records.

    It may be called on any thread, once at a time, and bounds its own time. It keeps each reply that
    was paid for at its desk before using it, and keeps nothing else between two calls that it could
    not do without: a fresh one goes on from the brief and the desk.
    """

    name: str
    repeats: bool

    def research(self, brief: Brief, desk: Desk) -> Proposal | None:
        """The next idea, or None when there is nothing left to try.

        Raises Breach for an idea that cannot be expressed as edits (it is told so and asked again, a
        few times), and AgentFailed when there will be no idea: `passing` says whether asking again
        later may help.
        """
        ...


@runtime_checkable
class Concurrent(Protocol):
    """A researcher that may be called again while it thinks, on other threads.

    Its desks tell its thoughts apart: each has the replies to its own question alone.
    """

    strands: int  #: how many questions it may think about at once


@runtime_checkable
class Waiter(Protocol):
    """A researcher that thinks nothing itself and only waits for others: to call it off loses nothing."""

    waits_for: str  #: whom or what, in words


AnyAgent = Agent | Researcher


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """Several agents on one study, each by the name it signs with, and how much each is asked for.

    `polisher` turns the knobs of code changes that nearly won: it is told their files as if they were
    the champion's. It need not be a member.
    """

    members: Mapping[str, AnyAgent]
    shares: Mapping[str, float]
    polisher: Agent | None = None
    roles: Mapping[str, str] = {}  #: name → the role that it was given, if any
    polish: int = 0  #: trials that it is given for each of them
    nearby: float = 0.0  #: share of the proposals of `explorers` that start from a near miss
    explorers: frozenset[str] = frozenset()  #: names of those who are at times shown one
    bandit: bool = False  #: shares move towards those whose proposals gain most for what they take
