"""The exam of every sandbox. Subclass it, supply the fixture, and pytest holds it.

Every promise is proven by trying to break it, in ways that do no harm where they succeed: a signal
goes to the run's own parent and to processes of the exam, never to everybody. A promise that the
sandbox does not make is not examined: that is decided by its `promises`, not by hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from jumar.core.job import Ending
from jumar.core.sandbox import Promise, Sandbox
from jumar.testing.lab import Lab, caps, finish, run

_Test = TypeVar("_Test", bound=Callable[..., None])


def proves(promise: Promise) -> Callable[[_Test], _Test]:
    """Examine this only where the sandbox makes `promise`."""

    def mark(test: _Test) -> _Test:
        test.__dict__["promise"] = promise
        return test

    return mark


class Exam:
    """What the parts of the exam share."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[Lab]:
        lab = Lab(tmp_path)
        yield lab
        assert lab.survivors() == []

    @pytest.fixture(autouse=True)
    def only_what_is_promised(self, request: pytest.FixtureRequest, sandbox: Sandbox) -> None:
        promise = getattr(request.function, "promise", None)
        if promise and promise not in sandbox.promises:
            pytest.skip(f"{sandbox.name} does not promise: {promise.value}")


class SandboxSuite(Exam):
    """How commands start, what they see of their job, and how their end is told. Supply `sandbox`."""

    def test_the_exit_code_is_told(self, sandbox: Sandbox, lab: Lab) -> None:
        report = run(sandbox, lab.job("raise SystemExit(7)"))
        assert (report.ending, report.exit_code, report.succeeded) == (Ending.EXITED, 7, False)

    def test_a_signal_is_told_by_name(self, sandbox: Sandbox, lab: Lab) -> None:
        report = run(sandbox, lab.job("import os; os.kill(os.getpid(), 11)"))
        assert (report.ending, report.exit_code) == (Ending.SIGNALLED, None)
        assert "SIGSEGV" in report.detail

    def test_a_run_stays_on_the_cores_that_it_was_given(self, sandbox: Sandbox, lab: Lab) -> None:
        core = max(os.sched_getaffinity(0))
        code = """
            import os, subprocess
            own = os.sched_getaffinity(0)
            print(*own, subprocess.check_output(["nproc"], text=True).strip())
            try:
                os.sched_setaffinity(0, range(os.cpu_count()))
            finally:
                print(os.sched_getaffinity(0) == own)
        """
        job = lab.job(code, cores=(core,))
        assert run(sandbox, job).succeeded
        has, stays = job.log.read_text().splitlines()
        assert has == f"{core} 1"
        if Promise.HIDES_FILES in sandbox.promises:  # one that is a boundary keeps it there, too
            assert stays == "True"

    @pytest.mark.parametrize("name", ["no-such-program", "./no-such-file", "./main.py", "/no/such/place"])
    def test_a_command_that_cannot_be_started_is_told_by_name(
        self, sandbox: Sandbox, lab: Lab, name: str
    ) -> None:
        running = sandbox.launch(lab.job("", command=(name,)))
        report = finish(running)
        assert report.ending is Ending.NOT_STARTED
        assert name.removeprefix("./") in report.detail
        assert running.report() == report

    def test_a_script_with_a_broken_first_line_is_not_started(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("", command=("./broken",))
        (job.tree / "broken").write_text("#!/no/such/interpreter\n")
        (job.tree / "broken").chmod(0o755)
        report = run(sandbox, job)
        assert report.ending is Ending.NOT_STARTED
        assert "/no/such/interpreter" in report.detail

    def test_a_program_of_the_tree_runs(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("", command=("./hello",))
        (job.tree / "hello").write_text("#!/bin/sh\necho hello\n")
        (job.tree / "hello").chmod(0o755)
        assert run(sandbox, job).succeeded
        assert job.log.read_text() == "hello\n"

    def test_a_name_is_looked_up_in_the_path_of_the_job(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("", command=("greet", "you"), env={"PATH": f"{lab.folder}/bin:/usr/bin:/bin"})
        (lab.folder / "bin").mkdir()
        (lab.folder / "bin" / "greet").write_text("#!/usr/bin/env sh\necho good day to $1\n")
        (lab.folder / "bin" / "greet").chmod(0o755)
        assert run(sandbox, job).succeeded
        assert job.log.read_text() == "good day to you\n"

    def test_output_and_errors_go_to_the_log(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("import sys; sys.stdout.write('a'); sys.stdout.flush(); sys.stderr.write('b')")
        assert run(sandbox, job).output_bytes == 2
        assert job.log.read_text() == "ab"

    def test_the_command_runs_in_its_tree_and_writes_to_its_output_folder(
        self, sandbox: Sandbox, lab: Lab
    ) -> None:
        job = lab.job("""
            import os
            text = open("main.py").read()
            open(os.path.join(os.environ["JUMAR_OUT"], "copy"), "w").write(text)
            open(os.path.join(os.environ["TMPDIR"], "scratch"), "w").write(text)
        """)
        assert run(sandbox, job).succeeded, job.log.read_text()
        assert (job.out / "copy").read_text() == "x = 1\n"

    def test_a_command_can_be_given_a_work_tree_and_a_home_of_its_own(
        self, sandbox: Sandbox, lab: Lab
    ) -> None:
        code = """
            import os
            home = os.path.expanduser("~")
            open("main.py", "w").write(open(os.path.join(home, "settings")).read())
            os.remove("old.py")
            open(os.path.join(home, "token"), "w").write("renewed")
        """
        job = lab.job(code, work="desk", home="home")
        for name, content in {"desk/main.py": "a", "desk/old.py": "b", "home/settings": "c"}.items():
            path = job.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(0o777)
            path.write_text(content)
            path.chmod(0o666)
        report = run(sandbox, job)
        assert report.succeeded, job.log.read_text()
        assert {path.name: path.read_text() for path in (job.out / "desk").iterdir()} == {"main.py": "c"}
        assert (job.out / "home" / "token").read_text() == "renewed"
        assert (job.tree / "main.py").read_text() == "x = 1\n"

    def test_inputs_are_shown_in_the_tree_and_readable_paths_at_their_own(
        self, sandbox: Sandbox, lab: Lab
    ) -> None:
        data = lab.folder / "data"
        data.mkdir()
        (data / "a").write_text("one")
        other = lab.folder / "elsewhere" / "b"
        other.parent.mkdir()
        other.write_text("two")
        job = lab.job(
            f"print(open('in/deep/a').read(), open('in/b').read(), open({str(other)!r}).read())",
            inputs={"in/deep": data, "in/b": other},
            readable=(other,),
        )
        (job.tree / "in").write_text("a candidate's file where an input goes")
        assert run(sandbox, job).succeeded, job.log.read_text()
        assert job.log.read_text() == "one two two\n"

    def test_whatever_a_run_leaves_can_be_read_and_leads_nowhere_else(
        self, sandbox: Sandbox, lab: Lab
    ) -> None:
        job = lab.job("""
            import os
            os.chdir(os.environ["JUMAR_OUT"])
            os.mkdir("shut"); open("shut/file", "w").write("here"); os.mkfifo("pipe")
            os.chmod("shut/file", 0); os.chmod("shut", 0)
            os.makedirs("/".join(["d"] * 200))
            os.symlink("/etc/passwd", "link"); os.symlink("plain", "latest"); open("plain", "w").close()
        """)
        assert run(sandbox, job).succeeded, job.log.read_text()
        assert (job.out / "shut" / "file").read_text() == "here"
        assert (job.out / "shut" / "file").stat().st_mode & 0o777 == 0o644
        assert not (job.out / "pipe").exists()
        assert not (job.out / "link").is_symlink()
        assert (job.out / "latest").is_symlink()

    def test_a_run_past_its_time_is_ended(self, sandbox: Sandbox, lab: Lab) -> None:
        report = run(sandbox, lab.job("while True: pass", caps=caps(wall_s=0.3)))
        assert (report.ending, report.exit_code) == (Ending.TIMED_OUT, None)
        assert report.wall_s >= 0.3

    def test_a_run_past_its_output_is_ended_and_the_log_is_cut(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("while True: print('x' * 1000)", caps=caps(output_bytes=5000))
        report = run(sandbox, job)
        assert report.ending is Ending.OVER_OUTPUT
        assert report.output_bytes > 5000
        assert job.log.stat().st_size == 5000

    def test_a_short_burst_of_output_is_noticed_too(self, sandbox: Sandbox, lab: Lab) -> None:
        assert run(sandbox, lab.job("print('x' * 9000)", caps=caps(output_bytes=5000))).ending is (
            Ending.OVER_OUTPUT
        )

    def test_output_that_was_seen_counts_though_it_is_erased(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os, time
            os.write(1, b"x" * 9000); time.sleep(2); os.ftruncate(1, 0); os.write(1, b"nothing")
            """,
            caps=caps(output_bytes=5000),
        )
        report = run(sandbox, job)
        assert report.ending is Ending.OVER_OUTPUT
        assert report.output_bytes >= 9000

    def test_killing_is_told_as_cancelled_and_may_be_done_twice(self, sandbox: Sandbox, lab: Lab) -> None:
        running = sandbox.launch(lab.job("import time; time.sleep(60)"))
        running.kill()
        running.kill()
        report = finish(running)
        running.kill()
        assert report.ending is Ending.CANCELLED
        assert running.report() == report

    def test_servers_answer_through_pipes_and_end_with_the_job(self, sandbox: Sandbox, lab: Lab) -> None:
        answer = """
            import sys
            for line in sys.stdin:
                sys.stdout.write(str(int(line) * FACTOR) + "\\n"); sys.stdout.flush()
            print("the end", file=sys.stderr)
        """
        servers = tuple(lab.job(f"FACTOR = {n}\n" + _flat(answer)) for n in (2, 3))
        job = lab.job(
            """
            import os
            for pair in os.environ["JUMAR_SERVERS"].split(","):
                read, write = map(int, pair.split(":"))
                os.write(write, b"7\\n")
                print(os.read(read, 100).decode().strip(), flush=True)
            """,
            servers=servers,
        )
        report = run(sandbox, job)
        assert report.succeeded, job.log.read_text()
        assert job.log.read_text() == "14\n21\n"
        assert len(report.servers) == 2
        assert all(server.ending in (Ending.EXITED, Ending.CANCELLED) for server in report.servers)

    def test_a_server_that_fails_is_seen_as_the_end_of_its_pipe(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os
            ends = [int(pair.split(":")[0]) for pair in os.environ["JUMAR_SERVERS"].split(",")]
            print([os.read(end, 10) for end in ends])
            """,
            servers=(lab.job("", command=("no-such-server",)), lab.job("raise SystemExit(3)")),
        )
        report = run(sandbox, job)
        assert job.log.read_text() == "[b'', b'']\n"
        assert report.servers[0].ending is Ending.NOT_STARTED
        assert report.servers[1].ending in (Ending.EXITED, Ending.CANCELLED)

    def test_the_pipe_of_a_server_ends_when_nothing_of_it_is_left(self, sandbox: Sandbox, lab: Lab) -> None:
        lock = """
            import fcntl, os, struct
            place = struct.Struct("hhqqi4x")
            shared = os.open(os.__file__, os.O_RDONLY)
            def lock(kind, what):
                asked = place.pack(kind, 0, 1 << 40, 1, 0)
                return place.unpack(fcntl.fcntl(shared, what, asked))[0] != fcntl.F_UNLCK
        """
        server = """
            import time
            if not os.fork():
                os.setsid()
                lock(fcntl.F_RDLCK, fcntl.F_OFD_SETLK)
                os.write(1, b"held")
                os.closerange(0, 3)
                time.sleep(60)
            os.closerange(0, 3)
            time.sleep(0.5)
        """
        asks = """
            read = int(os.environ["JUMAR_SERVERS"].split(":")[0])
            print(os.read(read, 10), lock(fcntl.F_WRLCK, fcntl.F_OFD_GETLK))
            print(os.read(read, 10), lock(fcntl.F_WRLCK, fcntl.F_OFD_GETLK))
        """
        job = lab.job(_flat(lock) + _flat(asks), servers=(lab.job(_flat(lock) + _flat(server)),))
        report = run(sandbox, job)
        assert report.succeeded, job.log.read_text()
        assert job.log.read_text() == "b'held' True\nb'' False\n"

    def test_a_server_past_a_cap_is_ended_alone(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os
            read = int(os.environ["JUMAR_SERVERS"].split(":")[0])
            print(os.read(read, 10))
            """,
            servers=(lab.job("while True: pass", caps=caps(wall_s=0.3)),),
        )
        report = run(sandbox, job)
        assert report.succeeded
        assert report.servers[0].ending is Ending.TIMED_OUT


def _flat(code: str) -> str:
    return "\n".join(line.removeprefix("            ") for line in code.splitlines())
