from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from jumar.core.contract import Direction
from jumar.core.event import Event, Held, Judged, Proposed, Rebased, Refuted, Revisited, RunLost, RunStarted
from jumar.core.run import Purpose, Run
from jumar.core.verdict import Decision, Verdict
from jumar.errors import LedgerUnfit, Usage
from jumar.reports import glance
from jumar.reports.course import MOST_WORDS, Course
from jumar.reports.integrity import integrity
from jumar.reports.lineage import tree
from jumar.reports.pages import SORTS, Chain, Query, Row
from jumar.reports.rows import children_of, line_of, row_of, selected
from jumar.reports.slots import MOST_STEPS, BusySlots
from jumar.testing.boards import differences
from jumar.testing.events import claim, commit_of, judged, proposed, run_ended, run_started, started
from jumar.testing.memory_ledger import MemoryLedger
from jumar.testing.records import Shape, make_study
from jumar.testing.retold import entries, retold

EXPERIMENTS = 120
SHAPES = {
    "minimized": Shape(),
    "maximized": Shape(direction=Direction.MAXIMIZE, metric="accuracy", start=0.5),
    "without noise": Shape(noise=0.0, certified=False),
    "self-reported": Shape(self_reported=True),
}


def course_of(experiments: int, shape: Shape | None = None) -> Course:
    record, records, contract = make_study(experiments, shape=shape)
    course = Course(metric=contract.measure.metric)
    for entry in entries("s", retold(record, records)):
        course.apply(entry)
    return course


@pytest.fixture(scope="module")
def course() -> Course:
    return course_of(EXPERIMENTS)


@pytest.mark.parametrize("name", SHAPES)
def test_a_course_says_what_the_records_say(name: str) -> None:
    record, records, contract = make_study(EXPERIMENTS, shape=SHAPES[name])
    course = course_of(EXPERIMENTS, SHAPES[name])
    record = replace(record, active_s=course.worked.seconds)
    assert differences(course, record, records, contract) == []
    assert course.unsettled == {}, "runs are forgotten with the verdict"


def test_a_machines_memory_is_told_in_a_unit_that_can_be_read(course: Course) -> None:
    record, _, contract = make_study(1)
    terms = replace(record.terms, machine={"cpu": "EPYC", "memory_bytes": 25_276_502_016})
    told = dict(integrity(course, terms, contract, Chain(entries=1, head="")).machine)
    assert told == {"cpu": "EPYC", "memory": "23.5 GiB"}


def kept(number: int) -> Judged:
    verdict = Verdict(decision=Decision.KEPT, reason="better", gain=0.1, interval=(0.05, 0.15))
    return Judged(experiment=number, verdict=verdict)


def _proposed(number: int, parent: int) -> Proposed:
    event = proposed(number)
    return Proposed(experiment=replace(event.experiment, parent=commit_of(parent)))


def _confirm(number: int, index: int, commit: int) -> RunStarted:
    run = Run(
        key=f"{number}-{index}",
        experiment=number,
        commit=commit_of(commit),
        seed=index,
        purpose=Purpose.CONFIRM,
    )
    return RunStarted(run=run)


HELD = Verdict(decision=Decision.KEPT, reason="better", gain=0.2)
REFUTED = Refuted(
    experiment=3,
    champion=1,
    commit=commit_of(1),
    reason="no better on fresh runs",
    claim=claim(certified=True),
)
#: What happens after a baseline and one keep (1), with what comes of it: number → state.
TURNS: dict[str, tuple[tuple[Event, ...], dict[int, str]]] = {
    "open": ((_proposed(2, 1),), {2: "open"}),
    "runs": ((_proposed(2, 1), run_started(2)), {2: "open"}),
    "a lost run": ((_proposed(2, 1), run_started(2), RunLost(key="2-0", reason="gone")), {2: "open"}),
    "a screen": ((_proposed(2, 1), run_started(2), run_ended(2, value=1.2)), {2: "open"}),
    "moved": (
        (
            _proposed(2, 0),
            Rebased(experiment=replace(_proposed(2, 1).experiment, commit="d" * 40)),
            judged(2),
        ),
        {2: "discarded"},
    ),
    "held": ((_proposed(2, 1), Held(experiment=2, verdict=HELD)), {2: "held"}),
    "judged before its run was over": (
        (_proposed(2, 1), run_started(2), judged(2), run_ended(2, value=1.3)),
        {2: "discarded"},
    ),
    "run again beside another": (
        (_proposed(2, 1), _confirm(2, 0, 1), run_ended(2, value=1.25), judged(2)),
        {2: "discarded"},
    ),
    "refuted": (
        (_proposed(2, 1), judged(2), _proposed(3, 1), run_started(3), run_ended(3), kept(3), REFUTED),
        {2: "discarded", 3: "refuted"},
    ),
    "moved on another machine": (
        (
            RunStarted(
                run=Run(key="1-7", experiment=1, commit=commit_of(1), seed=7, purpose=Purpose.REVISIT)
            ),
            run_ended(1, 7, value=1.9),
            Revisited(experiment=1, runs=1, moved=True, reason="it gives other numbers now"),
        ),
        {1: "kept"},
    ),
}


@pytest.mark.parametrize("name", TURNS)
def test_every_turn_of_a_study_is_told_as_the_ledger_has_it(name: str) -> None:
    turns, states = TURNS[name]
    beginning = (
        *(started(), proposed(0), run_started(0), run_ended(0, value=2.0), kept(0)),
        *(_proposed(1, 0), run_started(1), run_ended(1, value=1.4), kept(1)),
    )
    clock = iter(range(1000))
    ledger = MemoryLedger(now=lambda: float(next(clock)))
    contract = make_study(1)[2]
    course = Course(metric=contract.measure.metric)
    for event in (*beginning, *turns):
        for entry in ledger.append("s", event):
            course.apply(entry)
    record = ledger.study("s")
    assert record is not None
    assert differences(course, record, ledger.experiments("s"), contract) == []
    assert {number: row_of(course, number).state for number in states} == states


def test_a_gap_in_the_numbers_is_named() -> None:
    course = Course(metric=make_study(1)[2].measure.metric)
    with pytest.raises(LedgerUnfit, match="experiment 5 comes right after"):
        for entry in entries("s", [(0.0, started()), (0.0, proposed(5))]):
            course.apply(entry)


def everything(course: Course) -> list[Row]:
    return [row_of(course, number) for number in range(len(course.columns))]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_by_any_column_and_what_has_nothing_comes_last(
    course: Course, sort: str, descending: bool
) -> None:
    found = [row_of(course, number) for number in selected(course, Query(sort=sort, descending=descending))]
    assert sorted(row.number for row in found) == list(range(EXPERIMENTS + 1))
    values: list[Any] = [getattr(row, sort) for row in found]
    if sort == "state":
        return  # in the order of their kinds
    there = [
        value.casefold() if isinstance(value, str) else value for value in values if value not in (None, "")
    ]
    assert there == sorted(there, reverse=descending)
    assert all(value in (None, "") for value in values[len(there) :])


def asks(**asked: Any) -> Query:
    return Query(sort="number", descending=False, **asked)


def test_rows_are_found_by_state_agent_parent_and_words(course: Course) -> None:
    rows = everything(course)

    def found(**asked: Any) -> list[int]:
        return list(selected(course, asks(**asked)))

    assert found(states=("kept", "failed")) == [row.number for row in rows if row.state in ("kept", "failed")]
    assert found(agent="llm") == [row.number for row in rows if row.agent == "llm"]
    champion = course.champion
    parent = rows[champion].parent
    assert parent is not None
    assert found(parent=parent) == [row.number for row in rows if row.parent == parent]
    assert found(words="LEARNING fresh") == [
        row.number for row in rows if "learning" in row.hypothesis.lower() and "fresh" in row.reason
    ]
    assert found(words="#7") == [7]
    assert found(words="nobody ever said this") == []
    with pytest.raises(Usage, match="nothing is sorted by 'size'"):
        selected(course, Query(sort="size"))
    with pytest.raises(Usage, match="no experiment 999"):
        row_of(course, 999)


def test_the_tree_counts_every_experiment_once(course: Course) -> None:
    found = tree(course, None)
    numbers = [node.number for node in found.nodes]
    assert sum(sum(node.tries.values()) for node in found.nodes) == EXPERIMENTS
    assert all(node.parent in numbers[:place] for place, node in enumerate(found.nodes) if node.number)
    line = line_of(course, course.champion)
    assert (line[0], line[-1]) == (course.champion, 0)
    assert {node.number for node in found.nodes if node.on_line} == set(line)
    assert all(row_of(course, child).parent == line[1] for child in children_of(course, line[1]))


def test_a_long_study_is_drawn_with_few_dots_and_these_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glance, "MOST_OTHERS", 20)
    monkeypatch.setattr(glance, "LATEST_DOTS", 10)
    before, left_out = glance._others(course_of(EXPERIMENTS))
    assert left_out > 0 and len(before) <= 20 + 10
    assert set(range(EXPERIMENTS - 8, EXPERIMENTS + 1)) & set(before)
    record, records, contract = make_study(EXPERIMENTS)
    course = Course(metric=contract.measure.metric)
    drawn: list[set[int]] = []
    for entry in entries("s", retold(record, records)):
        course.apply(entry)
        if isinstance(entry.event, Judged) and entry.event.experiment in (100, 101):
            drawn.append(set(glance._others(course)[0]))
    assert len(drawn[0] ^ drawn[1]) <= 3, "one more experiment changes little"


def test_the_time_of_runs_is_kept_however_wide_the_steps_become() -> None:
    slots = BusySlots()
    for start in range(0, 50_000, 10):
        slots.add(1e9 + start, 1e9 + start + 15)
    told = slots.told([1e9 + 50_000], 1e9 + 50_100)
    assert len(told.runs) <= MOST_STEPS
    assert sum(told.runs) * told.width_s == pytest.approx(5_000 * 15 + 100)
    assert told.runs[3] == pytest.approx(1.5, rel=0.05)
    assert BusySlots().told([], 5.0).runs == ()
    assert len(BusySlots().told([5.0], 1e6).runs) <= MOST_STEPS


def test_texts_that_repeat_are_kept_once_and_long_ones_cut(course: Course) -> None:
    agents = {id(name) for name in course.columns.agent}
    assert len(agents) == len(set(course.columns.agent))
    told = replace(proposed(0).experiment, hypothesis="x" * 5000)
    long = Course(metric=course.metric)
    for entry in entries("s", [(0.0, started()), (0.0, Proposed(experiment=told))]):
        long.apply(entry)
    assert len(row_of(long, 0).hypothesis) == MOST_WORDS


def test_nothing_that_an_agent_wrote_stays_invisible() -> None:
    hidden = "\x1b[31mred\x1b[0m \u202egnp.exe\x00"
    told = replace(proposed(0).experiment, hypothesis=hidden, agent=hidden, touched=(hidden,))
    course = Course(metric=make_study(1)[2].measure.metric)
    for entry in entries("s", [(0.0, started()), (0.0, Proposed(experiment=told))]):
        course.apply(entry)
    row = row_of(course, 0)
    assert row.hypothesis == row.agent == row.touched == "red \\u202egnp.exe\\x00"
