"""The tree of champions: what each was built on, and how many experiments were tried on it."""

from __future__ import annotations

from jumar.core.experiment import BASELINE
from jumar.core.verdict import Claim
from jumar.reports.columns import NOBODY
from jumar.reports.course import Course
from jumar.reports.pages import STATES, Node, Tree
from jumar.reports.rows import gain_of, line_of, state_of
from jumar.rules.plain import plain

MOST_NODES = 2_000


def tree(course: Course, claim: Claim | None) -> Tree:
    """All champions, or those on today's line and the newest where there are more than a page bears."""
    numbers = sorted(course.levels)
    line = frozenset(line_of(course, course.champion)) if numbers else frozenset()
    drawn = numbers
    if len(numbers) > MOST_NODES:
        aside = [number for number in numbers if number not in line]
        kept = {*[number for number in numbers if number in line][-MOST_NODES:], BASELINE}
        drawn = sorted(kept | {*aside[-max(0, MOST_NODES - len(kept)) :]})
    certified = {each.experiment for each in course.claims if each.certified}
    certified |= {claim.experiment} if claim and claim.certified else set()
    nodes = tuple(_node(course, number, number in line, number in certified) for number in drawn)
    return Tree(nodes=nodes, champion=course.champion, left_out=len(numbers) - len(drawn))


def _node(course: Course, number: int, on_line: bool, certified: bool) -> Node:
    columns, level = course.columns, course.levels[number]
    tries = {state: count for state, count in zip(STATES, level.tries, strict=True) if count}
    for waiting in course.unsettled:
        if columns.parent[waiting] == number and waiting != number:
            tries[state_of(course, waiting)] = tries.get(state_of(course, waiting), 0) + 1
    parent = columns.parent[number]
    return Node(
        number=number,
        parent=None if parent == NOBODY else parent,
        state=state_of(course, number),
        on_line=on_line,
        is_champion=number == course.champion,
        label="the unchanged target" if number == BASELINE else plain(columns.hypothesis[number]),
        agent=plain(columns.agent[number]),
        value=course.value(number),
        gain=gain_of(course, number),
        certain=number in course.certain and number not in course.refuted,
        certified=certified,
        judged_at=columns.get("judged_at", number),
        tries=tries,
        best_miss=None if level.best_miss == NOBODY else level.best_miss,
    )
