"""Experiments as rows: one, those that a query asks for, and the line from one back to the baseline."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from typing import Any

from jumar.core.experiment import BASELINE
from jumar.errors import Usage
from jumar.reports.columns import NOBODY, STATE
from jumar.reports.course import Course
from jumar.reports.pages import SORTS, STATES, Query, Row
from jumar.rules.plain import plain

MOST_ROWS = 1_000  # of a page
MOST_LINE = 10_000  # champions between one experiment and the baseline


def state_of(course: Course, number: int) -> str:
    """What an experiment is now."""
    return STATES[course.columns.state[number]]


def parent_value(course: Course, number: int) -> float | None:
    """What an experiment started from is worth by now."""
    level = course.levels.get(course.columns.parent[number])
    return level.value(course.under)[0] if level else None


def gain_of(course: Course, number: int) -> float | None:
    """The relative gain: by the judge's estimate where there is one, else by the values."""
    parent, value = parent_value(course, number), course.value(number)
    if parent is None or value is None or number == BASELINE:
        return None
    gain = course.columns.get("gain", number)
    if gain is None:
        return course.metric.relative_gain(parent, value)
    return gain / abs(parent) if parent else gain


def row_of(course: Course, number: int) -> Row:
    """One experiment's line. Raises Usage where there is none of that number."""
    columns = course.columns
    if not 0 <= number < len(columns):
        raise Usage(
            f"the study has no experiment {number}",
            fix=f"they are numbered 0 to {len(columns) - 1}" if len(columns) else "there is none yet",
        )
    scale = abs(parent_value(course, number) or 0.0) or 1.0
    ends = [columns.get(name, number) for name in ("low", "high")]
    low, high = (None if end is None else end / scale for end in ends)
    parent = columns.parent[number]
    return Row(
        number=number,
        state=state_of(course, number),
        certain=number in course.certain and number not in course.refuted,
        value=course.value(number),
        gain=gain_of(course, number),
        low=low,
        high=high,
        predicted=columns.get("predicted", number),
        hypothesis=plain(columns.hypothesis[number]),
        reason=plain(course.refuted.get(number) or columns.reason[number]),
        code=plain(columns.code[number]),
        agent=plain(columns.agent[number]),
        parent=None if parent == NOBODY else parent,
        tries=tries_of(course, number),
        touched=plain(columns.touched[number]),
        runs=columns.runs[number],
        cpu_s=columns.cpu_s[number],
        usd=columns.usd[number],
        tokens=columns.tokens[number],
        proposed_at=columns.proposed_at[number],
        judged_at=columns.get("judged_at", number),
    )


def tries_of(course: Course, number: int) -> int:
    """How many experiments started from this one, open ones included."""
    level = course.levels.get(number)
    if level is None:
        return 0
    parents = course.columns.parent
    return sum(level.tries) + sum(1 for waiting in course.unsettled if parents[waiting] == number)


def line_of(course: Course, number: int) -> list[int]:
    """From an experiment back to the baseline, itself first."""
    line = [number]
    while len(line) < MOST_LINE and (parent := course.columns.parent[line[-1]]) != NOBODY:
        line.append(parent)
    return line


def children_of(course: Course, number: int) -> list[int]:
    """Experiments that started from this one, newest first."""
    if number not in course.levels:
        return []
    found, parents, place = [], course.columns.parent, -1
    for _ in range(parents.count(number)):
        place = parents.index(number, place + 1)
        found.append(place)
    return found[::-1]


def selected(course: Course, query: Query) -> array[int]:
    """The numbers that a query asks for, all pages, in its order. Raises Usage for an unknown order."""
    if query.sort not in SORTS:
        raise Usage(f"nothing is sorted by {query.sort!r}", fix=f"by one of: {', '.join(SORTS)}")
    found = _filtered(course, query)
    if query.sort == "number":
        return array("i", reversed([*found]) if query.descending else found)
    numbers = [*found]
    key = _key(course, query.sort)
    keys = {number: key(number) for number in numbers}
    there = [number for number in numbers if keys[number] is not None]
    there.sort(key=keys.__getitem__, reverse=query.descending)
    return array("i", [*there, *(number for number in numbers if keys[number] is None)])


def _filtered(course: Course, query: Query) -> Iterable[int]:
    columns = course.columns
    numbers: Iterable[int] = range(len(columns))
    if query.parent is not None:
        numbers = reversed(children_of(course, query.parent))
    if query.states:
        wanted = {STATE[state] for state in query.states if state in STATE}
        numbers = [number for number in numbers if columns.state[number] in wanted]
    if query.agent:
        numbers = [number for number in numbers if columns.agent[number] == query.agent]
    for word in query.words.casefold().split():
        numbers = _with_word(course, numbers, word)
    return numbers


def _with_word(course: Course, numbers: Iterable[int], word: str) -> list[int]:
    """Those whose line has a word in it somewhere. Texts that many share are searched once."""
    columns = course.columns
    shared = {text for text in columns.known if word in text.casefold()}
    hypothesis, reason, touched, code = columns.hypothesis, columns.reason, columns.touched, columns.code
    return [
        number
        for number in numbers
        if word in hypothesis[number].casefold()
        or word in reason[number].casefold()
        or touched[number] in shared
        or code[number] in shared
        or word == f"#{number}"
        or (number in course.refuted and word in course.refuted[number].casefold())
    ]


def _key(course: Course, sort: str) -> Callable[[int], Any]:
    """What a number is sorted by; None comes last."""
    columns = course.columns
    if sort == "value":
        return course.value
    if sort == "gain":
        return lambda number: gain_of(course, number)
    if sort == "tries":
        return lambda number: tries_of(course, number)
    if sort in ("hypothesis", "reason", "agent"):
        texts = getattr(columns, sort)
        return lambda number: texts[number].casefold() or None
    column = getattr(columns, sort)
    if sort == "parent":
        return lambda number: None if column[number] == NOBODY else column[number]
    return lambda number: None if math.isnan(column[number]) else column[number]
