"""How a machine is shared out: equally large seats that share nothing, and a clear line beyond that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jumar.core.job import Caps, Job
from jumar.errors import EnvironmentUnfit, Usage
from jumar.executors.gpus import Gpu
from jumar.executors.local import placed
from jumar.executors.seats import GIB, Ground, Seat, Wanted, circumstances, most_workers, seats, usual_workers

# Two nodes of four cores with two threads each, numbered as the kernel does: all first threads first.
SERVER = Ground(
    cpu="a CPU",
    nodes=tuple(tuple((core, core + 8) for core in range(first, first + 4)) for first in (0, 4)),
    memory_bytes=64 * GIB,
)
SMALL = Ground(cpu="a CPU", nodes=(((0,), (1,)),), memory_bytes=8 * GIB)
GPUS = tuple(Gpu(index=n, name="a GPU", uuid=f"GPU-{n}") for n in range(2))
DIVIDED = (Gpu(index=0, name="a GPU", uuid="GPU-0", instances=("MIG-a", "MIG-b", "MIG-c")),)


def wanted(workers: int | None = None, **more: Any) -> Wanted:
    return Wanted(**{"memory_bytes": GIB, "workers": workers, **more})


@pytest.mark.parametrize(("workers", "cores"), [(1, 8), (2, 4), (3, 2), (4, 2), (5, 1), (8, 1)])
def test_seats_are_equally_many_whole_cores_of_one_node(workers: int, cores: int) -> None:
    found = seats(SERVER, wanted(workers))
    assert [len(seat.cores) for seat in found] == [2 * cores] * workers
    assert [seat.threads for seat in found] == [cores] * workers
    taken = [cpu for seat in found for cpu in seat.cores]
    assert len(taken) == len(set(taken)), "nobody shares a CPU"
    for seat in found:
        assert {cpu % 8 for cpu in seat.cores} == {cpu for cpu in seat.cores if cpu < 8}, "whole cores"
        assert workers == 1 or len({cpu % 8 // 4 for cpu in seat.cores}) == 1, "of one node"


def test_more_workers_than_cores_have_a_thread_each_and_insisting_shares_even_these() -> None:
    assert len({seat.cores for seat in seats(SERVER, wanted(16))}) == 16
    with pytest.raises(EnvironmentUnfit, match=r"3 workers need 3 cores, and Jumar may use 2.*--workers 2;"):
        seats(SMALL, wanted(3))
    insisted = seats(SMALL, wanted(3, oversubscribed=True))
    assert [seat.cores for seat in insisted] == [(0,), (1,), (0,)]


def test_seats_that_could_not_be_equal_are_refused() -> None:
    with pytest.raises(EnvironmentUnfit, match=r"9 workers cannot have equal .*--workers 8, a core .* 16"):
        seats(SERVER, wanted(9))
    assert most_workers(replace(SERVER, memory_bytes=12 * GIB), wanted()) == 8
    other = Gpu(index=1, name="another GPU", uuid="GPU-9")
    with pytest.raises(EnvironmentUnfit, match=r"a GPU, another GPU.*CUDA_VISIBLE_DEVICES=0"):
        seats(replace(SERVER, gpus=(GPUS[0], other)), wanted())
    assert len(seats(replace(SERVER, gpus=(GPUS[0], other)), wanted(2, gpus=0))) == 2


@pytest.mark.parametrize("workers", range(2, 17))
def test_the_part_of_a_gpu_that_is_offered_is_taken(workers: int) -> None:
    server = replace(SERVER, gpus=GPUS[:1], nodes=tuple(((n,),) for n in range(16)))
    with pytest.raises(EnvironmentUnfit) as refused:
        seats(server, wanted(workers))
    part = float(refused.value.fix.partition("--gpus-per-worker ")[2].split()[0])
    assert len(seats(server, wanted(workers, gpus=part))) == workers


def test_memory_is_not_promised_twice() -> None:
    with pytest.raises(
        EnvironmentUnfit, match=r"2 × 6 GiB of memory, and this machine has 8 GiB.*--workers 1,"
    ):
        seats(SMALL, wanted(2, memory_bytes=6 * GIB))
    assert len(seats(SMALL, wanted(memory_bytes=6 * GIB))) == 1
    assert len(seats(SMALL, wanted(1, memory_bytes=100 * GIB))) == 1, "a cap that nothing reaches"


def test_the_usual_number_is_a_pair_or_one_for_each_gpu_where_there_is_room() -> None:
    assert usual_workers(SERVER, wanted()) == 2
    assert usual_workers(SERVER, wanted(on_wall_clock=True)) == 1
    assert usual_workers(replace(SERVER, gpus=GPUS * 2), wanted(on_wall_clock=True)) == 4
    assert usual_workers(replace(SMALL, nodes=(((0, 1),),)), wanted()) == 1, (
        "threads of one core slow each other"
    )
    assert (most_workers(SERVER, wanted()), most_workers(replace(SERVER, gpus=GPUS), wanted())) == (16, 2)


def test_each_worker_has_a_gpu_or_what_was_chosen_of_one() -> None:
    server = replace(SERVER, gpus=GPUS)
    assert [seat.gpus for seat in seats(server, wanted())] == ["GPU-0", "GPU-1"]
    assert [seat.gpus for seat in seats(server, wanted(gpus=0.5))] == ["GPU-0", "GPU-1"] * 2
    assert [seat.gpus for seat in seats(server, wanted(gpus=2))] == ["GPU-0,GPU-1"]
    assert [seat.gpus for seat in seats(server, wanted(3, gpus=0))] == [""] * 3
    divided = replace(SERVER, gpus=DIVIDED)
    assert [seat.gpus for seat in seats(divided, wanted(gpus="mig"))] == ["MIG-a", "MIG-b", "MIG-c"]
    assert [seat.gpus for seat in seats(SERVER, wanted())] == [None, None]


@pytest.mark.parametrize(
    ("gpus", "terms", "said"),
    [
        (
            GPUS,
            wanted(3),
            r"3 workers need 3 GPUs.*has 2.*--workers 2; or smaller parts: --gpus-per-worker 0.5",
        ),
        (GPUS, wanted(gpus=3), "a worker shall have 3 GPUs, and this machine has 2"),
        (GPUS, wanted(gpus="mig"), "no GPU here is divided"),
        ((), wanted(gpus=1), "there is no GPU here"),
    ],
)
def test_gpus_that_are_not_there_are_said(gpus: tuple[Gpu, ...], terms: Wanted, said: str) -> None:
    with pytest.raises(EnvironmentUnfit, match=said):
        seats(replace(SERVER, gpus=gpus), terms)


def test_no_worker_has_one_and_a_half_gpus() -> None:
    with pytest.raises(Usage, match=r"a worker cannot have 1\.5 GPUs"):
        seats(replace(SERVER, gpus=GPUS), wanted(gpus=1.5))


def test_circumstances_say_what_a_run_has_and_how_many_run_beside_it() -> None:
    def of(ground: Ground, terms: Wanted) -> tuple[str, int]:
        found = circumstances(ground, terms, seats(ground, terms))
        return found.machine, found.workers

    assert of(SERVER, wanted()) == ("a CPU, 8 cores", 2)
    assert of(SMALL, wanted(2)) == ("a CPU, 1 core", 2)
    assert of(SMALL, wanted(4, oversubscribed=True)) == ("a CPU, 1 core, oversubscribed", 4)
    assert of(replace(SERVER, gpus=GPUS), wanted()) == ("a CPU, 8 cores, a GPU", 2)
    assert of(replace(SERVER, gpus=GPUS), wanted(gpus=0.5)) == ("a CPU, 4 cores, 0.5 × a GPU", 4)
    assert of(replace(SERVER, gpus=DIVIDED), wanted(gpus="mig")) == ("a CPU, 4 cores, MIG of a GPU", 3)
    assert of(replace(SERVER, gpus=GPUS), wanted(gpus=0)) == ("a CPU, 8 cores", 2)


def test_a_job_is_told_of_its_seat_but_for_what_the_contract_says_itself() -> None:
    place = Path("/nowhere")
    server = Job(key="s", command=("x",), tree=place, out=place, log=place, caps=Caps(wall_s=1))
    job = replace(server, key="1", env={"OMP_NUM_THREADS": "1"}, servers=(server,))
    seated = placed(job, Seat(cores=(2, 3), threads=2, gpus="GPU-1"))
    assert (seated.cores, seated.servers[0].cores) == ((2, 3), (2, 3))
    assert (seated.env["OMP_NUM_THREADS"], seated.env["MKL_NUM_THREADS"]) == ("1", "2")
    assert seated.servers[0].env["CUDA_VISIBLE_DEVICES"] == seated.env["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    alone = placed(job, Seat(cores=(2, 3), threads=2, gpus="GPU-1"), pinned=False)
    assert alone.cores == ()
