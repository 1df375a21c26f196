"""What a run takes of a cluster's machines, and where there is room for one."""

from __future__ import annotations

from typing import Any

import pytest

from jumar.errors import EnvironmentUnfit
from jumar.executors.ray_shares import GIB, Asked, Machine, share, wanting


def machine(node: str, **resources: float) -> Machine:
    return Machine(node=node, host=node, resources={"memory": 64.0 * GIB, **resources})


def asked(**changes: Any) -> Asked:
    return Asked(**{"memory_bytes": 4 * GIB, **changes})


def test_two_runs_share_a_machine_without_gpus_and_one_has_it_alone_on_a_wall_clock() -> None:
    cluster = [machine("a", CPU=8.0), machine("b", CPU=16.0)]
    found = share(cluster, asked())
    assert found.takes == {"CPU": 4.0, "memory": 4.0 * GIB}
    assert [found.capacity(each) for each in cluster] == [2, 2]
    alone = share(cluster, asked(on_wall_clock=True))
    assert alone.takes["CPU"] == 8 and [alone.capacity(each) for each in cluster] == [1, 1]


def test_a_run_has_a_gpu_and_its_part_of_the_cores_where_there_are_any() -> None:
    cluster = [machine("a", CPU=32.0, GPU=4.0), machine("b", CPU=8.0)]
    found = share(cluster, asked())
    assert (found.takes["CPU"], found.takes["GPU"]) == (8.0, 1.0)
    assert [found.capacity(each) for each in cluster] == [4, 0]
    halves = share(cluster, asked(gpus=0.5))
    assert (halves.takes["CPU"], halves.capacity(cluster[0])) == (4.0, 8)
    without = share(cluster, asked(gpus=0.0))
    assert "GPU" not in without.takes and without.capacity(cluster[1]) == 2


def test_what_the_user_names_is_taken_and_memory_bounds_it() -> None:
    cluster = [machine("a", CPU=32.0, fast=1.0), machine("b", CPU=32.0)]
    found = share(cluster, asked(resources={"CPU": 2.0}))
    assert [found.capacity(each) for each in cluster] == [16, 16]
    assert share(cluster, asked(memory_bytes=40 * GIB)).capacity(cluster[0]) == 1
    found = share(cluster, asked(resources={"fast": 1.0}))
    assert [found.capacity(each) for each in cluster] == [1, 0]


def test_a_share_that_no_machine_has_is_refused_with_what_there_is() -> None:
    with pytest.raises(EnvironmentUnfit, match=r"takes GPU=2.*of one is GPU=0, CPU=8, memory 64 GiB"):
        share([machine("a", CPU=8.0)], asked(resources={"GPU": 2.0}))


def test_seats_are_made_where_there_is_room_and_never_more_than_workers() -> None:
    cluster = [machine("a", CPU=4.0), machine("b", CPU=2.0)]
    found = share(cluster, asked(resources={"CPU": 1.0}))
    assert wanting(cluster, found, None, {}) == {"a": 4, "b": 2}
    assert wanting(cluster, found, 3, {}) == {"a": 3}
    assert wanting(cluster, found, 5, {"a": 3}) == {"a": 1, "b": 1}
    assert wanting([*cluster, machine("c", CPU=8.0)], found, 6, {"a": 4, "b": 2}) == {}
