"""Runs jobs on the machines of a Ray cluster, or of a Ray that it starts on this one.

What a job is shown travels there, it is confined there as it would be here, and what it leaves comes
back. A job whose machine or worker died is reported as lost; nothing is tried twice here. Ray's library
is met by a process of its own (`ray_driver.py`), which ends with this one, however that ends.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

import jumar
from jumar.core.executor import Ended, Lost
from jumar.core.job import Job
from jumar.core.machine import Circumstances
from jumar.core.sandbox import Promise, Sandbox
from jumar.errors import EnvironmentUnfit, JumarError
from jumar.executors.freight import outline
from jumar.executors.mailbox import Mailbox
from jumar.executors.ray_seat import Terms, version_of
from jumar.executors.ray_shares import Asked

STARTS_WITHIN_S = 180.0  # Ray of our own takes 20 on a busy machine; a cluster may have to make room
ENDS_WITHIN_S = 20.0
_DRIVE = "import sys; from jumar.executors.ray_driver import main; main(int(sys.argv[1]))"


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """What a study's runs need of the machines that make them."""

    address: str | None  #: None: a Ray of our own on this machine
    asked: Asked
    choose: Callable[[str | None], Sandbox]  #: what picks a machine's sandbox, there
    sandbox: str | None
    needs: frozenset[Promise]  #: that every machine's sandbox has to promise
    commands: tuple[str, ...]  #: names of programs that runs start
    path: str  #: PATH that these are found on
    standing: tuple[Path, ...]  #: what runs are shown at its own place: every machine has it
    watched: tuple[str, ...]  #: files in a job's output folder that are wanted while it runs
    scratch: Path  #: where folders of single runs lie
    log: Path  #: for what Ray says


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the controller asks of a cluster."""

    address: str | None  #: None: a Ray of our own on this machine
    folder: Path  #: for what that one writes
    asked: Asked
    terms: Terms
    scratch: Path  #: what lies here changes from run to run; the rest of what travels stands


class RayExecutor:
    """As `core.executor.Executor` promises. What ends the cluster, or our part in it, is raised by `wait`."""

    def __init__(self, cluster: Cluster) -> None:
        """Returns once the first machines are ready. Raises EnvironmentUnfit or Usage."""
        if importlib.util.find_spec("ray") is None:
            raise EnvironmentUnfit("Ray is not installed here", fix="pip install 'jumar[ray]'")
        self.slots = 0
        self.under: Circumstances | None = None
        self._log, self._address = cluster.log, cluster.address
        self._ended = Mailbox[Ended | Lost]()
        self._ready = threading.Event()
        self._closing = False
        # Short, as the names of Ray's sockets are bounded.
        self._folder = _own_folder()
        self._connection, self._process = self._start(own=cluster.address is None)
        self._sending = threading.Lock()
        self._hearing = threading.Thread(target=self._hear, name="jumar-ray", daemon=True)
        self._hearing.start()
        try:
            self._send(_settings(cluster, self._folder))
            if not self._ready.wait(STARTS_WITHIN_S):
                raise EnvironmentUnfit(
                    f"Ray was not ready within {STARTS_WITHIN_S:.0f} s",
                    fix=f"see what it says in {cluster.log}",
                )
            if not self.slots:
                self.wait(0)
        except BaseException:
            self.close()
            raise

    def _start(self, *, own: bool) -> tuple[Connection, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair()
        env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        if own:  # nobody else on this machine is let in
            env |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
            env.pop("RAY_ADDRESS", None)
        with theirs, self._log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _DRIVE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=self._folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for us alone
            )
        return Connection(ours.detach()), process

    def submit(self, job: Job) -> None:
        if self._closing:
            raise RuntimeError("the executor is closed")
        self._send(("job", job))

    def cancel(self, key: str) -> None:
        if not self._closing:
            self._send(("cancel", key))

    def wait(self, timeout_s: float) -> tuple[Ended | Lost, ...]:
        """As promised. Raises EnvironmentUnfit where no run can be made any more."""
        return self._ended.take(timeout_s)

    def wake(self) -> None:
        self._ended.wake()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as end:
            end.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._hearing.join(ENDS_WITHIN_S)
        self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, what: Any) -> None:
        with suppress(OSError), self._sending:  # whoever hears nothing more is missed by `_hear`
            self._connection.send(what)

    def _why_ended(self) -> EnvironmentUnfit:
        """Ray's library ends its process where the cluster or its part on this machine is gone."""
        if self._address and ":" in self._address and not answers(self._address):
            return gone(self._address)
        return EnvironmentUnfit(
            "the process that speaks to Ray ended: Ray on this machine may be gone",
            fix=f"see `ray status`, and what it says in {self._log}; then `jumar run` goes on from here",
        )

    def _hear(self) -> None:
        """The hearing thread."""
        try:
            while True:
                told = self._connection.recv()
                if isinstance(told, tuple):
                    _, self.slots, self.under = told
                else:
                    self._ended.post(told)
                if isinstance(told, tuple | JumarError):
                    self._ready.set()
        except (EOFError, OSError):
            self._ended.post(self._why_ended())
            self._ready.set()


def answers(address: str) -> bool:
    """Whether anybody listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3.0).close()
    except OSError:
        return False
    return True


def gone(address: str, *, ours: bool = False) -> EnvironmentUnfit:
    """The cluster's head is; `ours` was started here, for this sitting."""
    if ours:
        return EnvironmentUnfit(
            "the Ray that Jumar had started here is gone",
            fix="`jumar run` starts another, and goes on from here: nothing is lost",
        )
    return EnvironmentUnfit(
        f"the head of the Ray cluster at {address} no longer answers",
        fix="start it again, then `jumar run` goes on from here: nothing is lost",
    )


def _own_folder() -> Path:
    """A folder for a Ray of ours; those of processes that were killed are removed."""
    for old in Path(tempfile.gettempdir()).glob("jumar-ray-*-*"):
        pid = old.name.split("-")[2]
        if old.stat().st_uid == os.getuid() and pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"jumar-ray-{os.getpid()}-"))


def _settings(cluster: Cluster, folder: Path) -> Settings:
    found = {name: shutil.which(name, path=cluster.path) or "" for name in cluster.commands}
    pythons = [place for name, place in found.items() if name.startswith("python") and place]
    terms = Terms(
        study=secrets.token_hex(8),
        version=jumar.__version__,
        choose=cluster.choose,
        sandbox=cluster.sandbox,
        needs=cluster.needs,
        path=cluster.path,
        programs=found,
        python=version_of(pythons[0]) if pythons else "",
        standing={str(place): outline(place) for place in cluster.standing},
        watched=cluster.watched,
        cores=1,
        gpus=0,
        workers=1,
    )
    return Settings(
        address=cluster.address, folder=folder, asked=cluster.asked, terms=terms, scratch=cluster.scratch
    )
