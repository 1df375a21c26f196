"""The exam of what limits a confined run: its caps, and its end. Subclass it and supply `sandbox`."""

from __future__ import annotations

import select
import time

import pytest

from jumar.core.job import Ending
from jumar.core.sandbox import Promise, Sandbox
from jumar.testing.lab import Lab, caps, run
from jumar.testing.sandbox_suite import Exam, proves

MB = 1 << 20


class CapsSuite(Exam):
    """That limits hold for the whole process tree, and that nothing outlives it. Supply `sandbox`."""

    @proves(Promise.KILLS_TREE)
    @pytest.mark.parametrize("ends", ["pass", "time.sleep(60)"], ids=["by itself", "by the cap"])
    def test_a_daemon_does_not_outlive_its_run(self, sandbox: Sandbox, lab: Lab, ends: str) -> None:
        job = lab.job(_DAEMON + ends, caps=caps(wall_s=20 if ends == "pass" else 1.0))
        report = run(sandbox, job)
        assert report.ending is (Ending.EXITED if ends == "pass" else Ending.TIMED_OUT)
        assert (job.out / "alive").exists()
        assert lab.survivors() == []

    @proves(Promise.KILLS_TREE)
    def test_killing_at_any_moment_of_the_start_leaves_nothing(self, sandbox: Sandbox, lab: Lab) -> None:
        for pause_ms in range(0, 24, 3):
            running = sandbox.launch(lab.job("import os, time\nos.fork()\ntime.sleep(600)"))
            time.sleep(pause_ms / 1000)
            running.kill()
            assert running.report().ending is Ending.CANCELLED
            assert lab.survivors() == []

    @proves(Promise.KILLS_TREE)
    def test_a_run_cannot_free_itself_by_killing_its_parent(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(f"{_DAEMON}\nos.kill(os.getppid(), signal.SIGKILL)")
        run(sandbox, job)
        assert (job.out / "alive").exists()
        assert lab.survivors() == []

    @proves(Promise.METERS_CPU)
    def test_cpu_of_children_and_of_orphans_alive_at_the_end_is_counted(
        self, sandbox: Sandbox, lab: Lab
    ) -> None:
        job = lab.job("""
            import os, time
            place = os.environ["JUMAR_OUT"] + "/burnt"
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    while time.process_time() < 0.4: pass
                    open(place, "w").close()
                    time.sleep(60)
                os._exit(0)
            os.wait()
            if os.fork() == 0:
                while time.process_time() < 0.2: pass
                os._exit(0)
            os.wait()
            while not os.path.exists(place): time.sleep(0.005)
        """)
        report = run(sandbox, job)
        assert report.succeeded
        assert 0.59 < report.cpu_s < 0.9

    @proves(Promise.METERS_CPU)
    def test_cpu_of_children_that_nobody_waits_for_is_counted(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("""
            import os, signal, time
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            if os.fork() == 0:
                while time.process_time() < 0.5: pass
                os._exit(0)
            try: os.wait()
            except ChildProcessError: pass
        """)
        assert run(sandbox, job).cpu_s > 0.35

    @proves(Promise.METERS_CPU)
    def test_a_tree_past_its_cpu_is_ended(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job("import os\nos.fork()\nwhile True: pass", caps=caps(cpu_s=0.4))
        report = run(sandbox, job)
        assert report.ending is Ending.OVER_CPU
        assert 0.4 < report.cpu_s < 1.4

    @proves(Promise.CAPS_MEMORY)
    @pytest.mark.parametrize("processes", [1, 5])
    def test_a_tree_past_its_memory_is_ended(self, sandbox: Sandbox, lab: Lab, processes: int) -> None:
        job = lab.job(
            f"""
            import os, time
            for _ in range({processes - 1}):
                if os.fork() == 0: break
            block = b"x" * ({300 * MB} // {processes})
            time.sleep(60)
            """,
            caps=caps(memory_bytes=150 * MB),
        )
        assert run(sandbox, job).ending is Ending.OUT_OF_MEMORY

    @proves(Promise.CAPS_MEMORY)
    def test_peak_memory_is_that_of_the_run(self, sandbox: Sandbox, lab: Lab) -> None:
        report = run(sandbox, lab.job(f"import time; block = b'x' * {300 * MB}; time.sleep(0.2)"))
        assert 300 * MB < report.peak_memory_bytes < 360 * MB

    def test_however_much_there_is_to_look_at_the_clock_is_kept(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os, resource, time
            resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))
            for _ in range(60):
                if os.fork() == 0: break
            try:
                while True: os.open("/dev/null", 0)
            except OSError: time.sleep(600)
            """,
            caps=caps(wall_s=8.0),
        )
        running, longest_s = sandbox.launch(job), 0.0
        while not select.select([running], [], [], 0.02)[0]:
            began_s = time.thread_time()
            running.check()
            longest_s = max(longest_s, time.thread_time() - began_s)
        assert running.report().ending is Ending.TIMED_OUT
        assert longest_s < 0.3

    @proves(Promise.CAPS_PROCESSES)
    def test_processes_are_capped(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os, time
            started = 0
            try:
                for _ in range(400):
                    if os.fork() == 0:
                        time.sleep(60)
                    started += 1
            except OSError as error:
                print(started, error)
            """,
            caps=caps(processes=20),
        )
        run(sandbox, job)
        assert int(job.log.read_text().split()[0]) < 60

    @proves(Promise.CAPS_DISK)
    @pytest.mark.parametrize(
        "write",
        [
            "open('one', 'wb').write(bytes(9 << 20))",
            "[open(str(n), 'wb').write(bytes(50000)) for n in range(60)]",
            "open('holes', 'wb').truncate((2 << 20) + 9000)",
            "[os.mkdir(str(n)) for n in range(600)]",
        ],
        ids=["one file", "many files", "a file of holes", "folders"],
    )
    def test_what_a_run_may_write_is_capped(self, sandbox: Sandbox, lab: Lab, write: str) -> None:
        code = f"import os; os.chdir(os.environ['JUMAR_OUT']); {write}"
        job = lab.job(code, caps=caps(disk_bytes=2 * MB, output_bytes=MB))
        report = run(sandbox, job)
        assert report.ending is Ending.OVER_DISK
        assert report.disk_bytes > 2 * MB

    @proves(Promise.CAPS_DISK)
    @pytest.mark.parametrize("mode", [0o300, 0o000], ids=oct)
    def test_a_closed_folder_hides_nothing(self, sandbox: Sandbox, lab: Lab, mode: int) -> None:
        job = lab.job(
            f"""
            import os, time
            os.chdir(os.environ["JUMAR_OUT"])
            os.mkdir("d", 0o300)
            for n in range(5):
                with open(f"d/{{n}}", "wb") as file: file.write(bytes(1 << 20))
            os.chmod("d", {mode})
            time.sleep(60)
            """,
            caps=caps(disk_bytes=2 * MB, output_bytes=MB),
        )
        report = run(sandbox, job)
        assert report.ending is Ending.OVER_DISK
        assert report.wall_s < 30

    @proves(Promise.CAPS_DISK)
    def test_files_that_come_and_go_hide_nothing(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os, time
            os.chdir(os.environ["JUMAR_OUT"])
            for n in range(5): open(str(n), "wb").write(bytes(1 << 20))
            for _ in range(3):
                if os.fork() == 0: break
            while True:
                open(f"a{os.getpid()}", "w").close(); os.remove(f"a{os.getpid()}")
            """,
            caps=caps(disk_bytes=2 * MB, output_bytes=MB),
        )
        assert run(sandbox, job).ending is Ending.OVER_DISK

    @proves(Promise.CAPS_DISK)
    def test_a_file_without_a_name_counts_too(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os, time
            os.chdir(os.environ["JUMAR_OUT"])
            held = []
            for n in range(5):
                held.append(open(str(n), "wb", buffering=0)); held[-1].write(bytes(1 << 20))
                os.remove(str(n))
            time.sleep(60)
            """,
            caps=caps(disk_bytes=2 * MB, output_bytes=MB),
        )
        assert run(sandbox, job).ending is Ending.OVER_DISK

    @proves(Promise.CAPS_DISK)
    def test_a_run_that_keeps_writing_is_ended(self, sandbox: Sandbox, lab: Lab) -> None:
        job = lab.job(
            """
            import os, time
            os.chdir(os.environ["JUMAR_OUT"])
            for n in range(10_000):
                open(str(n), "wb").write(bytes(100_000)); time.sleep(0.001)
            """,
            caps=caps(disk_bytes=2 * MB),
        )
        report = run(sandbox, job)
        assert report.ending is Ending.OVER_DISK
        assert len(list(job.out.iterdir())) < 10_000


_DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open(os.environ["JUMAR_OUT"] + "/alive", "w").close()
        time.sleep(600)
    os._exit(0)
while not os.path.exists(os.environ["JUMAR_OUT"] + "/alive"): time.sleep(0.005)
"""
