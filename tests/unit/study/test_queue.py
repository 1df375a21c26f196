from __future__ import annotations

from jumar.core.run import Purpose, Run, Side
from jumar.study.queue import Queue


def run(key: str, side: Side = Side.CANDIDATE) -> Run:
    return Run(
        key=key,
        experiment=int(key.partition("-")[0]),
        commit="c" * 40,
        seed=1,
        purpose=Purpose.CONFIRM,
        side=side,
    )


def pair(experiment: int) -> tuple[Run, Run]:
    return run(f"{experiment}-1"), run(f"{experiment}-2", Side.REFERENCE)


def test_single_runs_wait_in_the_order_they_came() -> None:
    queue = Queue()
    for key in ("1-1", "2-1", "3-1"):
        queue.push((run(key),))
    assert [queue.take(2)[0].key for _ in range(3)] == ["1-1", "2-1", "3-1"]
    assert queue.take(2) == ()


def test_a_pair_goes_first_and_both_sides_start_together() -> None:
    queue = Queue()
    queue.push((run("1-1"),))
    queue.push(pair(2))
    assert queue.take(2) == pair(2)
    assert len(queue) == 1


def test_a_pair_waits_for_no_second_slot_and_its_other_side_gets_the_next_one() -> None:
    queue = Queue()
    queue.push(pair(1))
    queue.push((run("2-1"),))
    assert queue.take(1) == pair(1)[:1]
    queue.push(pair(3))
    assert len(queue) == 4
    assert queue.take(2) == pair(1)[1:]
    assert queue.take(2) == pair(3)


def test_on_one_slot_the_sides_of_a_pair_run_in_turn_and_nothing_between_them() -> None:
    queue = Queue()
    queue.push(pair(1))
    queue.push((run("2-1"),))
    taken = [queue.take(1)[0].key for _ in range(3)]
    assert taken == ["1-1", "1-2", "2-1"]


def test_it_knows_whose_runs_wait_and_forgets_them_when_told() -> None:
    queue = Queue()
    queue.push(pair(1))
    queue.take(1)
    assert queue.holds(1)
    assert not queue.holds(2)
    queue.drop()
    assert not queue.holds(1)
    assert len(queue) == 0


def test_an_empty_group_is_no_group() -> None:
    queue = Queue()
    queue.push(())
    assert queue.take(1) == ()
    assert not queue
