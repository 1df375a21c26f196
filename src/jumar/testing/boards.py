"""The exam of what pages are told: the same as the records say, read one by one and in whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from jumar.board import Board
from jumar.core.contract import Contract
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports.course import Course, on_a_line
from jumar.reports.glance import Now, overview
from jumar.reports.pages import Overview
from jumar.reports.rows import row_of
from jumar.reports.summary import summarise
from jumar.reports.values import Values
from jumar.rules.certain import certain
from jumar.rules.plain import plain
from jumar.view import StudyView


def differences(
    course: Course, record: StudyRecord, records: Sequence[ExperimentRecord], contract: Contract
) -> list[str]:
    """Where a course and the records disagree, in words; none where all is well."""
    now = Now(at=record.last_at, doing="", is_running=False)
    seen = overview(course, record, contract, now)
    return [*_of_rows(course, records), *_of_overview(seen, record, records, contract)]


def examine(view: StudyView) -> None:
    """Fail where a study's pages say something else than its records."""
    board = Board(view)
    board.refresh()
    record = view.record()
    assert record is not None and board._course is not None
    found = differences(board._course, record, view.experiments(), view.contract)
    assert not found, "; ".join(found)
    for page in (board.tree, board.lessons, board.integrity, lambda: board.detail(record.champion)):
        page()


def _of_rows(course: Course, records: Sequence[ExperimentRecord]) -> Iterator[str]:
    values, sure = Values(records), certain(records)
    for record in records:
        number, row = record.number, row_of(course, record.number)
        said: tuple[tuple[str, object, object], ...] = (
            ("state", row.state, _state(record)),
            ("value", row.value, values.of(record)),
            ("certain", row.certain, number in sure and not record.refuted),
            ("runs", row.runs, len(record.runs)),
            ("hypothesis", row.hypothesis, plain(on_a_line(record.experiment.hypothesis))),
            ("cost", row.usd, record.experiment.cost.usd),
        )
        yield from (
            f"#{number} {name}: {one!r}, not {other!r}" for name, one, other in said if not _same(one, other)
        )
    if len(course.columns) != len(records):
        yield f"{len(course.columns)} experiments, not {len(records)}"


def _of_overview(
    seen: Overview, record: StudyRecord, records: Sequence[ExperimentRecord], contract: Contract
) -> Iterator[str]:
    summary = summarise(record, records, contract)
    agents = {share.agent: share for share in summary.agents}
    said: list[tuple[str, object, object]] = [
        ("baseline", seen.baseline.value, summary.baseline.value),
        ("champion", seen.champion.value, summary.champion.value),
        ("champion's runs", seen.champion.runs, summary.champion.runs),
        ("gain", seen.gain, summary.gain),
        ("sentence", seen.sentence, summary.sentence),
        ("keeps", seen.keeps_in_words, summary.keeps_in_words()),
        ("cost", seen.usd, record.cost_usd),
        ("worked", seen.active_s, record.active_s),
        ("agents", {share.agent for share in seen.agents}, set(agents)),
    ]
    for share in seen.agents:
        told = agents[share.agent]
        names = ("proposals", "polishing", "kept", "gain", "certified", "usd", "tokens", "seconds")
        said += [(f"{share.agent}: {name}", getattr(share, name), getattr(told, name)) for name in names]
    yield from (f"{name}: {one!r}, not {other!r}" for name, one, other in said if not _same(one, other))


def _state(record: ExperimentRecord) -> str:
    if record.refuted:
        return "refuted"
    if record.verdict is None:
        return "held" if record.held else "open"
    return "baseline" if record.number == BASELINE and record.is_kept else record.verdict.decision.value


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return one == other
