"""Runs on Ray clusters, for real: several nodes on this machine, of which some do not live long."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest

from jumar.app import Study, open_study
from jumar.core.event import Judged, RunEnded, RunLost, RunStarted
from jumar.core.executor import Executor
from jumar.core.verdict import Decision
from jumar.errors import EnvironmentUnfit, Usage
from jumar.executors.ray_cluster import Cluster, RayExecutor
from jumar.executors.ray_shares import Asked
from jumar.rules.preflight import needs
from jumar.sandboxes.detect import choose
from jumar.testing.executor_suite import ExecutorSuite, drain
from jumar.testing.lab import Lab, until
from jumar.testing.rehearsal import make_contract
from jumar.testing.tiny import NOISY, Cli, contract

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]

# A run of a second, so that something can happen to it; how often it ran is kept beside the target.
SLOW = NOISY + "import time\ntime.sleep(1.0)\n"
WAIT_S = 240.0  # Ray on a machine that is busy with other tests
TOKEN = secrets.token_hex(32)

_NODES = """
import sys
from ray.cluster_utils import Cluster
SMALL = {"object_store_memory": 80 << 20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
print(cluster.address, flush=True)
nodes = {}
for line in sys.stdin:
    verb, name = line.split()
    if verb == "add":
        nodes[name] = cluster.add_node(num_cpus=2, resources={name: 2}, **SMALL)
    else:
        cluster.remove_node(nodes.pop(name), allow_graceful=False)
    print("done", flush=True)
cluster.shutdown()
"""


class Nodes:
    """A head and nodes of two cores each, in processes below one of our own."""

    def __init__(self, *names: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NODES],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._said()
        for name in names:
            self.add(name)

    def _said(self) -> str:
        said: IO[str] | None = self._process.stdout
        assert said is not None
        return said.readline().strip()

    def _do(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._said() == "done"

    def add(self, name: str) -> None:
        self._do(f"add {name}")

    def kill(self, name: str) -> None:
        self._do(f"kill {name}")

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def environment() -> dict[str, str]:
    return {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    nodes = Nodes("red", "blue")
    yield nodes
    nodes.close()


@pytest.fixture(autouse=True)
def _with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)


def executor(folder: Path, address: str | None, **asked: object) -> RayExecutor:
    given = {"memory_bytes": 1 << 30, "workers": 2, "resources": {"CPU": 1.0}, **asked}
    return RayExecutor(
        Cluster(
            address=address,
            asked=Asked(**given),  # type: ignore[arg-type]
            choose=choose,
            sandbox=None,
            needs=needs(make_contract()),
            commands=(),
            path=os.environ["PATH"],
            standing=(),
            watched=("here",),
            scratch=folder,
            log=folder / "ray.log",
        )
    )


class TestRayExecutor(ExecutorSuite):
    @pytest.fixture
    def executor(self, nodes: Nodes, tmp_path: Path) -> Iterator[Executor]:
        made = executor(tmp_path, nodes.address)
        yield made
        made.close()


def test_a_score_follows_its_run_and_sees_what_it_left(nodes: Nodes, tmp_path: Path) -> None:
    made, lab = executor(tmp_path, nodes.address), Lab(tmp_path)
    run = lab.job('import os; open(os.environ["JUMAR_OUT"] + "/answer", "w").write("42")')
    made.submit(run)
    ended = drain(made, 1)[run.key]
    assert (run.out / "answer").read_text() == "42" and ended.report.under is not None
    code = """
        import os, sys
        read, write = map(int, os.environ["JUMAR_SERVERS"].split(":"))
        os.write(write, b"and?\\n")
        print(open(os.environ["JUMAR_RUN_OUT"] + "/answer").read(), os.read(read, 99).decode())
        print(open("main.py").read(), open("held/out").read())
    """
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "out").write_text("hidden")
    server = lab.job("print(input() + open('main.py').read(), flush=True)", tree=run.tree)
    score = lab.job(
        code,
        inputs={"held": tmp_path / "held"},
        readable=(run.out,),
        env={"PATH": os.environ["PATH"], "JUMAR_RUN_OUT": str(run.out)},
        follows=run.key,
        servers=(server,),
    )
    made.submit(score)
    assert drain(made, 1)[score.key].report.succeeded, score.log.read_text()
    assert score.log.read_text().split() == "42 and?x = 1 x = 1 hidden".split()
    made.close()


def test_what_cannot_be_joined_is_said_in_one_line(nodes: Nodes, tmp_path: Path) -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        with pytest.raises(EnvironmentUnfit, match=r"no Ray cluster answers at 127\.0\.0\.1:"):
            executor(tmp_path, f"127.0.0.1:{dead.getsockname()[1]}")
    with pytest.raises(Usage, match="ray://there:10001 is not where"):
        executor(tmp_path, "ray://there:10001")
    with pytest.raises(EnvironmentUnfit, match=r"no machine .* takes CPU=64.* of one is CPU=2"):
        executor(tmp_path, nodes.address, resources={"CPU": 64.0})
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    with pytest.raises(EnvironmentUnfit, match="does not let us in"):
        executor(tmp_path, nodes.address)


def start(folder: Path, address: str | None, *words: str) -> subprocess.Popen[str]:
    at = () if address is None else ("--address", address)
    return Cli().start(folder, "run", "--executor", "ray", *at, "--resource", "CPU=1", *words)


@pytest.fixture
def folder(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    return repository({"work.py": SLOW, "jumar.toml": contract(experiments=4)})


def finished(running: subprocess.Popen[str], folder: Path, code: int = 0) -> str:
    said, _ = running.communicate(timeout=WAIT_S)
    assert running.returncode == code, said
    assert "Traceback" not in said and "ray::" not in said and "raylet" not in said, said
    return said


def under_way(folder: Path, experiment: int = 0) -> Callable[[], bool]:
    """Whether two runs of this experiment, or of later ones, are being made at this moment."""

    def look() -> bool:
        if not (folder / ".jumar" / "ledger.db").exists():
            return False
        study = open_study(folder)
        if study.record() is None:
            return False
        now = [run for one in study.experiments() for run in one.runs if run.is_open]
        return any(run.run.experiment >= experiment for run in now)

    return look


def assert_complete(study: Study) -> list[RunLost]:
    """Every experiment and run is in the record once, and every end is told. Returns what was lost."""
    events = [entry.event for entry in study.entries()]
    started = [event.run.key for event in events if isinstance(event, RunStarted)]
    ended = [event.key for event in events if isinstance(event, RunEnded)]
    lost = [event for event in events if isinstance(event, RunLost)]
    assert sorted(started) == sorted([*ended, *(event.key for event in lost)])
    assert len(started) == len(set(started))
    judged = Counter(event.experiment for event in events if isinstance(event, Judged))
    assert judged == dict.fromkeys(range(len(study.experiments())), 1) and len(judged) > 4
    ends = {one.verdict.decision for one in study.experiments() if one.verdict}
    assert ends <= {Decision.KEPT, Decision.DISCARDED}, "nobody is blamed for a machine"
    return lost


def seats() -> list[int]:
    """Processes of seats of clusters that have our token."""
    ours = with_word(f"RAY_AUTH_TOKEN={TOKEN}".encode())
    return [pid for pid in ours if _words(pid)[0].startswith(b"ray::RaySeat")]


def runs_of() -> list[int]:
    """Processes that run the target."""
    found = [(pid, _words(int(pid))) for pid in filter(str.isdigit, os.listdir("/proc"))]
    return [int(pid) for pid, words in found if words[1:2] == [b"work.py"]]


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def test_a_node_that_dies_in_mid_run_costs_that_run_and_one_that_joins_is_used(folder: Path) -> None:
    nodes = Nodes("first")
    try:
        running = start(folder, nodes.address, "--json")
        until(under_way(folder), "a run", WAIT_S)
        nodes.add("second")
        until(lambda: len(seats()) >= 4, "seats on the machine that joined", WAIT_S)
        until(under_way(folder, 1), "a run of an experiment", WAIT_S)
        nodes.kill("first")
        finished(running, folder)
    finally:
        nodes.close()
    lost = assert_complete(open_study(folder))
    assert lost and all("died" in event.reason for event in lost)


def test_a_worker_that_is_killed_costs_its_run(nodes: Nodes, folder: Path) -> None:
    running = start(folder, nodes.address, "--workers", "1")
    until(under_way(folder, 1), "a run of an experiment", WAIT_S)
    until(runs_of, "its process", WAIT_S)
    for pid in seats():
        os.kill(pid, signal.SIGKILL)
    finished(running, folder)
    (lost,) = assert_complete(open_study(folder))
    assert "was killed" in lost.reason


def test_nothing_runs_on_when_jumar_is_killed_and_the_study_goes_on(nodes: Nodes, folder: Path) -> None:
    running = start(folder, nodes.address)
    until(under_way(folder, 1), "a run of an experiment", WAIT_S)
    running.kill()
    running.communicate()
    until(lambda: not runs_of() and not seats(), "the end of everything", WAIT_S)
    finished(start(folder, nodes.address), folder)
    lost = assert_complete(open_study(folder))
    assert {event.reason for event in lost} == {"its controller ended before it did"}


class Started:
    """A cluster as a user starts it, on one machine: `ray start`, and the end of all that came of it."""

    def __init__(self, port: int) -> None:
        self.mark = f"JUMAR_TEST={secrets.token_hex(8)}"
        self._place = Path("/tmp") / f"jumar-test-{secrets.token_hex(3)}"  # names of sockets are short
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", f"--port={port}"]
        command += ["--node-ip-address=127.0.0.1", f"--temp-dir={self._place}", "--num-cpus=2"]
        command += ["--include-dashboard=false", "--object-store-memory=80000000"]
        env = {**environment(), **dict([self.mark.split("=")])}
        subprocess.run(command, env=env, capture_output=True, check=True, timeout=WAIT_S)

    def kill(self) -> None:
        """As when its machine is switched off."""
        for pid in with_word(self.mark.encode()):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._place, ignore_errors=True)


def test_a_head_that_is_restarted_lets_the_study_rest_and_go_on(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = Started(port)
    try:
        running = start(folder, f"127.0.0.1:{port}")
        until(under_way(folder, 1), "a run of an experiment", WAIT_S)
        cluster.kill()
        said = finished(running, folder, code=3)
        assert "no longer answers" in said and "goes on from here" in said
        until(lambda: not runs_of(), "the end of everything", WAIT_S)
        cluster = Started(port)
        finished(start(folder, f"127.0.0.1:{port}"), folder)
    finally:
        cluster.kill()
    assert_complete(open_study(folder))


def with_word(word: bytes) -> list[int]:
    """Processes that have this in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except OSError:
            continue
    return found


def test_a_ray_of_our_own_ends_with_the_study(folder: Path) -> None:
    before = set(Path("/tmp").glob("jumar-ray-*"))
    said = finished(start(folder, None), folder)
    assert "finished" in said
    assert_complete(open_study(folder))
    assert set(Path("/tmp").glob("jumar-ray-*")) <= before
