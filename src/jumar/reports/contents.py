"""Everything that a report says, as one value: HTML, Markdown and JSON are its three faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Contract, Direction
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports.advice import of_study
from jumar.reports.asked import Fact, asked_of, goal_in_words
from jumar.reports.beside import Beside, measured_beside
from jumar.reports.effort import AgentEffort, efforts_by_agent
from jumar.reports.findings import parents, relative_gain
from jumar.reports.foretold import Foretold, foretold_by
from jumar.reports.recipes import Recipe, recipes_for
from jumar.reports.stack import Step, Together, measured_together, steps_to
from jumar.reports.summary import Summary, summarise
from jumar.reports.trust import Breach, Seen, breaches_of, trust_in
from jumar.reports.values import Values
from jumar.rules.certain import certain

FORMAT: Literal["jumar-report/1"] = "jumar-report/1"


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report finds what is not in the records. `diff` and `log` may raise JumarError.

    `diff` takes an experiment's number, `log` a digest; `branch` should hold the champion, and is at
    the commit `branch_at` (None: it is gone; empty: nobody looked); `chain` says in words what a check
    of the ledger's chain found; `promises` are what the sandbox keeps.
    """

    diff: Callable[[int], str]
    log: Callable[[str], bytes]
    branch: str
    branch_at: str | None = ""
    chain: str = ""
    promises: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment in a line. None is what it does not have."""

    number: int
    state: str  #: baseline, kept, refuted, discarded, failed, invalid or open
    certain: bool  #: a keep that is certain by itself
    value: float | None  #: mean of its fresh runs
    gain: float | None  #: as a share of its parent's value, uncertified
    predicted: float | None
    hypothesis: str
    reason: str  #: the verdict's; for what was refuted, why
    code: str  #: of a breach
    agent: str
    parent: str  #: commit
    commit: str
    runs: int
    cpu_s: float
    usd: float
    tokens: int
    judged_at: float | None  #: seconds since the epoch


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a study, for people and programs. Gains are shares: 0.05 is 5 % better.

    Only `summary.claim` is certified, where it says so; every other gain is what the search saw.
    """

    format: Literal["jumar-report/1"] = FORMAT
    imported: str = ""  #: from where, of a history that another loop reported; no ledger has it
    jumar: str  #: version that started the study
    entry: int  #: of the ledger, up to which this tells
    goal: str
    asked: tuple[Fact, ...]
    contract: str  #: jumar.toml as pinned
    summary: Summary
    steps: tuple[Step, ...]  #: from the baseline to the champion
    together: tuple[Together, ...]  #: changes measured alone and on top of another
    beside: tuple[Beside, ...]  #: what was measured beside the metric
    foretold: tuple[Foretold, ...]
    efforts: tuple[AgentEffort, ...]  #: by agent; `summary.agents` has what came of it
    breaches: tuple[Breach, ...]
    trust: tuple[Fact, ...]
    recipes: tuple[Recipe, ...]
    experiments: tuple[Line, ...]  #: all of them, oldest first


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """A study as reports read it: its record, all its experiments, its contract, and where the rest is."""

    record: StudyRecord
    experiments: Sequence[ExperimentRecord]
    contract: Contract
    sources: Sources
    values: Values


def report_of(study: Material) -> Report:
    """The report on a study. The same record gives the same report."""
    record, experiments, contract, sources = study.record, study.experiments, study.contract, study.sources
    values, metric = study.values, contract.measure.metric
    summary = summarise(record, experiments, contract, values)
    summary = replace(summary, advice=tuple(of_study(one, record.name) for one in summary.advice))
    champion = next((one for one in experiments if one.number == record.champion), None)
    seen = Seen(
        chain=sources.chain, promises=sources.promises, branch=sources.branch, branch_at=sources.branch_at
    )
    doubted = sum("quarantine" in one.verdict.evidence for one in experiments if one.verdict)
    return Report(
        jumar=record.terms.jumar,
        entry=record.last_seq,
        goal=goal_in_words(contract),
        asked=asked_of(record, contract),
        contract=record.terms.contract,
        summary=summary,
        steps=steps_to(record, experiments, values, metric),
        together=measured_together(experiments),
        beside=measured_beside(record, experiments, contract),
        foretold=foretold_by(experiments, metric),
        efforts=efforts_by_agent(experiments),
        breaches=breaches_of(experiments),
        trust=trust_in(record, contract, summary, seen, doubted),
        recipes=recipes_for(record, champion, contract),
        experiments=tuple(_lines(study)),
    )


def _lines(study: Material) -> Iterator[Line]:
    experiments, values, metric = study.experiments, study.values, study.contract.measure.metric
    levels, sure = parents(experiments, values), certain(experiments)
    for record in experiments:
        experiment, verdict, value = record.experiment, record.verdict, values.of(record)
        level = levels.get(experiment.parent)
        gain = None
        if level is not None and value is not None and record.number != BASELINE:
            gain = relative_gain(record, values, metric, level)
        yield Line(
            number=record.number,
            state=_state(record),
            certain=record.number in sure and not record.refuted,
            value=value,
            gain=gain,
            predicted=experiment.predicted,
            hypothesis=experiment.hypothesis,
            reason=record.refuted or (verdict.reason if verdict else ""),
            code=verdict.code if verdict else "",
            agent=experiment.agent,
            parent=experiment.parent,
            commit=experiment.commit,
            runs=len(record.runs),
            cpu_s=sum(run.report.cpu_s for run in record.runs if run.report),
            usd=experiment.cost.usd,
            tokens=experiment.cost.tokens,
            judged_at=record.judged_at,
        )


def _state(record: ExperimentRecord) -> str:
    if record.number == BASELINE and record.is_kept:
        return "baseline"
    if record.refuted:
        return "refuted"
    return record.verdict.decision.value if record.verdict else "open"


def better_in_words(direction: str) -> str:
    """Which way is better."""
    return "lower is better" if direction == Direction.MINIMIZE.value else "higher is better"
