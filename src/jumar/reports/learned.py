"""What experiments taught, a page at a time, newest first."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.reports.columns import NOBODY, STATE
from jumar.reports.course import Course
from jumar.reports.pages import Lessons
from jumar.rules.lessons import Learned, calibrated, learned
from jumar.rules.plain import plain
from jumar.rules.recollection import lessons_of
from jumar.rules.telling import measured_share

MOST_NOTES = 100

Read = Callable[[int], ExperimentRecord]


def lessons_page(course: Course, read: Read, first: int, most: int) -> Lessons:
    """So many lessons from the `first` newest one on; `read` gives an experiment as the ledger has it."""
    states, waits = course.columns.state, (STATE["open"], STATE["held"])
    judged = [number for number in range(len(states) - 1, BASELINE, -1) if states[number] not in waits]
    records = [read(number) for number in judged[first : first + most]]
    puzzles = course.community.puzzles.values()
    return Lessons(
        lessons=tuple(_lesson(course, one, read) for one in records),
        total=len(judged),
        predictions=calibrated(_predictions(course)),
        notes=tuple(plain(words) for words in reversed(course.community.notes[-MOST_NOTES:])),
        questions=tuple(plain(f"{puzzle.who}: {puzzle.words}") for puzzle in puzzles),
    )


def _lesson(course: Course, record: ExperimentRecord, read: Read) -> Learned:
    """One experiment's lesson, with nothing in it that would stay invisible."""
    said = said_of(course, record.number, read)
    found = learned(record, measured_share(record, course.metric), said)
    return replace(
        found, agent=plain(found.agent), hypothesis=plain(found.hypothesis), lesson=plain(found.lesson)
    )


def said_of(course: Course, number: int, read: Read) -> str | None:
    """The lesson that an agent drew from an experiment: the details of another experiment have it."""
    teller = course.columns.taught_by[number]
    return None if teller == NOBODY else dict(lessons_of(read(teller))).get(number)


def _predictions(course: Course) -> dict[str, list[tuple[float, float]]]:
    """What each agent predicted, and what was measured."""
    found: dict[str, list[tuple[float, float]]] = {}
    columns = course.columns
    rows = zip(columns.agent, columns.predicted, columns.measured, strict=True)
    for agent, predicted, measured in rows:
        if predicted == predicted and measured == measured:  # noqa: PLR0124 - not a NaN
            found.setdefault(agent, []).append((predicted, measured))
    return found
