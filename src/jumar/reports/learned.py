"""What experiments taught, a page at a time, newest first."""

from __future__ import annotations

from collections.abc import Callable

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.reports.columns import NOBODY, STATE
from jumar.reports.course import Course
from jumar.reports.pages import Lessons
from jumar.rules.lessons import calibrated, learned
from jumar.rules.recollection import lessons_of
from jumar.rules.telling import measured_share

MOST_NOTES = 100

Read = Callable[[int], ExperimentRecord]


def lessons_page(course: Course, read: Read, first: int, most: int) -> Lessons:
    """So many lessons from the `first` newest one on; `read` gives an experiment as the ledger has it."""
    states, waits = course.columns.state, (STATE["open"], STATE["held"])
    judged = [number for number in range(len(states) - 1, BASELINE, -1) if states[number] not in waits]
    records = [read(number) for number in judged[first : first + most]]
    return Lessons(
        lessons=tuple(
            learned(one, measured_share(one, course.metric), said_of(course, one.number, read))
            for one in records
        ),
        total=len(judged),
        predictions=calibrated(_predictions(course)),
        notes=tuple(reversed(course.community.notes[-MOST_NOTES:])),
        questions=tuple(
            f"{puzzle.who}: {puzzle.words}" if puzzle.who else puzzle.words
            for puzzle in course.community.puzzles.values()
        ),
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
