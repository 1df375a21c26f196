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
from jumar.core.sandbox import Confined, Promise
from jumar.errors import SandboxUnavailable
from jumar.executors.local import LocalExecutor
from jumar.executors.machine import default_slots, free_disk_bytes, slowdown, this_machine
from jumar.sandboxes.detect import choose, detect
from jumar.testing.executor_suite import ExecutorSuite, drain
from jumar.testing.lab import Lab, caps, until

USABLE = [found.name for found in detect() if found.usable]


class TestLocalExecutor(ExecutorSuite):
    @pytest.fixture(params=USABLE)
    def executor(self, request: pytest.FixtureRequest) -> Iterator[Executor]:
        executor = LocalExecutor(choose(request.param), slots=2)
        yield executor
        executor.close()


class Broken:
    """A sandbox that cannot confine anything."""

    name = "broken"
    promises = frozenset[Promise]()

    def launch(self, job: Job) -> Confined:
        raise SandboxUnavailable("no namespaces left", fix="wait")


def test_what_cannot_be_confined_is_raised_where_the_loop_waits() -> None:
    executor = LocalExecutor(Broken(), slots=1)
    place = Path("/nonexistent")
    executor.submit(Job(key="1", command=("true",), tree=place, out=place, log=place, caps=caps()))
    with pytest.raises(SandboxUnavailable, match="no namespaces left"):
        executor.wait(10)
    executor.close()


def test_jobs_of_a_short_lived_thread_live_on(tmp_path: Path) -> None:
    executor, lab = LocalExecutor(choose(USABLE[0]), slots=1), Lab(tmp_path)
    job = lab.job("import time; time.sleep(0.3)")
    submitting = threading.Thread(target=executor.submit, args=(job,))
    submitting.start()
    submitting.join()
    assert drain(executor, 1)[job.key].report.succeeded
    executor.close()


@pytest.mark.skipif(os.geteuid() != 0 or USABLE[0] == "process", reason="users are changed by root alone")
def test_jobs_at_the_same_time_are_different_users(tmp_path: Path) -> None:
    executor, lab = LocalExecutor(choose(None), slots=3), Lab(tmp_path)
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
from jumar.sandboxes.detect import choose
from jumar.testing.lab import Lab, caps, until
executor = LocalExecutor(choose({USABLE[0]!r}), slots=1)
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
    assert 1 <= default_slots(machine) <= max(1, machine.cores)


def test_free_disk_is_told_for_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert free_disk_bytes(tmp_path / "not" / "yet") > 0


def test_slowdown_is_a_ratio() -> None:
    assert 0.3 < slowdown() < 30
