"""Everything that can happen in a study. The ledger is a chain of these; tables are drawn from it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from jumar.core.desk import Question, Usage
from jumar.core.experiment import Experiment
from jumar.core.hearsay import Hearsay
from jumar.core.job import ExitReport
from jumar.core.machine import Circumstances
from jumar.core.outcome import Outcome
from jumar.core.probe import Probe, probe_in_words
from jumar.core.run import Run
from jumar.core.verdict import Claim, Verdict


class Wish(enum.Enum):
    """What a person can ask of a running study."""

    PAUSE = "pause"  #: start nothing new; finish what runs
    RESUME = "resume"
    STOP = "stop"  #: certify nothing, end; what runs is finished, unless the words say AT_ONCE
    TELL = "tell"  #: words for the agents
    CERTIFY = "certify"
    PROBE = "probe"  #: a sweep or a profile; the words are JSON
    PROBE_BEYOND = "probe beyond"  #: the same, whatever it takes
    RETEST = "retest"  #: try an experiment again on the champion; the words are its number
    ADOPT = "adopt"  #: try what another ledger claims; the words are its name, and the digest of a proposal
    APPROVE = "approve"  #: keep what waits for a person; the words are its number, and why
    REJECT = "reject"  #: do not keep it; the same


AT_ONCE = "now"  #: said with Wish.STOP: what runs is ended, and made again when the study goes on


class StudyStarted(msgspec.Struct, frozen=True, kw_only=True, tag="study_started"):
    """The terms of a study. Never changes afterwards."""

    base: str  #: commit the contract and the unchanged target are pinned to
    contract: str  #: text of jumar.toml as pinned
    scale: str
    agent: str  #: as the user named it; of several, with their shares, in words
    secret: str  #: hex; seeds are derived from it, so no candidate can know them beforehand
    sandbox: str
    promises: tuple[str, ...] = ()  #: what that sandbox keeps
    waived: tuple[str, ...] = ()  #: promises the contract needs and the user chose to do without
    machine: Mapping[str, Any] = {}
    agents: Mapping[str, float] = {}  #: where there are several: each as the user named it, and its share
    jumar: str = ""  #: version that started it

    @property
    def shares(self) -> Mapping[str, float]:
        """Every agent as the user named it, and its share."""
        return self.agents or {self.agent: 1.0}


class Proposed(msgspec.Struct, frozen=True, kw_only=True, tag="proposed"):
    """An experiment entered the record."""

    experiment: Experiment
    answered_usd: float = 0.0  #: the part of its cost that entries of answers have counted already
    strand: int = 0  #: of its agent: which of the questions that it thought about at once this answers


class Rebased(msgspec.Struct, frozen=True, kw_only=True, tag="rebased"):
    """The champion moved while an experiment waited for its first run: its change now starts from there.

    The number stays, so that none of the contract's experiments is used up. What it was before stays in
    the record of its proposal, and in git.
    """

    experiment: Experiment  #: as it is from now on

    @property
    def words(self) -> str:
        """What happened, on one line."""
        return f"#{self.experiment.number} waits, and starts from the new champion now"


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """A model answered an agent. Written before the answer is used: it is paid for.

    It counts towards the agent's next experiment. `reply` is the digest of what was answered, which
    is kept beside the ledger.
    """

    agent: str
    request: str
    reply: str
    usage: Usage
    question: Question | None = None  #: which the agent was answering; None in older records


class Thought(msgspec.Struct, frozen=True, kw_only=True, tag="thought"):
    """An agent thought, and no experiment came of it: it failed, was called off, or had nothing left.

    What the machine waited counts towards the agent's next experiment, as what it was answered does.
    """

    agent: str
    waited_s: float  #: as in `core.proposal.Cost`
    nothing: bool = False  #: it said that there is nothing left to propose
    strand: int = 0  #: as in `Proposed`


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, tag="run_started"):
    """A run is about to be started. Written first, so that a crash cannot hide it."""

    run: Run


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag="run_ended"):
    """A run has its outcome."""

    key: str
    outcome: Outcome
    report: ExitReport | None = None
    artefacts: Mapping[str, str] = {}


class RunLost(msgspec.Struct, frozen=True, kw_only=True, tag="run_lost"):
    """A run will never have an outcome, through no fault of its own; it may be done again."""

    key: str
    reason: str


class Judged(msgspec.Struct, frozen=True, kw_only=True, tag="judged"):
    """The verdict on an experiment. A keep moves the champion to the experiment's commit."""

    experiment: int
    verdict: Verdict


class Held(msgspec.Struct, frozen=True, kw_only=True, tag="held"):
    """The judge would keep an experiment, and a person has to approve that first.

    It waits without runs, until that person's word, or until another champion makes it be tried anew.
    """

    experiment: int
    verdict: Verdict  #: as it is recorded where they approve


class Certified(msgspec.Struct, frozen=True, kw_only=True, tag="certified"):
    """A certification came to its end, one way or the other."""

    claim: Claim


class Refuted(msgspec.Struct, frozen=True, kw_only=True, tag="refuted"):
    """A keep is taken back: a certification refuted it, or its own runs went on failing.

    The champion is again what that keep was built on.
    Of several keeps that fall together the newest is refuted first, in one transaction.
    """

    experiment: int
    champion: int  #: who is champion again
    commit: str  #: that one's
    claim: Claim | None = None  #: what was certified of that one
    reason: str


class Revisited(msgspec.Struct, frozen=True, kw_only=True, tag="revisited"):
    """The champion was run anew, to see whether it is still what it was."""

    experiment: int  #: the champion's
    runs: int  #: places (`Run.pair`) that its revisits have used by now, this one included
    moved: bool = False  #: what it measured before counts no more, as the machine gives other numbers now
    reason: str


class HandedIn(msgspec.Struct, frozen=True, kw_only=True, tag="handed_in"):
    """A proposal came from outside, and waits for its turn. The entry's place in the chain is its ticket.

    The experiment that it becomes names the ticket in its details.
    """

    proposal: str  #: digest of the proposal, which is kept beside the ledger
    tree: str  #: identity of the editable files with it, for the check against duplicates
    hypothesis: str


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag="noted"):
    """A researcher outside noted something, for itself and for whoever proposes next."""

    words: str
    question: bool = False  #: it asks: an open question, until somebody answers it
    answers: int = 0  #: number of the open question that it answers


class TakenUp(msgspec.Struct, frozen=True, kw_only=True, tag="taken_up"):
    """Somebody works on an idea of which nothing is handed in yet: others think of something else.

    One with the same key takes its place; `until` 0 puts it down. What is neither put down nor taken up
    again by then is nobody's any more: whoever held it may be dead.
    """

    key: str
    who: str
    words: str = ""  #: what about, where that is said
    until: float = 0.0  #: seconds since the epoch
    outside: bool = False  #: by another process than the controller, with whose agents theirs end


class Heard(msgspec.Struct, frozen=True, kw_only=True, tag="heard"):
    """Another ledger claims a gain, or takes one back. Nothing was measured here: it may be adopted."""

    hearsay: Hearsay


class Probed(msgspec.Struct, frozen=True, kw_only=True, tag="probed"):
    """A probe came to its end, or was refused."""

    asked: int = 0  #: entry of the wish, where one asked for it; 0: an agent did
    probe: Probe | None = None  #: None when it was refused
    runs: tuple[str, ...] = ()  #: keys
    answer: str = ""  #: digest of what was told, which is kept beside the ledger
    trouble: str = ""  #: why it was refused
    fix: str = ""

    @property
    def words(self) -> str:
        """What was looked at, or why nothing was, on one line."""
        return (
            f"no look was made: {self.trouble}"
            if self.trouble
            else probe_in_words(self.probe, len(self.runs))
        )


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag="asked"):
    """A person asked for something while the study was running or at rest."""

    wish: Wish
    words: str = ""


class Noticed(msgspec.Struct, frozen=True, kw_only=True, tag="noticed"):
    """Something the reader of the record should know (a metric without noise, a branch that stays behind)."""

    words: str


class Idled(msgspec.Struct, frozen=True, kw_only=True, tag="idled"):
    """Nothing runs and nobody thinks: proposals from outside are waited for, which is no time worked."""

    over: bool = False  #: something came
    jumped: bool = False  #: the clock was set or stood still: what has passed by it was not worked


class Resumed(msgspec.Struct, frozen=True, kw_only=True, tag="resumed"):
    """A controller took the study up, for the first time or again."""

    pid: int
    host: str
    under: Circumstances | None = None  #: of the runs to come; None where they differ, and in older records


class Rested(msgspec.Struct, frozen=True, kw_only=True, tag="rested"):
    """The controller stopped and said why. `finished` when a limit of the contract was reached."""

    reason: str
    finished: bool


Event = (
    StudyStarted
    | Answered
    | Thought
    | Proposed
    | Rebased
    | RunStarted
    | RunEnded
    | RunLost
    | Judged
    | Held
    | Certified
    | Refuted
    | Revisited
    | HandedIn
    | Noted
    | TakenUp
    | Heard
    | Probed
    | Asked
    | Noticed
    | Idled
    | Resumed
    | Rested
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place in the chain.

    `digest` is the SHA-256 (hex) over the previous entry's digest, `seq`, `at`, `study` and the
    event's JSON bytes, in that order; the ledger's docstring gives the exact form.
    """

    seq: int  #: counts from 1 in each ledger, without gaps
    at: float  #: seconds since the epoch
    study: str
    event: Event
    digest: str
