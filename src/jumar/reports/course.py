"""A study's course, folded from its entries in as little memory as pages need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from jumar.core.contract import Metric
from jumar.core.event import (
    Answered,
    Asked,
    Certified,
    Entry,
    Event,
    HandedIn,
    Held,
    Judged,
    Noted,
    Noticed,
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
    Wish,
)
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.machine import Circumstances
from jumar.core.proposal import ASKED, PUZZLE, TICKET
from jumar.core.run import Purpose, RunRecord, Side
from jumar.core.verdict import Claim, Decision, Verdict
from jumar.reports.agents import Account
from jumar.reports.columns import NOBODY, NOTHING, STATE, Columns, Level, Unsettled
from jumar.reports.fresh import fresh, seen_in
from jumar.reports.slots import BusySlots
from jumar.rules.certain import certain_among, counts, log_evidence_of
from jumar.rules.community import Community
from jumar.rules.limits import Spent
from jumar.rules.recollection import lessons_of
from jumar.rules.telling import measured_share
from jumar.rules.worked import Worked

LATEST = 60  # entries that are remembered whole
MOST_WORDS = 600  # of a hypothesis or a reason on a line; the page of one experiment has all
MOST_EXAMPLES = 5  # of the proposals that were refused for one reason
_WITHOUT_NUMBER = (STATE["failed"], STATE["invalid"])


class Course(msgspec.Struct):
    """A study as it stands, for pages. `apply` takes the next entry; everything else reads.

    What it costs does not grow with the study. Of an experiment it keeps the row and of a champion what was
    measured; runs, evidence and details are forgotten with the verdict: pages read those of one experiment.
    """

    metric: Metric
    terms: StudyStarted | None = None
    last_seq: int = 0
    last_at: float = 0.0
    last_digest: str = ""
    columns: Columns = msgspec.field(default_factory=Columns)
    unsettled: dict[int, Unsettled] = {}
    levels: dict[int, Level] = {}  #: champions that are or were, and the baseline
    numbers: dict[str, int] = {}  #: commit → experiment, of levels
    champion: int = BASELINE
    refuted: dict[int, str] = {}
    claims: list[Claim] = []
    flying: dict[str, RunRecord] = {}
    busy: BusySlots = msgspec.field(default_factory=BusySlots)
    under: Circumstances | None = None  #: of the newest run of the baseline
    under_at: float = 0.0
    accounts: dict[str, Account] = {}
    breaches: dict[str, list[int]] = {}  #: code → how many, then the latest numbers
    community: Community = msgspec.field(default_factory=Community)
    worked: Worked = msgspec.field(default_factory=Worked)
    spent: dict[str, Spent] = {}
    cost_usd: float = 0.0
    judged: int = 0
    since_keep: int = 0
    tests: int = 0
    handed: dict[int, tuple[HandedIn, float]] = {}
    retests: dict[int, int] = {}
    answered: dict[str, list[tuple[int, int]]] = {}  #: agent and strand → entries, tokens
    turns: dict[int, tuple[int, ...]] = {}  #: experiment → entries of what its agent was answered
    revisited: dict[int, int] = {}
    latest: list[Entry] = []
    sure: tuple[int, frozenset[int]] = (0, frozenset())

    def apply(self, entry: Entry) -> None:
        """Take the next entry of this study."""
        self.last_seq, self.last_at, self.last_digest = entry.seq, entry.at, entry.digest
        self.worked.apply(entry)
        take = _TAKE.get(type(entry.event))
        if take is not None:
            take(self, entry, entry.event)

    @property
    def certain(self) -> frozenset[int]:
        """Keeps that are sure by themselves."""
        if self.sure[0] != len(self.levels):
            found = {level.number: level.log_evidence for level in self.levels.values() if level.is_gain}
            places = {level.number: level.place for level in self.levels.values() if level.place is not None}
            self.sure = (len(self.levels), certain_among(found, places))
        return self.sure[1]

    def value(self, number: int) -> float | None:
        """What an experiment is worth, as `reports.values` says it."""
        if self.columns.state[number] in _WITHOUT_NUMBER:
            return None
        if level := self.levels.get(number):
            return level.value(self.under)[0]
        if waiting := self.unsettled.get(number):
            own = [run for run in waiting.runs.values() if run.run.side is Side.CANDIDATE]
            values = fresh(seen_in(own), self.under)
            return sum(values) / len(values) if values else None
        return self.columns.get("value", number)

    def _start(self, _: Entry, event: StudyStarted) -> None:
        self.terms = event

    def _propose(self, entry: Entry, event: Proposed) -> None:
        made, columns = event.experiment, self.columns
        number, cost, details = made.number, made.cost, made.details
        columns.add(number)
        self.unsettled[number] = Unsettled(experiment=made, proposed_at=entry.at)
        self._enter(made)
        columns.proposed_at[number] = entry.at
        columns.usd[number], columns.tokens[number], columns.seconds[number] = (
            cost.usd,
            cost.tokens,
            cost.seconds,
        )
        if made.predicted is not None:
            columns.predicted[number] = made.predicted
        columns.agent[number] = columns.author[number] = columns.shared(made.agent)
        polished = details.get("polishes")
        if isinstance(polished, int) and 0 <= polished < number:
            columns.author[number] = columns.author[polished]
        if number == BASELINE:
            self._rise(made.commit, Level(number=number))
        else:
            self.accounts.setdefault(made.agent, Account()).add(made)
        self._account(entry, event)
        ticket = details.get(TICKET)
        if isinstance(ticket, int):
            self.handed.pop(ticket, None)
        self.retests.pop(details.get(ASKED, 0), None)
        self._tell(entry, event)

    def _account(self, entry: Entry, event: Proposed) -> None:
        """What its agent was answered meanwhile counts towards the experiment, and was counted already."""
        made, answered = event.experiment, 0
        if "retest_of" not in made.details:
            found = self.answered.pop(_strand(made.agent, event.strand), [])
            answered = sum(tokens for _, tokens in found)
            if found:
                self.turns[made.number] = tuple(seq for seq, _ in found)
            if isinstance(words := made.details.get(PUZZLE), str):
                self.community.puzzle(made.agent, words)
        self._spend(made.agent, made.cost.usd - event.answered_usd, made.cost.tokens - answered)

    def _enter(self, made: Experiment) -> None:
        columns, number = self.columns, made.number
        columns.hypothesis[number] = on_a_line(made.hypothesis)
        columns.touched[number] = columns.shared(", ".join(made.touched))
        columns.parent[number] = NOBODY if number == BASELINE else self.numbers.get(made.parent, NOBODY)

    def _rebase(self, _: Entry, event: Rebased) -> None:
        self._enter(event.experiment)
        self.unsettled[event.experiment.number].experiment = event.experiment

    def _begin(self, entry: Entry, event: RunStarted) -> None:
        run = RunRecord(run=event.run, started_at=entry.at)
        self.flying[run.run.key] = run
        number = run.run.experiment
        self.columns.runs[number] += 1
        waiting = self.unsettled.get(number)
        if waiting is not None:
            waiting.runs[run.run.key] = run
            if run.run.purpose is Purpose.CONFIRM and waiting.place is None:
                self.tests += 1
                waiting.place = self.tests
        if run.run.purpose is Purpose.REVISIT and number in self.levels:
            self.levels[number].revisits.append((run.run.pair, entry.at))

    def _land(self, entry: Entry, event: RunEnded | RunLost) -> None:
        started = self.flying.pop(event.key, None)
        if started is None:
            return
        number, of = started.run.experiment, self.numbers.get(started.run.commit)
        self.busy.add(started.started_at, entry.at)
        if isinstance(event, RunLost):
            run = RunRecord(
                run=started.run, started_at=started.started_at, ended_at=entry.at, lost=event.reason
            )
        else:
            run = RunRecord(
                run=started.run,
                started_at=started.started_at,
                ended_at=entry.at,
                outcome=event.outcome,
                report=event.report,
            )
        if run.report:
            self.columns.cpu_s[number] += run.report.cpu_s
        if number in self.unsettled:
            self.unsettled[number].runs[event.key] = run
        if of is not None:
            for seen in seen_in((run,)):
                self.levels[of].add(seen)
            if of == BASELINE and run.under and run.started_at >= self.under_at:
                self.under, self.under_at = run.under, run.started_at
        if number in self.unsettled and self.columns.state[number] not in (STATE["open"], STATE["held"]):
            self._settle(number)

    def _judge(self, entry: Entry, event: Judged) -> None:
        number, verdict, columns = event.experiment, event.verdict, self.columns
        waiting = self.unsettled[number]
        record = waiting.record(verdict, entry.at)
        state = "baseline" if number == BASELINE and record.is_kept else verdict.decision.value
        columns.judged_at[number] = entry.at
        self._write(number, verdict, state)
        share = measured_share(record, self.metric)
        if share is not None:
            columns.measured[number] = share
        for taught, _ in lessons_of(record):
            if taught < len(columns):
                columns.taught_by[taught] = number
        if number == BASELINE:
            self._settle(number)
            return
        self._count(number, verdict)
        if record.is_kept:
            self._keep(record, waiting.place)
        self._settle(number)
        self._tell(entry, event)

    def _keep(self, record: ExperimentRecord, place: int | None) -> None:
        made, number = record.experiment, record.number
        level = Level(number=number)
        for seen in seen_in(run for run in record.runs if run.run.commit == made.commit):
            level.add(seen)
        assert record.verdict is not None
        said = record.verdict.evidence.get("test")
        level.log_evidence, level.is_gain = log_evidence_of(record), counts(record)
        level.place = said if isinstance(said, int) else place
        self._rise(made.commit, level)
        self.champion = number

    def _rise(self, commit: str, level: Level) -> None:
        self.levels[level.number] = level
        self.numbers[commit] = level.number

    def _count(self, number: int, verdict: Verdict) -> None:
        """As the limits count, and what its parent has come to."""
        columns, state = self.columns, self.columns.state[number]
        if not verdict.is_withdrawn:
            self.judged += 1
            self.since_keep = 0 if verdict.decision is Decision.KEPT else self.since_keep + 1
        if verdict.decision is Decision.INVALID:
            found = self.breaches.setdefault(verdict.code or "breach", [0])
            found[0] += 1
            del found[1:-MOST_EXAMPLES]
            found.append(number)
        if level := self.levels.get(columns.parent[number]):
            level.tries[state] += 1
            gain = columns.get("gain", number)
            if verdict.decision is Decision.DISCARDED and gain is not None and gain > level.best_gain:
                level.best_miss, level.best_gain = number, gain

    def _write(self, number: int, verdict: Verdict, state: str) -> None:
        """What a verdict says, on the experiment's line."""
        columns = self.columns
        columns.state[number], columns.reason[number] = STATE[state], on_a_line(verdict.reason)
        columns.code[number] = columns.shared(verdict.code)
        low, high = verdict.interval or (None, None)
        for name, said in (("gain", verdict.gain), ("low", low), ("high", high)):
            getattr(columns, name)[number] = NOTHING if said is None else said

    def _settle(self, number: int) -> None:
        """Forget its runs when all are over, but for what they come to."""
        waiting = self.unsettled[number]
        if any(run.is_open for run in waiting.runs.values()):
            return
        if number not in self.levels and self.columns.state[number] not in _WITHOUT_NUMBER:
            value = self.value(number)
            self.columns.value[number] = NOTHING if value is None else value
        del self.unsettled[number]

    def _hold(self, entry: Entry, event: Held) -> None:
        self.unsettled[event.experiment].held = event.verdict
        self._write(event.experiment, event.verdict, "held")
        self.since_keep = 0
        self._tell(entry, event)

    def _refute(self, entry: Entry, event: Refuted) -> None:
        number, columns = event.experiment, self.columns
        if level := self.levels.get(columns.parent[number]):
            level.tries[columns.state[number]] -= 1
            level.tries[STATE["refuted"]] += 1
        self.champion = event.champion
        self.refuted[number] = event.reason
        columns.state[number] = STATE["refuted"]
        if event.claim:
            self.claims.append(event.claim)
        self._tell(entry, event)

    def _certify(self, entry: Entry, event: Certified) -> None:
        self.claims.append(event.claim)
        self._tell(entry, event)

    def _revisit(self, entry: Entry, event: Revisited) -> None:
        level = self.levels.get(event.experiment)
        before = self.revisited.get(event.experiment, 0)
        if event.moved and level:
            starts = [start for pair, start in level.revisits if pair >= before]
            level.forget_before(min(starts, default=level.since))
        self.revisited[event.experiment] = event.runs
        self._tell(entry, event)

    def _resume(self, entry: Entry, event: Resumed) -> None:
        self.busy.workers = event.under.workers if event.under else self.busy.workers
        self._gather(entry, event)

    def _gather(self, entry: Entry, event: Event) -> None:
        self.community.apply(entry)
        if not isinstance(event, TakenUp):
            self._tell(entry, event)

    def _ask(self, entry: Entry, event: Asked) -> None:
        if event.wish is Wish.RETEST and event.words.isdecimal():
            self.retests[entry.seq] = int(event.words)
        self._tell(entry, event)

    def _answer(self, entry: Entry, event: Answered) -> None:
        strand = _strand(event.agent, event.question.strand if event.question else 0)
        self.answered.setdefault(strand, []).append((entry.seq, event.usage.tokens))
        self._spend(event.agent, event.usage.usd, event.usage.tokens)

    def _hand_in(self, entry: Entry, event: HandedIn) -> None:
        self.handed[entry.seq] = (event, entry.at)

    def _spend(self, agent: str, usd: float, tokens: int) -> None:
        self.cost_usd += usd
        self.spent[agent] = self.spent.get(agent, Spent()).plus(usd, tokens)

    def _tell(self, entry: Entry, _: Event) -> None:
        self.latest.append(entry)
        del self.latest[:-LATEST]


def on_a_line(words: str) -> str:
    """As much of it as a row has."""
    return words if len(words) <= MOST_WORDS else words[: MOST_WORDS - 1] + "…"


def _strand(agent: str, strand: int) -> str:
    return f"{strand} {agent}"


_TAKE: Mapping[type, Callable[[Course, Entry, Any], None]] = {
    StudyStarted: Course._start,
    Proposed: Course._propose,
    Rebased: Course._rebase,
    RunStarted: Course._begin,
    RunEnded: Course._land,
    RunLost: Course._land,
    Judged: Course._judge,
    Held: Course._hold,
    Refuted: Course._refute,
    Certified: Course._certify,
    Revisited: Course._revisit,
    Resumed: Course._resume,
    Noted: Course._gather,
    TakenUp: Course._gather,
    Asked: Course._ask,
    Answered: Course._answer,
    HandedIn: Course._hand_in,
    Rested: Course._tell,
    Noticed: Course._tell,
    Probed: Course._tell,
}
