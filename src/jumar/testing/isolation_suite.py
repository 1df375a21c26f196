"""The exam of what a confined run can see and reach. Subclass it and supply `sandbox`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from jumar.core.sandbox import Promise, Sandbox
from jumar.testing.lab import Lab, run
from jumar.testing.sandbox_suite import Exam, proves

SECRET = "the-answer-is-4711"

_READ = """
import os, sys
def read(path):
    try:
        if os.path.isdir(path):
            return "".join(read(os.path.join(path, name)) for name in os.listdir(path))
        return open(path, errors="replace").read()
    except OSError as error:
        return ""
"""


class IsolationSuite(Exam):
    """That a run reads, writes and reaches nothing but what it was given."""

    @proves(Promise.HIDES_FILES)
    def test_nothing_that_was_not_shown_can_be_read(self, sandbox: Sandbox, lab: Lab) -> None:
        outside = lab.folder / "ledger"
        outside.write_text(SECRET)
        earlier = lab.job("import os; open(os.environ['JUMAR_OUT'] + '/found', 'w').write('" + SECRET + "')")
        assert run(sandbox, earlier).succeeded
        ways = [
            outside,
            earlier.out / "found",
            f"/proc/{os.getpid()}/root{outside}",
            f"/proc/{os.getpid()}/cwd/{os.path.relpath(outside)}",
            f"/proc/1/root{outside}",
            f"/proc/self/root{outside}",
        ]
        job = lab.job(
            f"""
            import os
            os.symlink({str(outside)!r}, os.environ["JUMAR_OUT"] + "/link")
            ways = {[str(way) for way in ways]} + [os.environ["JUMAR_OUT"] + "/link", "../../ledger"]
            for way in ways:
                try: print(way, open(way).read())
                except OSError as error: print(way, error)
            """
        )
        assert run(sandbox, job).succeeded, job.log.read_text()
        assert SECRET not in job.log.read_text()
        assert len(job.log.read_text().splitlines()) == 8

    @proves(Promise.HIDES_FILES)
    def test_what_is_masked_cannot_be_read_where_it_would_be_visible(
        self, sandbox: Sandbox, lab: Lab
    ) -> None:
        data = lab.folder / "data"
        for place in ("open", "holdout/part", "one", "link-end"):
            (data / place).mkdir(parents=True)
            (data / place / "items").write_text(SECRET if place != "open" else "free")
        (data / "sneaky").symlink_to(data / "holdout")
        job = lab.job(
            f"{_READ}\nfor place in ('data', {str(data)!r}): print(read(place))",
            inputs={"data": data},
            readable=(data,),
            masked=(data / "holdout", data / "one" / "items", data / "link-end", lab.folder / "ledger"),
        )
        (job.tree / "kept").write_text(SECRET)
        assert run(sandbox, job).succeeded, job.log.read_text()
        assert job.log.read_text() == "free\nfree\n"

    @proves(Promise.HIDES_FILES)
    def test_a_file_of_the_system_can_be_masked(self, sandbox: Sandbox, lab: Lab) -> None:
        shown = Path(
            "/usr/share/common-licenses" if Path("/usr/share/common-licenses").exists() else "/usr/include"
        )
        files = sorted(path for path in shown.iterdir() if path.is_file() and not path.is_symlink())
        masked, free = files[:2], files[2]
        job = lab.job(
            f"{_READ}\nprint([len(read(path)) > 0 for path in {[*map(str, masked), str(free)]}])",
            masked=tuple(masked),
        )
        assert run(sandbox, job).succeeded, job.log.read_text()
        assert job.log.read_text() == "[False, False, True]\n"

    @proves(Promise.HIDES_FILES)
    def test_the_more_specific_of_shown_and_masked_decides(self, sandbox: Sandbox, lab: Lab) -> None:
        inner = lab.folder / "state" / "runs" / "mine"
        inner.mkdir(parents=True)
        (inner / "model").write_text("weights")
        (inner.parent / "other").write_text(SECRET)
        job = lab.job(
            f"{_READ}\nprint(read({str(inner)!r}), read({str(inner.parent)!r}))",
            readable=(lab.folder / "state", inner),
            masked=(inner.parent,),
        )
        run(sandbox, job)
        assert job.log.read_text().split()[0] == "weights"
        assert SECRET not in job.log.read_text()

    @proves(Promise.READ_ONLY_TREE)
    def test_nothing_but_the_output_folder_can_be_changed(self, sandbox: Sandbox, lab: Lab) -> None:
        kept = lab.folder / "kept"
        kept.mkdir()
        (kept / "file").write_text("kept")
        (kept / "file").chmod(0o666)
        kept.chmod(0o777)
        job = lab.job(
            f"""
            import os, shutil
            for folder in (os.getcwd(), {str(kept)!r}, {str(lab.folder)!r}):
                for change in (
                    lambda: open(folder + "/main.py", "w").write("y"),
                    lambda: open(folder + "/file", "a").write("y"),
                    lambda: open(folder + "/new", "w").write("y"),
                    lambda: os.truncate(folder + "/file", 0),
                    lambda: os.remove(folder + "/file"),
                    lambda: os.remove(folder + "/main.py"),
                    lambda: os.rename(folder + "/file", folder + "/moved"),
                    lambda: os.mkdir(folder + "/folder"),
                    lambda: os.symlink("x", folder + "/symlink"),
                    lambda: os.link(folder + "/file", os.environ["JUMAR_OUT"] + "/stolen"),
                    lambda: os.chmod(folder + "/file", 0o777),
                    lambda: os.utime(folder + "/file", (1, 1)),
                    lambda: shutil.rmtree(folder),
                ):
                    try: change()
                    except OSError: pass
            """,
            readable=(kept,),
        )
        (job.tree / "file").write_text("kept")
        before = [_state(job.tree), _state(kept), sorted(lab.folder.iterdir())]
        run(sandbox, job)
        assert [_state(job.tree), _state(kept), sorted(lab.folder.iterdir())] == before
        assert (kept / "file").read_text() == "kept"

    @proves(Promise.HIDES_SECRETS)
    def test_the_environment_is_what_the_job_says_and_no_more(
        self, sandbox: Sandbox, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("API_TOKEN", SECRET)
        job = lab.job(
            "import os; print(sorted(os.environ), os.environ['PASSED'])",
            env={"PATH": os.environ["PATH"], "PASSED": "on"},
        )
        assert run(sandbox, job).succeeded
        names = "HOME JUMAR_OUT LANG LC_CTYPE PASSED PATH PWD PYTHONDONTWRITEBYTECODE TMPDIR".split()
        told = job.log.read_text()
        assert set(eval(told.partition("]")[0] + "]")) <= set(names)
        assert told.endswith("] on\n")

    @proves(Promise.HIDES_SECRETS)
    def test_the_environment_of_others_cannot_be_read(self, sandbox: Sandbox, lab: Lab) -> None:
        with _bystander(SECRET) as other:
            job = lab.job(f"""
                import os
                for pid in [{other.pid}, {os.getpid()}, os.getppid(), *range(1, 50)]:
                    for name in ("environ", "cmdline", "mem"):
                        try: print(open(f"/proc/{{pid}}/{{name}}", "rb").read())
                        except OSError: pass
            """)
            run(sandbox, job)
        assert SECRET not in job.log.read_text(errors="replace")

    @proves(Promise.HIDES_PROCESSES)
    def test_other_processes_can_be_neither_seen_nor_signalled(self, sandbox: Sandbox, lab: Lab) -> None:
        with _bystander(SECRET) as other:
            job = lab.job(f"""
                import os
                print({other.pid} in map(int, filter(str.isdigit, os.listdir("/proc"))))
                for pid, number in (({other.pid}, 15), (-1, 0)):  # 0 only asks
                    try: os.kill(pid, number)
                    except OSError as error: print(error.strerror)
            """)
            run(sandbox, job)
            assert other.poll() is None
        assert job.log.read_text().splitlines() == ["False", "No such process", "No such process"]

    @proves(Promise.HIDES_FILES)
    def test_nothing_in_the_kernel_carries_over_to_another_run(self, sandbox: Sandbox, lab: Lab) -> None:
        key = os.getpid()
        open_all = f"""
            import ctypes
            libc = ctypes.CDLL(None)
            queue = libc.mq_open(b"/jumar-{key}", 0o102, 0o666, None)
            made = (libc.shmget({key}, 4096, FLAGS), libc.semget({key}, 1, FLAGS), libc.msgget({key}, FLAGS))
        """
        first = lab.job(dedent(open_all).replace("FLAGS", "0o1666"))
        second = lab.job(
            dedent(open_all).replace("FLAGS", "0o666").replace("0o102", "2") + "print(queue, *made)"
        )
        run(sandbox, first)
        assert run(sandbox, second).succeeded, second.log.read_text()
        assert second.log.read_text() == "-1 -1 -1 -1\n"

    @proves(Promise.NO_NETWORK)
    def test_no_socket_of_the_machine_can_be_reached(self, sandbox: Sandbox, lab: Lab) -> None:
        with _listeners() as listeners:
            addresses = [(int(s.family), int(s.type), s.getsockname()) for s in listeners]
            job = lab.job(f"""
                import socket
                for family, kind, address in {addresses!r}:
                    try:
                        s = socket.socket(family, kind)
                        s.connect(address); s.send(b"hello")
                        print("sent", address)
                    except OSError as error:
                        print(error)
                try: socket.socket(40, 1); print("vsock")
                except OSError as error: print(error)
            """)
            run(sandbox, job)
            for listener in listeners:
                listener.setblocking(False)
                with pytest.raises(BlockingIOError):
                    listener.recv(10) if listener.type == socket.SOCK_DGRAM else listener.accept()
        assert "vsock" not in job.log.read_text()
        assert len(job.log.read_text().splitlines()) == len(addresses) + 1, job.log.read_text()

    @proves(Promise.NO_NETWORK)
    def test_a_job_that_may_use_the_network_does(self, sandbox: Sandbox, lab: Lab) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            code = f"import socket; socket.create_connection({listener.getsockname()!r}).send(b'hello')"
            job = lab.job(code, network=True)
            assert run(sandbox, job).succeeded, job.log.read_text()
            with listener.accept()[0] as accepted:
                assert accepted.recv(10) == b"hello"


def _state(folder: Path) -> list[object]:
    """What would show a change of anything in `folder`."""
    paths = [folder, *sorted(folder.rglob("*"))]
    return [(path, (st := path.lstat()).st_mode, st.st_size, st.st_mtime_ns) for path in paths]


@contextmanager
def _bystander(secret: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process of this user, with a secret in its environment and its command line."""
    command = [sys.executable, "-I", "-S", "-c", "print(flush=True); input()", secret]
    with subprocess.Popen(
        command, env={"TOKEN": secret}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        yield other
        other.kill()


@contextmanager
def _listeners() -> Iterator[list[socket.socket]]:
    """Sockets of this machine: loopback TCP and UDP, and an abstract name."""
    with ExitStack() as stack:
        listeners = [
            socket.socket(family, kind)
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        ]
        for number, listener in enumerate(listeners):
            stack.enter_context(listener)
            abstract = f"\0jumar-{os.getpid()}-{number}"
            listener.bind(("127.0.0.1", 0) if listener.family == socket.AF_INET else abstract)
            if listener.type == socket.SOCK_STREAM:
                listener.listen()
        yield listeners
