"""Shows a history that another loop reported as a study, so that charts, reports and exports can read it.

Nothing of it is measured here and none of it enters a ledger: the file stays the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from jumar.core.contract import (
    Budget,
    Clock,
    Contract,
    Direction,
    LimitTerms,
    MeasureTerms,
    Metric,
    RunTerms,
    TargetTerms,
)
from jumar.core.event import StudyStarted
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.job import Ending, ExitReport
from jumar.core.ledger import Condition, StudyRecord
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Cost
from jumar.core.run import Purpose, Run, RunRecord
from jumar.core.verdict import Decision, Verdict
from jumar.errors import Usage
from jumar.exports.hiding import Hide
from jumar.exports.outgoing import Outgoing
from jumar.imports.branch import Branch, Made, found_of
from jumar.imports.row import Found, Row
from jumar.rules.plain import short

ANY_MAY_BE_FALSE = 1.0  #: the share of its keeps that may be false: nobody looked twice
AGENT = "imported"


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A history as a study. Every number of it is self-reported, whoever wrote it down."""

    record: StudyRecord
    experiments: tuple[ExperimentRecord, ...]
    contract: Contract
    whence: str  #: the file and the loop, in words
    notes: tuple[str, ...]
    branch: Branch

    def diff(self, number: int) -> str:
        """What an experiment changed, where its commit is here."""
        one = next(record.experiment for record in self.experiments if record.number == number)
        known = len(one.commit) == len(one.parent) == 40  # else it is the name of a row
        return self.branch.diff(one.parent, one.commit) if known and one.commit != one.parent else ""

    def outgoing(self, hide: Hide) -> Outgoing:
        """As exports take it."""
        return Outgoing(
            record=self.record,
            experiments=self.experiments,
            contract=self.contract,
            diff=self.diff,
            artefact=_nothing_kept,
            hide=hide,
        )


def _nothing_kept(digest: str) -> bytes:
    raise Usage(f"an imported history keeps no {digest}", fix="look where it was made")


def imported(found: Found, path: Path, branch: Branch, direction: Direction | None = None) -> Imported:
    """The history as a study. Raises Usage where nothing was kept with a number: there is no baseline.

    `direction` says which way is better; else the file does, or what was kept tells.
    """
    first = next(
        (n for n, row in enumerate(found.rows) if row.decision is Decision.KEPT and row.value is not None),
        None,
    )
    if first is None:
        raise Usage(
            f"{path.name} has no kept row with a number, so there is nothing to compare with",
            fix="its first kept row is the baseline: put one in, or name another file",
        )
    rows, notes = found.rows[first:], list(found.notes)
    if first:
        notes.append(f"{first:,} before the first that was kept are left out: it is the baseline")
    better = direction or found.direction
    if better is None:
        better = _direction(rows)
        notes.append(f"{'lower' if better is Direction.MINIMIZE else 'higher'} is taken to be better, "
                     "by what was kept; --maximize or --minimize says it")  # fmt: skip
    made = found_of(branch, {n: row.commit for n, row in enumerate(rows) if row.commit})
    notes += _on_branch(rows, made, branch)
    experiments = tuple(_records(rows, made))
    name = short(branch.name if made and branch.name else found.name, 60)
    contract = _contract(found.metric, better, name)
    return Imported(
        record=_study(f"{name} (imported)", experiments),
        experiments=experiments,
        contract=contract,
        whence=f"{path.name}, {found.loop}",
        notes=tuple(notes),
        branch=branch,
    )


def _direction(rows: Sequence[Row]) -> Direction:
    """Which way the keeps went, most of the time; down where that does not tell."""
    kept = [row.value for row in rows if row.decision is Decision.KEPT and row.value is not None]
    up = sum(later > earlier for earlier, later in pairwise(kept))
    down = sum(later < earlier for earlier, later in pairwise(kept))
    return Direction.MAXIMIZE if up > down else Direction.MINIMIZE


def _on_branch(rows: Sequence[Row], made: Mapping[int, Made], branch: Branch) -> list[str]:
    named = sum(bool(row.commit) for row in rows)
    notes = []
    if named > len(made):
        notes.append(
            f"{named - len(made):,} of {named:,} commits are not in the repository here (any more): "
            "what they changed is not shown"
        )
    gone = [n for n, one in made.items() if rows[n].decision is Decision.KEPT and not one.on_branch]
    if gone:
        numbers = ", ".join(f"#{n}" for n in gone[:5])
        where = short(branch.name, 60) or "HEAD"
        notes.append(f"{len(gone):,} that were kept are not on {where}: {numbers}{' …' if gone[5:] else ''}")
    return notes


def _records(rows: Sequence[Row], made: Mapping[int, Made]) -> list[ExperimentRecord]:
    champion, seen, records, at = "", set[str](), [], 0.0
    for number, row in enumerate(rows):
        found = made.get(number)
        # A commit that was named before is that one's: this experiment had none of its own.
        commit = found.commit if found and found.commit not in seen else f"row {number}"
        seen.add(commit)
        parent = champion or commit
        if found and found.commit == commit and number != BASELINE:
            parent = found.parent if found.parent in seen else parent
        at = max(at, row.at or (found.at if found and found.commit == commit else 0.0))
        record = _record(number, row, (commit, parent), at)
        champion = commit if record.is_kept else champion
        records.append(record)
    return records


def _record(number: int, row: Row, place: tuple[str, str], at: float) -> ExperimentRecord:
    commit, parent = place
    outcome = _outcome(row)
    decision = row.decision
    if not isinstance(outcome, Measured) and decision is Decision.KEPT:
        decision = Decision.FAILED
    reason = f"reported as {row.said or 'nothing'}" + (f": {row.remark}" if row.remark else "")
    run = Run(
        key=f"{number}-1",
        experiment=number,
        commit=commit,
        seed=0,
        purpose=Purpose.BASELINE if number == BASELINE else Purpose.SCREEN,
    )
    report = None
    if row.memory_bytes:
        report = ExitReport(
            ending=Ending.EXITED, exit_code=None, wall_s=0.0, cpu_s=0.0,
            peak_memory_bytes=row.memory_bytes, output_bytes=0,
        )  # fmt: skip
    return ExperimentRecord(
        experiment=Experiment(
            number=number,
            parent=parent,
            commit=commit,
            tree="",
            hypothesis=row.description,
            agent=AGENT,
            cost=Cost(priced=False),
        ),
        proposed_at=at,
        runs=(RunRecord(run=run, started_at=at, ended_at=at, outcome=outcome, report=report),),
        verdict=Verdict(decision=decision, reason=reason),
        judged_at=at or None,
    )


def _outcome(row: Row) -> Outcome:
    if row.value is not None:
        return Measured(value=row.value, others=row.others)
    detail = row.description or row.said
    return Failed(why=row.why or Why.NO_METRIC, detail=detail)


def _study(name: str, experiments: Sequence[ExperimentRecord]) -> StudyRecord:
    kept = [one for one in experiments if one.is_kept]
    times = [one.proposed_at for one in experiments if one.proposed_at]
    decisions = {decision: 0 for decision in Decision}
    for one in experiments[1:]:
        assert one.verdict is not None
        decisions[one.verdict.decision] += 1
    terms = StudyStarted(
        base=experiments[0].experiment.commit, contract="", scale="", agent=AGENT, secret="", sandbox=""
    )
    return StudyRecord(
        name=name,
        started_at=times[0] if times else 0.0,
        terms=terms,
        condition=Condition.RESTING,
        reason=AGENT,
        champion=kept[-1].number,
        champion_commit=kept[-1].experiment.commit,
        last_seq=0,
        last_at=times[-1] if times else 0.0,
        decisions=decisions,
        open_experiments=0,
        cost_usd=0.0,
        active_s=times[-1] - times[0] if times else 0.0,
    )


def _contract(metric: str, direction: Direction, name: str) -> Contract:
    """What is known of the terms: the metric. The rest stands for nothing, and nobody is shown it."""
    run = RunTerms(
        command=(),
        budget=Budget(amount=0.0, clock=Clock.WALL),
        timeout_s=0.0,
        memory_bytes=0,
        disk_bytes=0,
        output_bytes=0,
        processes=0,
    )
    measure = MeasureTerms(metric=Metric(name=metric, direction=direction), false_keeps=ANY_MAY_BE_FALSE)
    return Contract(target=TargetTerms(name=name, editable=()), run=run, measure=measure, limits=LimitTerms())
