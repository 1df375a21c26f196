"""The exam of executors over the local one in each sandbox, and what is the local one's alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jumar.core.executor import Executor
from jumar.core.job import Job
from jumar.core.machine import Circumstances
from jumar.core.sandbox import Confined, Promise
from jumar.errors import SandboxUnavailable
from jumar.executors.gpus import Gpu, gpus
from jumar.executors.local import LocalExecutor
from jumar.executors.machine import free_disk_bytes, ground, slowdown, this_machine
from jumar.executors.seats import Seat, Wanted, circumstances, seats
from jumar.executors.topology import nodes
from jumar.sandboxes.detect import choose, detect
from jumar.testing.executor_suite import ExecutorSuite, drain
from jumar.testing.lab import Lab, caps, until

USABLE = [found.name for found in detect() if found.usable]


WANTED = Wanted(memory_bytes=1 << 28, workers=2, oversubscribed=True)


def two_seats() -> tuple[Seat, ...]:
    return seats(ground(), WANTED)


class TestLocalExecutor(ExecutorSuite):
    @pytest.fixture(params=USABLE)
    def executor(self, request: pytest.FixtureRequest) -> Iterator[Executor]:
        executor = LocalExecutor(choose(request.param), two_seats())
        yield executor
        executor.close()


class Broken:
    """A sandbox that cannot confine anything."""

    name = "broken"
    promises = frozenset[Promise]()

    def launch(self, job: Job) -> Confined:
        raise SandboxUnavailable("no namespaces left", fix="wait")


SAY_CORES = "import os; print(*sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'], flush=True)"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")
def test_runs_at_once_share_no_core_and_a_score_has_its_runs(tmp_path: Path) -> None:
    shared_out = two_seats()
    under = circumstances(ground(), WANTED, shared_out)
    executor, lab = LocalExecutor(choose(USABLE[0]), shared_out, under), Lab(tmp_path)
    cores = [set(seat.cores) for seat in shared_out]
    assert cores[0] and cores[1] and not cores[0] & cores[1]
    long = lab.job(f"{SAY_CORES}; import time; time.sleep(600)")
    short = lab.job(SAY_CORES)
    executor.submit(long)
    executor.submit(short)
    assert drain(executor, 1)[short.key].report.under == Circumstances(machine=under.machine, workers=2)
    score = lab.job(SAY_CORES, follows=short.key, env={**short.env, "OMP_NUM_THREADS": "7"})
    executor.submit(score)
    drain(executor, 1)
    until(long.log.read_text, "what the long one says")
    ran = [job.log.read_text().split() for job in (long, short, score)]
    executor.close()
    assert [set(map(int, said[:-1])) for said in ran] == [cores[0], cores[1], cores[1]]
    assert [said[-1] for said in ran] == [*[str(shared_out[0].threads)] * 2, "7"]


def test_a_topology_is_read_with_the_threads_of_a_core_together(tmp_path: Path) -> None:
    usable = sorted(os.sched_getaffinity(0))
    for cpu in usable:
        (tmp_path / f"cpu/cpu{cpu}/topology").mkdir(parents=True)
        pair = f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}"
        (tmp_path / f"cpu/cpu{cpu}/topology/thread_siblings_list").write_text(f"{pair}\n")
    (tmp_path / "node/node1").mkdir(parents=True)
    (tmp_path / "node/node1/cpulist").write_text("0-4095\n")
    (node,) = nodes(tmp_path)
    assert [cpu for core in node for cpu in core] == usable
    assert all(cpu // 2 == core[0] // 2 for core in node for cpu in core)
    assert [cpu for node in nodes(tmp_path / "none") for core in node for cpu in core] == usable


LISTED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 3g.20gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaaa0d6-d33d-2b2c-524d-9e3d8d2b8a77)
"""


def test_gpus_and_their_instances_are_read_from_their_own_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n[ $1 = -L ] && cat <<'END'\n{LISTED}END\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    first, second = gpus()
    assert (first.index, first.name, len(first.instances)) == (0, "NVIDIA A100-SXM4-40GB", 2)
    assert second == Gpu(index=1, name=first.name, uuid="GPU-aaaaa0d6-d33d-2b2c-524d-9e3d8d2b8a77")
    for ours, left in {"1": (second,), "GPU-aaaa": (second,), "": (), "1,0": (second, first)}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ours)
        assert gpus() == left
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-cba")
    assert [gpu.instances for gpu in gpus()] == [first.instances[1:]]


def test_what_cannot_be_confined_is_raised_where_the_loop_waits() -> None:
    executor = LocalExecutor(Broken(), [Seat()])
    place = Path("/nonexistent")
    executor.submit(Job(key="1", command=("true",), tree=place, out=place, log=place, caps=caps()))
    with pytest.raises(SandboxUnavailable, match="no namespaces left"):
        executor.wait(10)
    executor.close()


def test_jobs_of_a_short_lived_thread_live_on(tmp_path: Path) -> None:
    executor, lab = LocalExecutor(choose(USABLE[0]), [Seat()]), Lab(tmp_path)
    job = lab.job("import time; time.sleep(0.3)")
    submitting = threading.Thread(target=executor.submit, args=(job,))
    submitting.start()
    submitting.join()
    assert drain(executor, 1)[job.key].report.succeeded
    executor.close()


@pytest.mark.skipif(os.geteuid() != 0 or USABLE[0] == "process", reason="users are changed by root alone")
def test_jobs_at_the_same_time_are_different_users(tmp_path: Path) -> None:
    executor, lab = LocalExecutor(choose(None), [Seat()] * 3), Lab(tmp_path)
    jobs = [lab.job("import os; print(os.getuid())") for _ in range(3)]
    for job in jobs:
        executor.submit(job)
    drain(executor, 3)
    executor.close()
    users = {int(job.log.read_text()) for job in jobs}
    assert len(users) == 3
    assert 0 not in users


def test_an_executor_that_is_never_closed_does_not_hold_up_the_end(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
from jumar.executors.local import LocalExecutor
from jumar.executors.seats import Seat
from jumar.sandboxes.detect import choose
from jumar.testing.lab import Lab, caps, until
executor = LocalExecutor(choose({USABLE[0]!r}), [Seat()])
lab = Lab(Path({str(tmp_path)!r}))
executor.submit(lab.job("import time; time.sleep(600)"))
print(lab.mark)
"""
    mark = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    lab = Lab(tmp_path)
    lab.mark = mark
    until(lambda: lab.survivors() == [], "the end of everything")


def test_this_machine_is_described() -> None:
    machine = this_machine()
    assert machine.cores == len(os.sched_getaffinity(0))
    assert machine.memory_bytes > 1 << 26
    assert machine.system.startswith("Linux ")
    assert sorted(ground().threads) == sorted(os.sched_getaffinity(0))


def test_free_disk_is_told_for_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert free_disk_bytes(tmp_path / "not" / "yet") > 0


def test_slowdown_is_a_ratio() -> None:
    assert 0.3 < slowdown() < 30
