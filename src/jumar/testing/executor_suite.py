"""The exam of every executor. Subclass it, supply the fixture, and pytest holds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jumar.core.executor import Ended, Executor
from jumar.core.job import Ending
from jumar.testing.lab import Lab, caps, until


def drain(executor: Executor, count: int) -> dict[str, Ended]:
    """Wait for `count` ends; each key may come once."""
    found: dict[str, Ended] = {}
    deadline = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {sorted(found)} came"
        for ended in executor.wait(1.0):
            assert ended.key not in found, f"{ended.key} was reported twice"
            assert isinstance(ended, Ended), ended
            found[ended.key] = ended
    return found


class ExecutorSuite:
    """Supply `executor`: a fresh one with two slots; the exam closes it.

    Of one elsewhere, the file `here` in a job's output folder shall be seen while the job runs.
    """

    @pytest.fixture
    def lab(self, tmp_path: Path, executor: Executor) -> Iterator[Lab]:
        lab = Lab(tmp_path)
        yield lab
        executor.close()
        assert lab.survivors() == []

    def test_each_job_is_reported_once(self, executor: Executor, lab: Lab) -> None:
        jobs = [lab.job(f"print({n}); raise SystemExit({n})") for n in range(5)]
        for job in jobs:
            executor.submit(job)
        ended = drain(executor, 5)
        assert [ended[job.key].report.exit_code for job in jobs] == [0, 1, 2, 3, 4]
        assert [job.log.read_text() for job in jobs] == ["0\n", "1\n", "2\n", "3\n", "4\n"]
        assert executor.wait(0.05) == ()

    def test_waiting_ends_when_its_time_is_over(self, executor: Executor, lab: Lab) -> None:
        assert executor.wait(0) == ()
        executor.submit(lab.job("import time; time.sleep(60)"))
        assert executor.wait(0.05) == ()

    def test_one_who_waits_can_be_woken_and_misses_no_end(self, executor: Executor, lab: Lab) -> None:
        threading.Timer(0.2, executor.wake).start()
        began = time.monotonic()
        assert executor.wait(20) == () and time.monotonic() - began < 10
        executor.wake()
        assert executor.wait(20) == ()
        job = lab.job("print(1)")
        executor.submit(job)
        executor.wake()
        assert list(drain(executor, 1)) == [job.key]

    def test_jobs_run_at_the_same_time(self, executor: Executor, lab: Lab) -> None:
        meet = """
            import os, sys, time
            with open(os.environ["JUMAR_OUT"] + "/here", "w") as file:
                file.write("here")
            time.sleep(60)
        """
        jobs = [lab.job(meet) for _ in range(executor.slots)]
        for job in jobs:
            executor.submit(job)
        until(lambda: all((job.out / "here").exists() for job in jobs), "all at once")

    def test_a_cancelled_job_is_reported_as_that(self, executor: Executor, lab: Lab) -> None:
        job, other = lab.job("import time; time.sleep(60)"), lab.job("print('done')")
        executor.submit(job)
        executor.submit(other)
        executor.cancel(job.key)
        executor.cancel(job.key)
        ended = drain(executor, 2)
        executor.cancel(job.key)
        executor.cancel("never submitted")
        assert ended[job.key].report.ending is Ending.CANCELLED
        assert ended[other.key].report.succeeded

    def test_caps_hold_while_nobody_waits(self, executor: Executor, lab: Lab) -> None:
        job = lab.job("import time; time.sleep(60)", caps=caps(wall_s=0.2))
        executor.submit(job)
        until(lab.survivors, "the run")
        until(lambda: not lab.survivors(), "its end")
        assert drain(executor, 1)[job.key].report.ending is Ending.TIMED_OUT

    def test_a_command_that_does_not_exist_is_reported(self, executor: Executor, lab: Lab) -> None:
        job = lab.job("", command=("no-such-program",))
        executor.submit(job)
        assert drain(executor, 1)[job.key].report.ending is Ending.NOT_STARTED

    def test_closing_ends_everything(self, executor: Executor, lab: Lab) -> None:
        jobs = [lab.job("import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(600)") for _ in range(3)]
        for job in jobs:
            executor.submit(job)
        until(lambda: len(lab.survivors()) >= 6, "all of them")
        executor.close()
        assert lab.survivors() == []
        executor.close()
