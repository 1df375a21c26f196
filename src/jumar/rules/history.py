"""What has happened in a study so far, folded from its entries one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from msgspec.structs import replace

from jumar.core.desk import Question
from jumar.core.event import (
    Answered,
    Asked,
    Certified,
    Entry,
    HandedIn,
    Heard,
    Held,
    Judged,
    Noted,
    Probed,
    Proposed,
    Rebased,
    Refuted,
    Rested,
    Resumed,
    Revisited,
    RunEnded,
    RunLost,
    RunStarted,
    StudyStarted,
    TakenUp,
    Thought,
    Wish,
)
from jumar.core.evidence import Noise
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.machine import Circumstances
from jumar.core.outcome import Measured
from jumar.core.probe import Probe
from jumar.core.proposal import PUZZLE, TICKET
from jumar.core.run import Purpose, RunRecord
from jumar.core.verdict import Claim, Decision, Verdict
from jumar.rules import approval
from jumar.rules.community import Community
from jumar.rules.experiments import Experiments
from jumar.rules.hearsay import Elsewhere
from jumar.rules.limits import Spent
from jumar.rules.means import Means
from jumar.rules.revival import repeats, revived, waited_as
from jumar.rules.simpler import Allowance
from jumar.rules.worked import Worked

Strand = tuple[str, int]  # an agent, and which of the questions that it thinks about at once


class Pooled(NamedTuple):
    """The noise after the first `done` of the experiments that were judged after pairs of runs."""

    done: int
    noise: Noise
    unlearnt: int | None = None  #: a keep that led to where it is another, with too few runs to tell
    elsewhere: Mapping[int, Sequence[float]] = {}  #: keeps that led to where it may be → their own values
    holds: bool = True  #: False: something happened since that may have changed these


class Keeps(NamedTuple):
    """What a study's keeps come to; computed once for each champion."""

    gains: int  #: keeps that stand and gained something
    largest: float  #: of their gains, as `rules/quarantine.py` counts
    allowed: Allowance


class History:
    """A study as it stands. `apply` takes the next entry; everything else reads.

    Cost of an entry does not grow with the study: a turn at experiment 10,000 is as cheap as one
    at 10. What single items measured is kept of judged experiments too only where `items` says so.
    """

    def __init__(self, *, items: bool = True) -> None:
        self.terms: StudyStarted | None = None
        self.experiments = Experiments(items=items)
        self.champion = BASELINE
        self.claims: list[Claim] = []
        self.messages: list[str] = []
        self.open: dict[int, None] = {}  # numbers without a verdict, oldest first
        self.held: dict[int, Verdict] = {}  # keeps that wait for a person, oldest first
        self.ruled: dict[int, Asked] = {}  # what was said of some of those
        self.judged = 0  # proposals with a verdict, without those that were withdrawn
        self.kept: list[int] = []  # refuted ones too
        self.since_keep = 0
        self.unseen = 0  # experiments that ran and were judged since the champion last gave a number
        self.crashes = 0  # experiments in a row that gave none
        self.doubted = False  # the champion was last seen far off its record
        self.under: Circumstances | None = None  # of the runs to come, where that is known
        self.revisited: dict[int, int] = {}  # experiment → how many places its revisits have used
        self.cost_usd = 0.0
        self.spent: dict[str, Spent] = {}  # on each agent; replaced, never changed
        self.answers: dict[
            Strand, list[Answered]
        ] = {}  # what its agent was answered since its last experiment
        self.handed: dict[int, HandedIn] = {}  # ticket → what waits; replaced, never changed
        self.became: dict[int, int] = {}  # ticket → experiment; of what was tried again, the latest
        self.community = Community()
        self.questions: dict[Strand, Question] = {}  # the one that its latest answers are about
        self.returned: dict[str, dict[int, str]] = {}  # agent → experiment that was withdrawn → why
        self.looks: list[Probe] = []  # that others than agents asked for since the latest experiment
        self.retests: dict[int, int] = {}  # entry that asks for it, or `revived` → experiment to try again
        self.elsewhere = Elsewhere()
        self.waits: dict[Strand, float] = {}  # seconds waited for it since its last experiment
        self.last_seq = 0
        self.finished = False  # a limit of the contract ended the last sitting
        self.tested: dict[int, int] = {}  # experiment → its place in the order of first confirmations
        self.paired: list[int] = []  # experiments that were judged after pairs of runs
        self.pooled: Pooled | None = None
        self.keeps: Keeps | None = None  # computed when somebody asks
        self.trees: dict[str, int] = {}  # identity of the editable files → first experiment with it
        self._worked = Worked()

    def apply(self, entry: Entry) -> None:
        """Take the next entry of this study."""
        self.last_seq = entry.seq
        self._worked.apply(entry)
        match entry.event:
            case StudyStarted() as terms:
                self.terms = terms
            case Rested(finished=finished):
                self.finished = finished
            case Asked() as asked:
                self._ask(entry.seq, asked)
            case Answered() | Thought() as event:
                self._apply_to_agent(event)
            case HandedIn() as handed:
                self.handed = {**self.handed, entry.seq: handed}
            case Heard(hearsay=hearsay):
                self.elsewhere.claims[hearsay.name] = hearsay
            case Noted() | TakenUp():
                self.community.apply(entry)
            case Resumed(under=under):
                self.under = under
                self.community.apply(entry)
            case Certified(claim=claim):
                self.claims.append(claim)
            case _:
                self._apply_to_experiment(entry)

    def _ask(self, seq: int, asked: Asked) -> None:
        match asked:
            case Asked(wish=Wish.TELL, words=words):
                self.messages.append(words)
            case Asked(wish=Wish.RETEST, words=words) if words.isdecimal():
                number = int(words)
                if not repeats(number, self.experiments, self.champion, self.retests.values()):
                    self.retests[seq] = number
            case Asked(wish=Wish.ADOPT, words=words):
                self.elsewhere.waiting[seq] = words
            case Asked(wish=Wish.APPROVE | Wish.REJECT):
                self._rule(asked)

    def _rule(self, asked: Asked) -> None:
        number, why = approval.read_words(asked.words)
        if number in self.held:
            self.ruled[number] = asked
            if asked.wish is Wish.REJECT and why:
                self.messages.append(f"experiment {number} was better, and I reject it: {why}")

    def _apply_to_agent(self, event: Answered | Thought) -> None:
        match event:
            case Answered(agent=agent, usage=usage, question=question):
                strand = (agent, question.strand if question else 0)
                self.answers.setdefault(strand, []).append(event)
                self.cost_usd += usage.usd
                self._spend(agent, usage.usd, usage.tokens)
                if question:
                    self.questions[strand] = question
            case Thought(agent=agent, waited_s=waited_s, nothing=nothing, strand=number):
                strand = (agent, number)
                self.waits[strand] = self.waits.get(strand, 0.0) + waited_s
                if nothing:
                    self.questions.pop(strand, None)

    def _apply_to_experiment(self, entry: Entry) -> None:
        match entry.event:
            case Proposed(experiment=experiment, answered_usd=answered_usd, strand=strand):
                usd, of = experiment.cost.usd - answered_usd, (experiment.agent, strand)
                self.cost_usd += usd
                tokens = experiment.cost.tokens - self._answered_tokens(experiment, of)
                self._spend(experiment.agent, usd, tokens)
                self._enter(experiment, of, entry.at)
            case Rebased(experiment=experiment):
                self._rebase(experiment)
            case RunStarted() | RunEnded() | RunLost() | Probed():
                self._apply_to_run(entry)
            case Refuted(experiment=number, champion=champion, reason=reason):
                self.champion = champion
                self.experiments[number] = replace(self.experiments[number], refuted=reason)
                self.retests |= revived(self.experiments.values(), self.experiments[number])
                self._doubt_noise()  # relearnt where it led, it is of no use any more
                self._meet_champion()
            case Revisited(experiment=number, runs=runs, moved=moved):
                if moved:
                    self.experiments.forget_before(number, self.revisited.get(number, 0))
                self.revisited[number] = runs
                self._doubt_noise()  # its runs count where that is learnt anew
            case Held() | Judged():
                self._apply_verdict(entry)

    def _apply_verdict(self, entry: Entry) -> None:
        match entry.event:
            case Held(experiment=number, verdict=verdict):
                self.experiments[number] = replace(self.experiments[number], held=verdict)
                self.open.pop(number, None)
                self.held[number] = verdict
                self.since_keep = 0  # the search is on no plateau
            case Judged(experiment=number, verdict=verdict):
                record = self.experiments[number]
                self.experiments.judge(replace(record, verdict=verdict, judged_at=entry.at, held=None))
                for waiting in (self.open, self.held, self.ruled):
                    waiting.pop(number, None)
                if any(run.run.purpose is Purpose.CONFIRM for run in record.runs):
                    self.paired.append(number)
                if number != BASELINE:
                    self._count(number, verdict)

    def _apply_to_run(self, entry: Entry) -> None:
        match entry.event:
            case RunStarted(run=run):
                if run.purpose is Purpose.CONFIRM:
                    self.tested.setdefault(run.experiment, len(self.tested) + 1)
                self.experiments.start(RunRecord(run=run, started_at=entry.at))
            case RunEnded(key=key, outcome=outcome, report=report, artefacts=artefacts):
                ended = self.run(key)
                self.experiments.end(
                    replace(ended, ended_at=entry.at, outcome=outcome, report=report, artefacts=artefacts)
                )
                champion = self.experiments.get(self.champion)  # who reads one experiment alone has none
                if (
                    champion
                    and ended.run.purpose is not Purpose.PROBE
                    and isinstance(outcome, Measured)
                    and ended.run.commit == champion.experiment.commit
                ):
                    self.unseen = 0
                    self.doubted = self.doubted and ended.run.purpose is not Purpose.REVISIT
            case Probed(asked=asked, probe=probe) if asked and probe:
                self.looks.append(probe)
            case RunLost(key=key, reason=reason):
                self.experiments.end(replace(self.run(key), ended_at=entry.at, lost=reason))

    def _spend(self, agent: str, usd: float, tokens: int) -> None:
        self.spent = {**self.spent, agent: self.spent.get(agent, Spent()).plus(usd, tokens)}

    def _answered_tokens(self, experiment: Experiment, strand: Strand) -> int:
        """What of an experiment's tokens its agent's answers have counted already."""
        if "retest_of" in experiment.details:
            return 0
        return sum(answered.usage.tokens for answered in self.answers.get(strand, ()))

    def _enter(self, experiment: Experiment, strand: Strand, at: float) -> None:
        self.experiments[experiment.number] = ExperimentRecord(experiment=experiment, proposed_at=at)
        self.open[experiment.number] = None
        self.looks.clear()
        ticket = experiment.details.get(TICKET)
        if isinstance(ticket, int):
            self.handed = {waiting: handed for waiting, handed in self.handed.items() if waiting != ticket}
            self.became[ticket] = experiment.number
        if experiment.tree:
            self.trees.setdefault(experiment.tree, experiment.number)
        self.retests.pop(waited_as(experiment.details), None)
        self.elsewhere.enter(experiment.details)
        if isinstance(words := experiment.details.get(PUZZLE), str) and "retest_of" not in experiment.details:
            self.community.puzzle(experiment.agent, words)
        if "retest_of" not in experiment.details:
            self.answers.pop(strand, None)
            self.questions.pop(strand, None)
            self.waits.pop(strand, None)
            self.returned.pop(experiment.agent, None)

    def _rebase(self, experiment: Experiment) -> None:
        """What was never run on the champion before is no duplicate of anything there either."""
        number = experiment.number
        before = self.experiments[number]
        self.experiments[number] = replace(before, experiment=experiment)
        if self.trees.get(before.experiment.tree) == number:
            del self.trees[before.experiment.tree]
        self.trees.setdefault(experiment.tree, number)

    def _count(self, number: int, verdict: Verdict) -> None:
        if verdict.is_withdrawn:
            experiment = self.experiments[number].experiment
            self.returned.setdefault(experiment.agent, {})[number] = verdict.reason
            if self.trees.get(experiment.tree) == number:
                del self.trees[experiment.tree]  # never run: whoever makes it anew repeats nothing
            return
        self.judged += 1
        self.since_keep += 1
        if verdict.decision is not Decision.INVALID:  # refused, and so never run
            self.unseen += 1
            self.crashes = self.crashes + 1 if verdict.decision is Decision.FAILED else 0
        off = any(verdict.evidence.get(which) for which in ("below_record", "above_record"))
        self.doubted = self.doubted or off
        if verdict.decision is Decision.KEPT:
            self.champion, self.since_keep = number, 0
            self.kept.append(number)
            self._meet_champion()

    def _meet_champion(self) -> None:
        """There is another champion, and nothing speaks against it yet."""
        self.unseen, self.crashes, self.doubted, self.keeps = 0, 0, False, None

    def _doubt_noise(self) -> None:
        if self.pooled:
            self.pooled = self.pooled._replace(holds=False)

    def run(self, key: str) -> RunRecord:
        """The run with this key. Raises KeyError."""
        return self.experiments.run(key)

    @property
    def tokens(self) -> int:
        """Read and written by all agents."""
        return sum(spent.tokens for spent in self.spent.values())

    def means(self, commit: str) -> Means:
        """What every run of a commit adds up to, for whichever experiment it was made."""
        return self.experiments.means(commit)

    def active_s_at(self, now: float) -> float:
        """Seconds that the study has been worked on until `now`; pauses do not count."""
        return self._worked.until(now)

    @property
    def active_s(self) -> float:
        """Seconds that the study has been worked on until its newest entry."""
        return self._worked.seconds

    @property
    def is_asked(self) -> bool:
        """Whether a person asked for an experiment that is not there yet: a re-test, an adoption."""
        return bool(self.retests or self.elsewhere.waiting)

    @property
    def champion_commit(self) -> str:
        """What new proposals start from."""
        return self.experiments[self.champion].experiment.commit

    @property
    def records(self) -> tuple[ExperimentRecord, ...]:
        """Every experiment, oldest first, the baseline included."""
        return tuple(self.experiments.values())

    @property
    def waiting(self) -> tuple[int, ...]:
        """Experiments of which no run was started yet, oldest first."""
        return tuple(
            number for number in self.open if number != BASELINE and not self.experiments[number].runs
        )

    @property
    def latest_retests(self) -> int:
        """How many of the latest experiments, without a break, try again what was overtaken."""
        latest = (record.experiment.details for record in reversed(self.experiments.values()))
        return sum(1 for _ in takewhile(lambda details: "retest_of" in details, latest))

    @property
    def baseline_failed(self) -> bool:
        """True when the unchanged target could not be measured; such a study is over."""
        baseline = self.experiments.get(BASELINE)
        return bool(baseline and baseline.verdict and baseline.verdict.decision is Decision.FAILED)
