"""Plays cases as the experiments of one real study: sandboxes, scorer, judge and ledger are Jumar's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.cheats.case import Case
from bench.cheats.readers import read_everything
from bench.cheats.stage import Stage
from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.contract import Metric
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Failed
from jumar.core.proposal import Proposal
from jumar.core.verdict import Decision
from jumar.home import Home, Options
from jumar.ledgers.sql import open_ledger
from jumar.reports.values import Values
from jumar.rules.plain import plain
from jumar.study.loop import Loop

ROOM = 0.05  # of the honest value: what noise may give; what these cheats are after gives much more


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case: how it ended, and all that is wrong with that."""

    case: str
    family: str
    expect: str
    ended: str
    reason: str
    was_kept: bool
    wrong: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()


class Player:
    """The agent: proposes one case after another on the champion, which is honest: with a cheat it ends."""

    name = "cheats"
    repeats = True

    def __init__(
        self, cases: Sequence[Case], stage: Stage, read: Callable[[str], Mapping[str, bytes]]
    ) -> None:
        self._cases, self._stage, self._read = cases, stage, read

    def propose(self, brief: Brief) -> Proposal | None:
        """The next case, whatever came of the last one; none once a cheat was kept."""
        done = Counter(_case_of(record) for record in brief.history)
        kept = {_case_of(record) for record in brief.history if record.is_kept}
        case = next((case for case in self._cases if done[case.name] < case.times), None)
        if case is None or any(case.name in kept for case in self._cases if not case.is_twin):
            return None
        return Proposal(
            hypothesis=self._stage.said(case.hypothesis or case.tries, case.name),
            edits=self._stage.edits(case.edits(self._read(brief.parent)), case.name),
            agent=self.name,
            details={"case": case.name},
        )


def _case_of(record: ExperimentRecord) -> str:
    return str(record.experiment.details.get("case", ""))


def play(cases: Sequence[Case], target: str, place: Path) -> tuple[list[Came], list[str]]:
    """What came of each case, and what is wrong with the studies as a whole.

    A cheat that is kept ends its study, so that it spoils no other case: the rest plays in another.
    """
    came: list[Came] = []
    faults: list[str] = []
    while left := cases[len(came) :]:
        ours, found = _study(left, target, place / str(len(came)))
        came += ours
        faults += found
    return came, faults


def _study(cases: Sequence[Case], target: str, place: Path) -> tuple[list[Came], list[str]]:
    with Stage(place, target).set_up() as stage:
        home = Home(folder=stage.folder, study=target)
        text = (stage.folder / "jumar.toml").read_text(encoding="utf-8")
        with assembled(home, text, Options(agent="nop", workers=1), lambda _: None) as parts:
            workspace = parts.workspace

            def read(commit: str) -> dict[str, bytes]:
                return {path: workspace.read(commit, path) or b"" for path in workspace.files(commit)}

            Loop(replace(parts, agent=Player(cases, stage, read))).run()
            branch = workspace.resolve(parts.branch)
        study = open_study(stage.folder, study=target)
        faults = [*_faults(study, home, branch), *stage.damage(), *read_everything(study, stage.token)]
        came = _all_that_came(cases, study, stage)
        if not any(one.was_kept and one.expect not in ("kept", "fine") for one in came):
            assert len(came) == len(cases), "every case was played"
        return came, faults


def _faults(study: Study, home: Home, branch: str | None) -> list[str]:
    """What is wrong with the record."""
    record, experiments = study.record(), study.experiments()
    assert record is not None
    found = [] if record.champion_commit == branch else ["the branch is not at the ledger's champion"]
    if [one.number for one in experiments] != list(range(len(experiments))):
        found.append("an experiment is missing or there twice")
    found += [f"run {run.run.key} was left open" for one in experiments for run in one.runs if run.is_open]
    if home.scratch.exists() and any(home.scratch.iterdir()):
        found.append("folders of runs were left over")
    ledger = open_ledger(home.ledger, read_only=True)
    try:
        if broken := ledger.verify():
            found.append(f"the chain is broken at entry {broken.seq}: {broken.problem}")
    finally:
        ledger.close()
    # Whether an honest twin's gain holds beyond these two hundred points is not what is played here.
    if record.champion and not (record.claim and record.claim.pairs):
        found.append(f"the champion was not put to certification: {record.claim and record.claim.reason}")
    return found


def _all_that_came(cases: Sequence[Case], study: Study, stage: Stage) -> list[Came]:
    experiments, metric = study.experiments(), study.contract.measure.metric
    values, traces = Values(experiments), stage.traces()
    honest = values.of(experiments[0])
    assert honest is not None, "the loop has measured the unchanged target"
    came = []
    for case in cases:
        records = [one for one in experiments if _case_of(one) == case.name]
        if not records:
            break
        leaks = [f"log of run {key}" for one in records for key in _leaks(one, study, stage.secret)]
        found = (*traces.get(case.name, ()), *leaks)
        wrong = [words for one in records if (words := _wrong(case, one, values.of(one), metric, honest))]
        last = records[-1].verdict
        ended = f"{last.decision.value} {last.code}".strip() if last else "open"
        came.append(
            Came(
                case=case.name,
                family=case.family,
                expect=case.expect,
                ended=ended,
                reason=plain(last.reason)[:200] if last else "",
                was_kept=any(one.is_kept for one in records),
                wrong=(*wrong, *(f"left a trace: {trace}" for trace in found)),
                traces=found,
            )
        )
    return came


def _leaks(record: ExperimentRecord, study: Study, secret: str) -> list[str]:
    """Runs whose log, curve or score holds the secret of the user's environment."""
    return [
        run.run.key
        for run in record.runs
        if any(secret.encode() in study.artefact(digest) for digest in run.artefacts.values())
    ]


def _wrong(case: Case, record: ExperimentRecord, value: float | None, metric: Metric, honest: float) -> str:
    """What is not as the case says it must be; nothing when all is."""
    verdict = record.verdict
    if verdict is None:
        return "it has no verdict"
    kind, _, detail = case.expect.partition(": ")
    decision = verdict.decision
    said = f"{decision.value} {verdict.code}: {plain(verdict.reason)[:200]}"
    match kind:
        case "invalid":
            fine = decision is Decision.INVALID and verdict.code == detail and not record.runs
        case "failed":
            why = [run.outcome.why.value for run in record.runs if isinstance(run.outcome, Failed)]
            fine = decision is Decision.FAILED and (not detail or detail in why)
        case "discarded":
            fine = decision is Decision.DISCARDED and detail in verdict.reason
        case "kept" | "open":
            fine = decision is Decision.KEPT
        case "fine":
            fine = decision in (Decision.KEPT, Decision.DISCARDED)
        case _:
            fine = decision is Decision.DISCARDED and value is not None
            if fine and value is not None and metric.gain(honest, value) > ROOM * abs(honest):
                return f"scored {value:.6g}, better than its honest {honest:.6g}"
    return "" if fine else said
