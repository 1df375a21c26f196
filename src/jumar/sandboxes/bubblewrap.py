"""Confines a run with bubblewrap: namespaces, a file system of its own, a system-call filter.

Stops: reading or writing anything that was not shown, the network (host loopback, abstract and
vsock sockets too), seeing or signalling other processes, outliving the run, gaining privileges,
inherited secrets, and passing the caps on CPU, memory, processes, output and disk.
Does not stop: a kernel exploit, side channels (cache, timing), spending CPU and memory bandwidth
below the caps. Without a control group, memory is looked at every few hundredths of a second, so a
run may pass its cap for that long; and short-lived children that nobody waits for may be counted
low.

As root the mounts are made as root and the command drops to a user id of its own inside, one per
run; as an ordinary user everything happens in a user namespace. On machines with NVIDIA GPUs their
device nodes are shown; that path was never run here.

Process 1 inside is a shell of three lines. When the command ends it kills what is left and waits
for it, so that the kernel's count includes every orphan: bubblewrap's own first process leaves
without them. It keeps a capability that the command lacks, so that the command cannot touch it;
where a policy leaves none inside (Ubuntu's profile for bwrap), the kernel's rule that a process
traces its descendants alone (Yama) is what protects it.
"""

from __future__ import annotations

import functools
import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from jumar.core.job import Caps, Job
from jumar.core.sandbox import Confined, Promise
from jumar.errors import SandboxUnavailable
from jumar.sandboxes import seccomp
from jumar.sandboxes.confined import (
    Exit,
    Running,
    Startable,
    Streams,
    connected,
    environment,
    launch,
    make_out,
    not_started,
    own_fd,
)
from jumar.sandboxes.ids import unused_uid
from jumar.sandboxes.limits import rlimits
from jumar.sandboxes.mounts import OUT, arguments
from jumar.sandboxes.programs import Missing, find
from jumar.sandboxes.starting import Ended, Started, warden

PROGRAMS = ("bwrap", "setpriv", "sh")

# The first line: this must never run where "all others" are the machine's.
_INIT = """[ $$ = 1 ] || exit 125
exec 9>&2 2>/dev/null
(LIMITS || exit 125; exec "$@" 2>&9 9>&-)
code=$?
kill -9 -1
while kill -0 -1; do (:) & wait; done
exit $code"""
_NAMESPACES = ("ipc", "pid", "uts", "cgroup-try")
_CAPABILITIES = [f"--{kind}=-all" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
_OLDEST = (0, 8)  # the first with --size and --disable-userns
_STARTS_WITHIN_S = 5.0
_ROOT_NEEDS = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL")


class Bubblewrap:
    """The strongest sandbox."""

    name = "bubblewrap"
    promises = frozenset(Promise)

    def launch(self, job: Job) -> Confined:
        """Start `job`. Raises SandboxUnavailable when it could not be confined.

        It ends with this process, however that ends: see `warden.py`.
        """
        return launch(job, self._start)

    def _start(self, job: Job, streams: Streams) -> Startable:
        paths = _programs()
        make_out(job.out)
        try:
            program = find(job.command, job.env.get("PATH", os.environ.get("PATH", os.defpath)), job.tree)
        except Missing as missing:
            return not_started(job, str(missing))
        home = _home()
        uid = unused_uid() if os.geteuid() == 0 else os.geteuid()
        if os.geteuid() == 0:
            os.chown(job.out, uid, uid)
        own = str(OUT / job.home if job.home else home)
        env = environment(job, streams, search=program.search, home=own, out=str(OUT), scratch="/tmp")
        view = arguments(job, program, home)
        status, told = (own_fd(fd) for fd in os.pipe2(os.O_CLOEXEC))
        passwd, names, calls = map(_memory_file, (_passwd(uid, home), _names(uid), _filter(job)))
        files = ["--perms", "0755", "--dir", "/etc", *_file(passwd, "passwd"), *_file(names, "group")]
        argv = [
            *(paths["bwrap"], *_confinement(job.network, told), *files, *view),
            *("--seccomp", str(calls), "--", "/bin/sh", "-c", _init(job.caps), "init"),
            *(*_drop(paths, uid), *program.command),
        ]
        fds = (told, passwd, names, calls)
        try:
            with connected(job, streams, fds) as (numbers, log_fd):
                process = warden().start(argv, env, numbers, job.caps.memory_bytes, cores=job.cores)
        except BaseException:
            os.close(status)
            raise
        finally:
            for fd in fds:
                os.close(fd)
        return Running(job, process, _Box(job, process, status), log_fd)


class _Box:
    """Reaches into the namespaces of one run."""

    def __init__(self, job: Job, process: Started, status: int) -> None:
        self._job, self._process, self._group, self._status = job, process, process.group, status
        self._told = b""
        self.keeps_memory = process.group.caps_memory

    def processes(self) -> Iterable[str]:
        if not (first := self._first()):
            return []
        inside = f"/proc/{first}/root/proc"
        try:
            if os.stat(inside).st_dev == os.stat("/proc").st_dev:
                return []  # still being set up: what is seen there are the host's processes
            return [f"{inside}/{name}" for name in os.listdir(inside) if name.isdigit()]
        except OSError:
            return []

    def _first(self) -> int | None:
        """Our name for process 1 inside, once bubblewrap has told it."""
        if b"child-pid" not in self._told:
            self._listen()
        told = re.search(rb'"child-pid": (\d+)', self._told)
        return int(told[1]) if told else None

    def _listen(self) -> None:
        os.set_blocking(self._status, False)
        try:
            while part := os.read(self._status, 4096):
                self._told += part
        except BlockingIOError:
            pass

    def out_of_memory(self) -> bool:
        return self._group.out_of_memory()

    def cpu_s(self) -> float | None:
        return self._group.cpu_s()

    def kill(self) -> None:
        """Process 1 takes everything along, and bubblewrap waits for it: so the count is whole.

        While bubblewrap has not told who that is, we wait: killed between making process 1 and
        letting it go, it would leave it waiting for ever (seen once in 150 in user namespaces).
        """
        if self._first() is None:
            select.select([self._status], [], [], _STARTS_WITHIN_S)
        try:
            if (first := self._first()) is not None:
                os.kill(first, signal.SIGKILL)
                return
        except ProcessLookupError:
            pass
        self._process.send(signal.SIGKILL)

    def exit(self, ended: Ended) -> Exit:
        self._listen()
        code = os.waitstatus_to_exitcode(ended.status)
        was_killed = code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        if b"exit-code" not in self._told and not was_killed:
            raise SandboxUnavailable(f"bubblewrap: {self._said()}", fix="see `jumar doctor`")
        # A shell says 128 + n for signal n, and so do we read it.
        code = 128 - code if 128 < code <= 128 + signal.NSIG - 1 else code
        said = self._said() if code in (126, 127) else ""
        not_started = said if said.startswith(("setpriv: ", "init: ")) else ""
        return Exit(code, ended.cpu_s, ended.peak_kib << 10, not_started)

    def _said(self) -> str:
        with self._job.log.open("rb") as log:
            return log.readline(500).decode("utf-8", "replace").strip() or "ended without a word"

    def close(self) -> None:
        os.close(self._status)
        self._group.remove()


def _confinement(network: bool, told: int) -> list[str]:
    args = [f"--unshare-{name}" for name in (*_NAMESPACES, *(() if network else ("net",)))]
    args += ["--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "jumar", "--cap-drop", "ALL"]
    if os.geteuid() == 0:
        for capability in _ROOT_NEEDS:
            args += ["--cap-add", capability]
    else:
        args += ["--unshare-user", "--disable-userns"]
        args += ["--cap-add", "CAP_SETPCAP"] if _can_guard() else []
    return [*args, "--json-status-fd", str(told)]


def _file(fd: int, name: str) -> list[str]:
    return ["--perms", "0644", "--ro-bind-data", str(fd), f"/etc/{name}"]


@functools.cache
def _can_guard() -> bool:
    """Whether process 1 in a user namespace may keep a capability and take it from the command."""
    paths = _programs()
    command = [paths["bwrap"], "--unshare-user", "--cap-drop", "ALL", "--cap-add", "CAP_SETPCAP"]
    command += ["--ro-bind", "/", "/", "--", paths["setpriv"], *_CAPABILITIES, "--", "/bin/sh", "-c", ":"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _init(caps: Caps) -> str:
    """The script of process 1; its shell, whichever it is, sets the limits of its child."""
    limits = rlimits(caps)
    parts = [
        f"ulimit -f {-(-limits['fsize'] // 512)}",
        f"ulimit -n {limits['nofile']}",
        f"ulimit -c {limits['core']}",
        f"{{ ulimit -u {limits['nproc']} || ulimit -p {limits['nproc']}; }}",  # bash's letter, and dash's
    ]
    return _INIT.replace("LIMITS", " && ".join(parts))


def _drop(paths: dict[str, str], uid: int) -> list[str]:
    if os.geteuid() != 0 and not _can_guard():
        return []
    ids = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if os.geteuid() == 0 else []
    return [paths["setpriv"], *ids, "--no-new-privs", *_CAPABILITIES, "--"]


@functools.cache
def _programs() -> dict[str, str]:
    """Where the programs lie that we need. Raises SandboxUnavailable naming what is missing."""
    found = {name: shutil.which(name) for name in PROGRAMS}
    if missing := [name for name, path in found.items() if path is None]:
        raise SandboxUnavailable(
            f"{', '.join(missing)} not found on PATH", fix="apt install bubblewrap util-linux"
        )
    paths = {name: os.path.realpath(path) for name, path in found.items() if path}
    said = subprocess.run([paths["bwrap"], "--version"], capture_output=True, text=True, check=False).stdout
    if tuple(map(int, re.findall(r"\d+", said)[:2])) < _OLDEST:
        raise SandboxUnavailable(
            f"{said.strip() or 'bubblewrap'} is too old", fix="install bubblewrap 0.8 or newer"
        )
    return paths


def _filter(job: Job) -> bytes:
    return seccomp.program(seccomp.FAMILIES, pinned=bool(job.cores))


def _home() -> Path:
    home = Path(os.path.expanduser("~"))
    return home if home.is_absolute() and home != Path("/") else Path("/home/jumar")


def _passwd(uid: int, home: Path) -> bytes:
    root = "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    return f"{root}jumar:x:{uid}:{uid}:jumar:{home}:/bin/sh\n".encode()


def _names(uid: int) -> bytes:
    return f"root:x:0:\njumar:x:{uid}:\n".encode()


def _memory_file(content: bytes) -> int:
    fd = own_fd(os.memfd_create("jumar", os.MFD_CLOEXEC))
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
