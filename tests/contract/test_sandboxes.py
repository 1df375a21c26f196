"""The exam of sandboxes over each sandbox that works here, as root and as an ordinary user."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jumar
from jumar.core.sandbox import Promise, Sandbox
from jumar.errors import SandboxUnavailable, Usage
from jumar.sandboxes import starting
from jumar.sandboxes.cgroup import Group
from jumar.sandboxes.detect import choose, detect
from jumar.sandboxes.programs import find
from jumar.sandboxes.starting import warden
from jumar.testing.caps_suite import CapsSuite
from jumar.testing.isolation_suite import IsolationSuite
from jumar.testing.lab import Lab, caps, finish, run, until
from jumar.testing.sandbox_suite import SandboxSuite

USABLE = [found.name for found in detect() if found.usable]
SOURCE, PACKAGES = Path(jumar.__file__).parents[1], Path(pytest.__file__).parents[1]
ORDINARY_UID = 61_234


@pytest.fixture(params=USABLE)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return choose(request.param)


class TestSandboxes(SandboxSuite):
    pass


class TestCaps(CapsSuite):
    pass


class TestIsolation(IsolationSuite):
    pass


def python_of_everyone() -> str | None:
    """A Python like ours that a user without a home can start."""
    version = ".".join(map(str, sys.version_info[:2]))
    for folder in ("/usr/local/bin", "/usr/bin"):
        if found := shutil.which(f"python{version}", path=folder):
            return found
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="we are an ordinary user already")
def test_an_ordinary_user_passes_the_same_exam(tmp_path_factory: pytest.TempPathFactory) -> None:
    python = python_of_everyone()
    if python is None:
        pytest.skip("no Python of this version that an ordinary user could start")
    place = Path(subprocess.check_output(["mktemp", "-d", "/tmp/jumar-ordinary-XXXXXX"], text=True).strip())
    shutil.copytree(SOURCE / "jumar", place / "jumar", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(__file__, place / "test_here.py")
    subprocess.run(["chown", "-R", f"{ORDINARY_UID}:{ORDINARY_UID}", place], check=True)
    command = [
        *("setpriv", f"--reuid={ORDINARY_UID}", f"--regid={ORDINARY_UID}", "--clear-groups"),
        *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={place}/temporary"),
        *(
            "--import-mode=importlib",
            "-W",
            "error",
            "-k",
            "(Isolation or survives or refused or inside or warden or spare or closed_folder"
            " or (Caps and bubblewrap)) and not process",
            f"{place}/test_here.py",
        ),
    ]
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": f"{place}:{PACKAGES}",
        "HOME": "/nonexistent",
    }
    try:
        done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(place)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr


LAUNCH_AND_WAIT = """
import sys, time
from pathlib import Path
from jumar.sandboxes.detect import choose
from jumar.testing.lab import Lab, caps
lab = Lab(Path(sys.argv[2]))
lab.mark = sys.argv[3]
code = '''
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(os.environ["JUMAR_OUT"] + "/alive", "w").close()
time.sleep(600)
'''
running = choose(sys.argv[1]).launch(lab.job(code, caps=caps(wall_s=600)))
time.sleep(600)
"""


def test_nothing_survives_the_sudden_death_of_jumar(sandbox: Sandbox, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    command = [sys.executable, "-c", LAUNCH_AND_WAIT, sandbox.name, str(tmp_path), lab.mark]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": f"{SOURCE}:{PACKAGES}"}) as controller:
        until((tmp_path / "run1" / "out" / "alive").exists, "the run")
        controller.send_signal(signal.SIGKILL)
    until(lambda: lab.survivors() == [], "the end of everything")


def test_nothing_survives_jumar_though_a_child_that_it_forked_does(sandbox: Sandbox, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    code = LAUNCH_AND_WAIT.removesuffix("time.sleep(600)\n")
    code += "import os\nos.fork()\nos.write(1, b'%d\\n' % os.getpid())\ntime.sleep(600)"
    command = [sys.executable, "-c", code, sandbox.name, str(tmp_path), lab.mark]
    env = os.environ | {"PYTHONPATH": f"{SOURCE}:{PACKAGES}"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        pids = {int(controller.stdout.readline()) for _ in range(2)}
        try:
            until((tmp_path / "run1" / "out" / "alive").exists, "the run")
            controller.send_signal(signal.SIGKILL)
            until(lambda: set(lab.survivors()) <= pids, "the end of everything but the child")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)


def test_a_killed_warden_takes_its_runs_along_and_the_next_run_has_another(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    lab = Lab(tmp_path)
    run(sandbox, lab.job(""))
    before = len(os.listdir("/proc/self/fd"))
    code = "import os, time\nif os.fork() == 0: os.setsid()\nprint('up', flush=True); time.sleep(600)"
    job = lab.job(code, servers=(lab.job("import sys; sys.stdin.read()"),))
    running = sandbox.launch(job)
    until(lambda: job.log.read_text() == "up\nup\n", "the run")
    os.kill(warden().pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(SandboxUnavailable, match="the process that starts our runs was killed"):
            running.report()
    until(lambda: lab.survivors() == [], "the end of everything")
    assert run(sandbox, lab.job("")).succeeded
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_warden_ignores_polite_signals(sandbox: Sandbox, tmp_path: Path) -> None:
    lab, numbers = Lab(tmp_path), (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    assert run(sandbox, lab.job("")).succeeded
    for number in numbers:
        os.kill(warden().pid, number)
    job = lab.job(
        f"import signal; print([signal.getsignal(n) == signal.SIG_DFL for n in {[*map(int, numbers)]}])"
    )
    assert run(sandbox, job).succeeded
    assert job.log.read_text().startswith("[True, True, ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may always have another process")
def test_a_warden_that_can_make_no_process_fails_that_start_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    other = sandbox.launch(lab.job("import time; time.sleep(3)"))
    pid = warden().pid
    limits = resource.prlimit(pid, resource.RLIMIT_NPROC)
    resource.prlimit(pid, resource.RLIMIT_NPROC, (1, limits[1]))
    try:
        with pytest.raises(SandboxUnavailable, match="a run could not be started: no process can be made"):
            for _ in range(2):  # one spare is there already
                run(sandbox, lab.job(""))
    finally:
        resource.prlimit(pid, resource.RLIMIT_NPROC, limits)
    assert run(sandbox, lab.job("")).succeeded
    assert finish(other).succeeded
    assert warden().pid == pid


def test_a_run_whose_next_spare_cannot_be_had_goes_on(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_places: object) -> Group:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    lab = Lab(tmp_path)
    assert run(sandbox, lab.job("")).succeeded
    monkeypatch.setattr(starting, "Group", full)
    assert run(sandbox, lab.job("")).succeeded
    with pytest.raises(SandboxUnavailable, match="temporarily unavailable"):
        sandbox.launch(lab.job(""))
    monkeypatch.undo()
    assert run(sandbox, lab.job("")).succeeded


def test_dangerous_system_calls_are_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    if Promise.HIDES_FILES not in sandbox.promises:
        pytest.skip("no filter here")
    lab = Lab(tmp_path)
    calls = {"unshare": 272, "ptrace": 101, "keyctl": 250, "bpf": 321, "io_uring_setup": 425, "mount": 165}
    if os.uname().machine == "aarch64":
        calls = {"unshare": 97, "ptrace": 117, "keyctl": 219, "bpf": 280, "io_uring_setup": 425, "mount": 40}
    job = lab.job(f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        for name, number in {calls!r}.items():
            ctypes.set_errno(0)
            print(name, libc.syscall(number, 0x10000000, 0, 0, 0, 0), ctypes.get_errno())
        print("clone", libc.syscall({56 if os.uname().machine == "x86_64" else 220}, 0x10000011, 0, 0, 0, 0))
        print(open("/proc/self/status").read().partition("NoNewPrivs:")[2].split()[0])
    """)
    assert run(sandbox, job).succeeded
    assert job.log.read_text().splitlines() == [*(f"{name} -1 1" for name in calls), "clone -1", "1"]


def test_threads_subprocesses_and_pools_work_inside(sandbox: Sandbox, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    job = lab.job("""
        import subprocess, tempfile, threading, getpass, os, multiprocessing as mp, socket
        thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
        print(subprocess.run(["sh", "-c", "echo shell"], capture_output=True, text=True).stdout, end="")
        with tempfile.NamedTemporaryFile() as file: file.write(b"x")
        a, b = socket.socketpair(); a.send(b"pair"); print(b.recv(9).decode())
        read, write = mp.Pipe()
        child = mp.get_context("fork").Process(target=write.send, args=("child",)); child.start()
        print(read.recv()); child.join()
        print(os.path.isdir(os.path.expanduser("~")) and "home")
    """)
    assert run(sandbox, job).succeeded, job.log.read_text()
    assert job.log.read_text().split() == ["thread", "shell", "pair", "child", "home"]


@pytest.mark.skipif("bubblewrap" not in USABLE, reason="needs bubblewrap")
def test_bubblewrap_has_shared_memory_loopback_and_a_user_of_its_own(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    job = lab.job("""
        import multiprocessing, getpass, os, socket
        with multiprocessing.get_context("fork").Pool(2) as pool: print(sum(pool.map(abs, range(5))))
        server = socket.create_server(("127.0.0.1", 0)); socket.create_connection(server.getsockname())
        print(getpass.getuser(), os.getuid() == 0)
        os.chdir(os.path.expanduser("~")); open("written", "w").close(); print(*os.listdir())
    """)
    assert run(choose("bubblewrap"), job).succeeded, job.log.read_text()
    first, second, home = job.log.read_text().splitlines()
    assert (first, second) == ("10", "jumar False")
    shown = find(job.command, job.env["PATH"], job.tree).needs
    assert set(home.split()) <= {"written", *(part for path in shown for part in path.parts)}


def in_a_fresh_python(code: str, **env: str) -> str:
    """What `code` prints in a process in which nothing has been tried yet."""
    command = [sys.executable, "-c", code]
    whole = os.environ | {"PYTHONPATH": f"{SOURCE}:{PACKAGES}"} | env
    return subprocess.run(command, env=whole, capture_output=True, text=True, check=True).stdout


DESCRIBE = """
from jumar.sandboxes.detect import detect
for found in detect(): print(found.name, found.usable, found.reason, "FIX", found.fix)
"""


def test_a_machine_without_bubblewrap_is_told_how_to_get_it(tmp_path: Path) -> None:
    for name in ("sh", "setpriv"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    told = in_a_fresh_python(DESCRIBE, PATH=str(tmp_path)).splitlines()
    assert told[0] == "bubblewrap False bwrap not found on PATH FIX apt install bubblewrap util-linux"
    assert told[2].startswith("process True")


def test_an_old_bubblewrap_is_told(tmp_path: Path) -> None:
    for name in ("sh", "setpriv"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bubblewrap 0.6.1\n")
    (tmp_path / "bwrap").chmod(0o755)
    told = in_a_fresh_python(DESCRIBE, PATH=str(tmp_path)).splitlines()
    assert told[0] == "bubblewrap False bubblewrap 0.6.1 is too old FIX install bubblewrap 0.8 or newer"


RUN_ONE = """
from pathlib import Path
from jumar.sandboxes.bubblewrap import Bubblewrap
from jumar.testing.lab import Lab, run
lab = Lab(Path({folder!r}))
job = lab.job("import os; print(os.getpid() > 1, len(os.listdir('/proc/self/fd')))")
print(run(Bubblewrap(), job).succeeded, job.log.read_text())
"""


@pytest.mark.skipif(os.geteuid() == 0, reason="root drops capabilities itself")
def test_bubblewrap_works_where_a_policy_leaves_no_capability_inside(tmp_path: Path) -> None:
    refuse = "case $* in *bounding*) echo 'setpriv: Operation not permitted'; exit 127;; esac"
    (tmp_path / "setpriv").write_text(f'#!/bin/sh\n{refuse}\nexec {shutil.which("setpriv")} "$@"\n')
    (tmp_path / "setpriv").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    told = in_a_fresh_python(RUN_ONE.format(folder=str(tmp_path)), PATH=path)
    assert told.split() == ["True", "True", "4"]


RUN_TWO = """
import sys
from pathlib import Path
from jumar.sandboxes.detect import choose
from jumar.testing.lab import Lab
sandbox, lab = choose(sys.argv[1]), Lab(Path(sys.argv[2]))
first = sandbox.launch(lab.job("import time; time.sleep(60)"))
print(lab.mark, flush=True)
second = sandbox.launch(lab.job("import time; time.sleep(60)"))
first.report()
"""


@pytest.mark.parametrize("name", USABLE)
def test_nothing_outlives_a_process_killed_while_it_builds_a_box(name: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for turn in range(8):
        command = [sys.executable, "-c", RUN_TWO, name, str(tmp_path / str(turn))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lab.mark = process.stdout.readline().strip()
            time.sleep(0.002 * turn)
            process.kill()
        assert lab.mark
        until(lambda: not lab.survivors(), "every process is gone", within_s=5)


@pytest.mark.skipif("bubblewrap" not in USABLE, reason="needs bubblewrap")
def test_the_first_process_inside_cannot_be_touched(tmp_path: Path) -> None:
    job = Lab(tmp_path).job("""
        import os
        for attempt in (lambda: open("/proc/1/mem", "r+b"), lambda: open("/proc/1/environ").read(1)):
            try: attempt(); print("touched")
            except OSError: pass
        for number in (9, 19, 15): os.kill(1, number) if os.getuid() == os.stat("/proc/1").st_uid else None
        print("alive")
    """)
    assert run(choose("bubblewrap"), job).succeeded, job.log.read_text()
    assert job.log.read_text() == "alive\n"


def test_a_machine_without_user_namespaces_is_told_what_to_allow() -> None:
    forbid = """
import ctypes, os
from jumar.sandboxes import launcher, seccomp
launcher._prctl(38, 1)
launcher._seccomp(seccomp.program(seccomp.FAMILIES))
"""
    told = in_a_fresh_python(forbid + DESCRIBE).splitlines()
    assert told[0].startswith("bubblewrap False bubblewrap: bwrap:")
    assert "FIX allow bwrap its user namespaces" in told[0]
    chosen = in_a_fresh_python(forbid + "from jumar.sandboxes.detect import choose; print(choose(None).name)")
    assert chosen == "landlock\n"


def test_where_no_boundary_works_the_last_resort_must_be_asked_for(tmp_path: Path) -> None:
    forbid = """
import ctypes, sys
from jumar.sandboxes import launcher, seccomp
seccomp.DENIED.clear(); seccomp.DENIED["landlock_create_ruleset"] = (444, 444)
launcher._prctl(38, 1)
launcher._seccomp(seccomp.program(seccomp.FAMILIES))
from jumar.errors import SandboxUnavailable
from jumar.sandboxes.detect import choose
try: choose(None)
except SandboxUnavailable as error: print(error)
print(choose("process").name)
"""
    told = in_a_fresh_python(forbid, PATH=str(tmp_path)).splitlines()
    assert told[0].startswith("no sandbox works here; bubblewrap: ")
    assert "--sandbox process" in told[0]
    assert told[1] == "process"


def test_an_unknown_sandbox_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(Usage, match="did you mean 'bubblewrap'"):
        choose("bublewrap")


def test_an_input_that_does_not_exist_is_our_trouble_and_not_the_candidates(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    job = lab.job("", inputs={"data": tmp_path / "nowhere"}, caps=caps())
    for name in USABLE:
        if name != "process":
            with pytest.raises(SandboxUnavailable, match="nowhere"):
                choose(name).launch(job)
