"""A study in one value: what was gained, how sure that is, what it cost and what failed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Contract
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.verdict import Claim, Decision
from jumar.reports.advice import Advice, advise
from jumar.reports.agents import AgentShare, agent_shares
from jumar.reports.effort import Effort, effort_of
from jumar.reports.findings import (
    FailureGroup,
    Keep,
    NearMiss,
    group_failures,
    near_misses,
    rank_keeps,
)
from jumar.reports.values import Values, tried
from jumar.reports.words import claim_in_words, gap_in_words, keeps_in_words, uncertified_in_words
from jumar.rules.lessons import Calibration, calibrations


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A commit with its value: the mean of so many runs, or None when none gave a number."""

    experiment: int
    commit: str
    value: float | None
    runs: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a status line, a report and a chart say about a study. Encodes to JSON.

    `gain` is the raw one, seen by the search itself; `claim` is what certification found, and
    `claim_is_current` tells whether it speaks of today's champion. `sentence` says the best that
    may be claimed, and is the only place where the two are put into words.
    """

    study: str
    target: str
    scale: str
    metric: str
    direction: str
    self_reported: bool
    condition: str
    reason: str
    started_at: float
    last_at: float
    sentence: str
    baseline: Level
    champion: Level
    gain: float | None  #: relative; 0.05 is 5 % better
    claim: Claim | None
    claim_is_current: bool
    gap: float | None  #: by how much less than the search saw was certified; None where it was not less
    false_keeps: float  #: the share of keeps that may be false; of those marked `certain` it is 0.05
    experiments: int  #: proposals, open ones included, the baseline not
    open_experiments: int
    decisions: dict[str, int]
    keeps: tuple[Keep, ...]  #: surest first; those that a certification refuted are the last
    near_misses: tuple[NearMiss, ...]
    failures: tuple[FailureGroup, ...]
    predictions: tuple[Calibration, ...]  #: by agent
    effort: Effort
    agents: tuple[AgentShare, ...]
    advice: tuple[Advice, ...] = ()  #: what to do next, the most urgent first

    @property
    def standing_keeps(self) -> tuple[Keep, ...]:
        """The keeps that no certification refuted."""
        return tuple(keep for keep in self.keeps if not keep.refuted)

    def keeps_in_words(self) -> str:
        """How sure single keeps are."""
        standing = self.standing_keeps
        refuted = len(self.keeps) - len(standing)
        sure = sum(keep.certain for keep in standing)
        simpler = sum("simpler" in keep.evidence and not keep.certain for keep in standing)
        return keeps_in_words(len(standing), sure, simpler, refuted, self.false_keeps)

    @property
    def is_certified(self) -> bool:
        """True when the last certification spoke of today's champion, and bore it out."""
        return self.claim_is_current and self.claim is not None and self.claim.certified

    @property
    def counts(self) -> dict[str, int]:
        """How the judged experiments ended; what was kept and refuted later is not counted as kept."""
        refuted = len(self.keeps) - len(self.standing_keeps)
        counts = {**self.decisions, "kept": self.decisions["kept"] - refuted}
        return counts | ({"refuted": refuted} if refuted else {})

    def counts_in_words(self) -> str:
        """How the experiments ended, and how many are open."""
        counts = {**self.counts, "open": self.open_experiments}
        return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)

    def refuted_in_words(self) -> str:
        """Which keeps were taken back, and why: what fell together is told together."""
        fallen: dict[str, list[str]] = {}
        for keep in sorted((keep for keep in self.keeps if keep.refuted), key=lambda keep: keep.experiment):
            reason = keep.refuted.rpartition("of which certification said: ")[2]
            fallen.setdefault(reason, []).append(f"#{keep.experiment}")
        return "; ".join(f"{', '.join(numbers)}: {reason}" for reason, numbers in fallen.items())

    def gap_in_words(self) -> str:
        """That less was certified than the search saw, where that is so."""
        return gap_in_words(self.claim, current=self.claim_is_current)


def summarise(
    record: StudyRecord,
    experiments: Sequence[ExperimentRecord],
    contract: Contract,
    values: Values | None = None,
) -> Summary:
    """The summary of a study from all its experiments; one pass, nothing read, nothing changed."""
    metric = contract.measure.metric
    values = values or Values(experiments)
    baseline = _level(BASELINE, record.terms.base, experiments, values)
    champion = _level(record.champion, record.champion_commit, experiments, values)
    gain = None
    if baseline.value is not None and champion.value is not None:
        gain = metric.relative_gain(baseline.value, champion.value)
    current = record.claim is not None and record.claim.champion == record.champion_commit
    sentence = gain_in_words(record.champion, record.claim, gain, contract)
    if record.champion == BASELINE and record.decisions.get(Decision.KEPT):
        sentence = sentence.replace("no change was kept", "what was kept was refuted on fresh runs")
    summary = Summary(
        study=record.name,
        target=contract.target.name,
        scale=record.terms.scale,
        metric=metric.name,
        direction=metric.direction.value,
        self_reported=contract.self_reported,
        condition=record.condition.value,
        reason=record.reason,
        started_at=record.started_at,
        last_at=record.last_at,
        sentence=sentence,
        baseline=baseline,
        champion=champion,
        gain=gain,
        claim=record.claim,
        claim_is_current=current,
        gap=record.claim.gap if record.claim and current else None,
        false_keeps=contract.measure.false_keeps,
        experiments=len(tried(experiments)),
        open_experiments=record.open_experiments,
        decisions={decision.value: record.decisions.get(decision, 0) for decision in Decision},
        keeps=rank_keeps(experiments, values, metric),
        near_misses=near_misses(experiments, values, metric),
        failures=group_failures(experiments),
        predictions=calibrations(experiments, metric),
        effort=effort_of(record, experiments),
        agents=agent_shares(experiments, values, metric, record.claim, record.active_s),
    )
    return replace(summary, advice=advise(summary, experiments, values))


def _level(number: int, commit: str, experiments: Sequence[ExperimentRecord], values: Values) -> Level:
    found = next((record for record in experiments if record.number == number), None)
    measured = values.measured(found) if found else []
    value = sum(measured) / len(measured) if measured else None
    return Level(experiment=number, commit=commit, value=value, runs=len(measured))


def gain_in_words(champion: int, claim: Claim | None, gain: float | None, contract: Contract) -> str:
    """The best that may be claimed of a champion: what was certified, or the search's own gain."""
    self_reported = contract.self_reported or bool(claim and claim.self_reported)
    if champion == BASELINE and gain is not None:
        kind = " (self-reported)" if self_reported else ""
        return f"no better: no change was kept{kind}"
    if claim is None:
        return uncertified_in_words(gain, self_reported=self_reported)
    claim = replace(claim, self_reported=self_reported)
    said = claim_in_words(claim, holdout=bool(contract.measure.hidden))
    if claim.experiment == champion:
        return said
    since = uncertified_in_words(gain, self_reported=self_reported)
    return f"{said}, as of experiment {claim.experiment}; now {since}"
