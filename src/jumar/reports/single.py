"""One experiment with everything about it, as a page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Contract, Metric
from jumar.core.curve import Curve, Point
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.machine import circumstances_in_words
from jumar.core.outcome import Failed, Measured, Stopped
from jumar.core.run import Purpose, RunRecord, Side
from jumar.reports.course import Course
from jumar.reports.evidence import evidence_rows
from jumar.reports.glance import claim_words
from jumar.reports.pages import CurveView, Detail, LogView, PairView, Row, RunView, Trouble
from jumar.reports.rows import children_of, line_of, row_of
from jumar.reports.words import percent
from jumar.rules.evidence import latest_runs
from jumar.rules.lessons import lesson_of
from jumar.rules.plain import plain, short

MOST_RUNS = 300
MOST_CURVES = 16
CURVE_POINTS = 300
MOST_CHILDREN = 50
MOST_ON_LINE = 200
MOST_DIFF_BYTES = 400_000
MOST_FACT = 400
_TOLD_ELSEWHERE = frozenset({"lessons", "code"})  # of what an agent says beside its proposal


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside the record: of each kind what there is, or why it cannot be had."""

    diff: str = ""
    diff_trouble: Trouble | None = None
    log: LogView | None = None
    log_trouble: Trouble | None = None
    curves: Mapping[str, Curve] = {}  #: by the key of a run
    said: str = ""  #: the lesson that an agent drew from it


def detail(course: Course, record: ExperimentRecord, contract: Contract, found: Found) -> Detail:
    """Everything about one experiment."""
    number, made = record.number, record.experiment
    line, children = line_of(course, number), children_of(course, number)
    verdict = record.verdict or record.held
    row = replace(row_of(course, number), hypothesis=plain(made.hypothesis, lines=True))
    if verdict and not record.refuted:
        row = replace(row, reason=plain(verdict.reason, lines=True))
    shown = [run for run in record.runs if run.run.key in found.curves]
    evidence = evidence_rows(verdict) if verdict else []
    lesson = found.said or lesson_of(record, course.metric)
    diff = found.diff.encode("utf-8", "replace")
    return Detail(
        row=row,
        commit=made.commit,
        parent_commit=made.parent,
        metric=course.metric.name,
        direction=course.metric.direction.value,
        predicted_words=_predicted(row),
        lesson=plain(lesson),
        lesson_by_agent=bool(found.said),
        details=tuple(_facts(made.details)),
        seconds=made.cost.seconds,
        parent=row_of(course, line[1]) if len(line) > 1 else None,
        lineage=tuple(row_of(course, each) for each in _ends(line)),
        children=tuple(row_of(course, each) for each in children[:MOST_CHILDREN]),
        runs=tuple(run_view(run, made.commit) for run in record.runs[-MOST_RUNS:]),
        runs_left_out=max(0, len(record.runs) - MOST_RUNS),
        curves=tuple(_curve(run, found.curves[run.run.key], made.commit) for run in shown),
        pairs=tuple(pairs_of(record, course.metric)),
        evidence=tuple((plain(name), plain(words)) for name, words in evidence),
        claim_words="\n".join(
            claim_words(claim, contract) for claim in course.claims if claim.experiment == number
        ),
        diff=diff[:MOST_DIFF_BYTES].decode("utf-8", "ignore"),
        diff_left_out=max(0, len(diff) - MOST_DIFF_BYTES),
        diff_trouble=found.diff_trouble,
        log=found.log,
        log_trouble=found.log_trouble,
        turns=len(course.turns.get(number, ())),
        before=number - 1 if number else None,
        after=number + 1 if number + 1 < len(course.columns) else None,
    )


def curved(record: ExperimentRecord) -> list[RunRecord]:
    """The runs whose curves are shown: of many, the newest, those of its own code first."""
    runs = [run for run in record.runs if "curve" in run.artefacts]
    own = [run for run in runs if run.run.commit == record.experiment.commit]
    others = [run for run in runs if run.run.commit != record.experiment.commit]
    return [*own[-MOST_CURVES // 2 :], *others[-MOST_CURVES // 2 :]]


def thinned(curve: Curve, most: int = CURVE_POINTS) -> tuple[tuple[float, float], ...]:
    """So many points of a curve at most, evenly chosen, the last one always."""
    every = -(-len(curve) // most) or 1
    chosen: list[Point] = [*curve[::every]]
    if curve and chosen[-1] is not curve[-1]:
        chosen.append(curve[-1])
    return tuple((point.progress, point.loss) for point in chosen)


def run_view(run: RunRecord, commit: str) -> RunView:
    """A run, and what came of it in words."""
    state, words, value, others = _outcome(run)
    report = run.report
    return RunView(
        key=run.run.key,
        purpose=run.run.purpose.value,
        side=run.run.side.value,
        seed=run.run.seed,
        pair=run.run.pair,
        is_own=run.run.commit == commit,
        state=state,
        value=value,
        words=words,
        others=others,
        started_at=run.started_at,
        wall_s=report.wall_s if report else None,
        cpu_s=report.cpu_s if report else None,
        peak_memory_bytes=report.peak_memory_bytes if report else None,
        under=circumstances_in_words(run.under) if run.under else "",
        has_log="log" in run.artefacts,
        has_curve="curve" in run.artefacts,
    )


def _outcome(run: RunRecord) -> tuple[str, str, float | None, dict[str, float]]:
    match run.outcome:
        case Measured(value=value, others=others):
            return "measured", "", value, dict(others)
        case Failed(why=why, detail=detail):
            return "failed", f"{why.value}: {short(detail, MOST_FACT)}", None, {}
        case Stopped(progress=progress, detail=detail):
            return "stopped", f"stopped at {percent(progress)}: {short(detail, MOST_FACT)}", None, {}
    return (
        ("lost", f"lost: {short(run.lost, MOST_FACT)}", None, {}) if run.lost else ("running", "", None, {})
    )


def pairs_of(record: ExperimentRecord, metric: Metric) -> Iterator[PairView]:
    """Both sides of every comparison, in order, with what the judge made of it where it said so."""
    sides: dict[tuple[Purpose, int], dict[Side, RunRecord]] = {}
    for purpose in (Purpose.CONFIRM, Purpose.REVISIT, Purpose.CERTIFY):
        for run in latest_runs(record, purpose):
            if isinstance(run.outcome, Measured):
                sides.setdefault((purpose, run.run.pair), {})[run.run.side] = run
    verdict = record.verdict or record.held
    said = verdict.evidence.get("pairs") if verdict else None
    by_seed = (
        {one.get("seed"): one for one in said if isinstance(one, Mapping)} if isinstance(said, list) else {}
    )
    for (purpose, pair), runs in sides.items():
        seed = next(iter(runs.values())).run.seed
        candidate, reference = (_value(runs.get(side)) for side in (Side.CANDIDATE, Side.REFERENCE))
        both = candidate is not None and reference is not None
        log_evidence = by_seed.get(seed, {}).get("log_evidence") if purpose is Purpose.CONFIRM else None
        yield PairView(
            pair=pair,
            seed=seed,
            candidate=candidate,
            reference=reference,
            gain=metric.gain(reference, candidate) if both else None,  # type: ignore[arg-type]
            log_evidence=log_evidence if isinstance(log_evidence, float | int) else None,
            purpose=purpose.value,
        )


def _value(run: RunRecord | None) -> float | None:
    return run.outcome.value if run and isinstance(run.outcome, Measured) else None


def _curve(run: RunRecord, curve: Curve, commit: str) -> CurveView:
    return CurveView(
        key=run.run.key,
        experiment=run.run.experiment,
        side=run.run.side.value,
        purpose=run.run.purpose.value,
        seed=run.run.seed,
        is_own=run.run.commit == commit,
        points=thinned(curve),
    )


def _predicted(row: Row) -> str:
    if row.predicted is None or row.number == BASELINE:
        return ""
    said = f"{percent(row.predicted, signed=True)} predicted"
    return (
        f"{said}, {percent(row.gain, signed=True)} measured (uncertified)" if row.gain is not None else said
    )


def _ends(line: list[int]) -> list[int]:
    """Of a very long line the newest, and the baseline."""
    return line if len(line) <= MOST_ON_LINE else [*line[: MOST_ON_LINE - 1], line[-1]]


def _facts(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in details.items():
        if name not in _TOLD_ELSEWHERE:
            said = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
            yield short(name.replace("_", " "), MOST_FACT), short(said, MOST_FACT)
