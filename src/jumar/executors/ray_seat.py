"""What a worker of a Ray cluster runs: one seat, in a process of its own, that makes one run at a time.

It looks at its machine before the first run, receives what a job is shown, confines and watches it as on
one machine, and hands back what it left. A seat that nobody asks after for a while ends its run: whoever
wanted it is dead, or cannot reach it.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

import jumar
from jumar.core.job import Ending, ExitReport, Job
from jumar.core.machine import Circumstances
from jumar.core.sandbox import Promise, Sandbox
from jumar.errors import EnvironmentUnfit, JumarError
from jumar.executors.freight import Depot, Freight, Left, gather, outline
from jumar.executors.local import placed
from jumar.executors.machine import ground
from jumar.executors.ray_holds import Holds, remove_unused
from jumar.executors.seats import Seat

LEASE_S = 15.0  # after which one that is not asked after gives up; it is asked twice a second
SPARE_BYTES = 64 << 20  # of disk, without which no run is begun
_LOOK_S = 0.05
_STARTS_WITHIN_S = 20.0


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a seat has to be for a study, and what it has for its runs."""

    study: str  #: names the folder that its seats on one machine share
    version: str  #: of Jumar
    choose: Callable[[str | None], Sandbox]  #: what picks the sandbox there
    sandbox: str | None
    needs: frozenset[Promise]  #: that the study does not do without
    path: str  #: PATH of the controller
    programs: Mapping[str, str]  #: what runs start, by name: where it lies there
    python: str  #: what the Python there, if runs start one, says of itself
    standing: Mapping[str, str]  #: places that each machine has to have → their outline
    watched: tuple[str, ...]  #: files of the output folder that are looked at while a run goes on
    cores: int
    gpus: float
    workers: int  #: seats of this machine


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A job, as it is known where it comes from, and what it is shown. None: the seat has it already."""

    job: Job
    tree: Freight | None
    inputs: Mapping[str, Freight]
    readable: Mapping[str, Freight | None]
    servers: tuple[Order, ...] = ()


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order."""

    report: ExitReport
    log: bytes
    left: list[Left]
    server_logs: tuple[bytes, ...] = ()


class RaySeat:
    """The actor. Its methods are called on several threads: a run is looked at and cancelled meanwhile."""

    def __init__(self) -> None:
        self._asked_at = time.monotonic()
        self._unwanted: set[str] = set()
        self._closing = False
        self._idle = threading.Event()
        self._idle.set()
        self._here: dict[str, Path] = {}  # places of the last run there → here
        self._root: Path | None = None
        self._under_way = ("", Path())  # a job's key, and its output folder
        self._holds = Holds()
        self._is_alone = False

    def settle(self, terms: Terms) -> Circumstances | JumarError:
        """Look at this machine: what runs here are made under, or why none can be."""
        try:
            self._settle(terms)
        except JumarError as error:
            return type(error)(f"{socket.gethostname()}: {error.problem}", fix=error.fix)
        except OSError as error:
            return _no_room(error)
        here = ground()
        words = [here.cpu, f"{terms.cores} core{'' if terms.cores == 1 else 's'}"]
        if not self._is_alone:
            words.append("shared with others")
        if terms.gpus:
            share = "" if terms.gpus == 1 else f"{terms.gpus:g} × "
            words += [f"{share}{gpu.name}" for gpu in here.gpus[:1]]
        return Circumstances(machine=", ".join(words), workers=terms.workers)

    def _settle(self, terms: Terms) -> None:
        self._terms = terms
        os.umask(0o022)  # what runs are shown, their own users read
        if jumar.__version__ != terms.version:
            raise EnvironmentUnfit(
                f"has Jumar {jumar.__version__}, and {terms.version} runs the study",
                fix=f"install jumar {terms.version} there",
            )
        self._path = _search(terms)
        self._sandbox: Sandbox = terms.choose(terms.sandbox)
        if missing := terms.needs - self._sandbox.promises:
            names = ", ".join(sorted(promise.value for promise in missing))
            raise EnvironmentUnfit(
                f"the sandbox `{self._sandbox.name}` does not promise there what the study needs: {names}",
                fix="install bubblewrap there (`jumar doctor` says how)",
            )
        for place, told in terms.standing.items():
            _refuse_other(Path(place), told)
        self._root = self._holds.folder(terms.study)
        if shutil.disk_usage(self._root).free < SPARE_BYTES:
            raise EnvironmentUnfit(f"the disk with {self._root} is full", fix="free some disk there")
        self._depot = Depot(self._root)
        cores = self._holds.cores(terms.cores)
        self._is_alone = cores is not None
        self._seat = Seat(
            cores=tuple(cpu for core in cores or () for cpu in core),
            threads=len(cores or ()) or terms.cores,
            gpus=os.environ.get("CUDA_VISIBLE_DEVICES", "") if terms.gpus else "",
        )

    def run(self, order: Order, crates: Mapping[int, Any]) -> Done:
        """Make one run, to its end. Raises EnvironmentUnfit where this machine cannot."""
        import ray  # noqa: PLC0415 - only Ray itself calls this

        self._idle.clear()
        self._asked_at = time.monotonic()
        try:
            job = self._receive(order, lambda number: ray.get(crates[number]))
            report = self._watch(job)
            done = Done(
                report=replace(report, under=None),
                log=job.log.read_bytes(),
                left=gather(job.out),
                server_logs=tuple(server.log.read_bytes() for server in job.servers),
            )
            _refuse_full_disk(report, job.out)
            return done
        except TimeoutError:
            raise
        except OSError as error:
            raise _no_room(error) from error
        except JumarError as error:
            raise type(error)(f"{socket.gethostname()}: {error.problem}", fix=error.fix) from error
        finally:
            self._unwanted.discard(order.job.key)
            self._under_way = ("", Path())
            self._idle.set()

    def _receive(self, order: Order, fetch: Callable[[int], bytes]) -> Job:
        if not _leans(order):
            self._clear()
        assert self._root is not None, "a seat settles first"
        place = Path(tempfile.mkdtemp(dir=self._root, prefix="run-"))
        place.chmod(0o711)
        self._here[str(place)] = place
        job = self._localised(order, place, fetch)
        self._here |= {str(order.job.tree): job.tree, str(order.job.out): job.out}
        self._under_way = (job.key, job.out)
        return placed(job, self._seat, pinned=bool(self._seat.cores))

    def _localised(self, order: Order, place: Path, fetch: Callable[[int], bytes]) -> Job:
        """The job with places of this machine instead of those it names."""
        job, moved = order.job, {}
        for path, freight in order.readable.items():
            moved[path] = self._here[path] if freight is None else self._depot.shared(freight, fetch)
        if order.tree is None:
            tree = self._here[str(job.tree)]
        else:
            tree = place / "tree"
            self._depot.build(order.tree, tree, fetch)
        return replace(
            job,
            tree=tree,
            out=place / "out",
            log=place / "log",
            env={**_moved(job.env, moved), "PATH": self._path},
            inputs={spot: self._depot.shared(each, fetch) for spot, each in order.inputs.items()},
            readable=tuple(moved.get(str(path), path) for path in job.readable),
            masked=(*job.masked, *filter(None, [self._root])),
            servers=tuple(
                self._localised(server, _made(place / f"server{number}"), fetch)
                for number, server in enumerate(order.servers)
            ),
        )

    def _watch(self, job: Job) -> ExitReport:
        running, is_forgotten = self._sandbox.launch(job), False
        while not select.select([running], [], [], _LOOK_S)[0]:
            running.check()
            is_forgotten = is_forgotten or time.monotonic() - self._asked_at > LEASE_S
            if self._closing or is_forgotten or job.key in self._unwanted:
                running.kill()
        report = running.report()
        if is_forgotten:
            raise TimeoutError(f"nobody asked after the run for {LEASE_S:g} s, so it was ended")
        return report

    def cancel(self, key: str) -> None:
        """End this job's run, now or as soon as it begins."""
        self._unwanted.add(key)

    def look(self, key: str, seen: Mapping[str, int]) -> dict[str, bytes]:
        """Ask after the seat: what watched files of that run say past these lengths."""
        self._asked_at = time.monotonic()
        under_way, out = self._under_way
        if under_way != key:
            return {}
        return {name: more for name in self._terms.watched if (more := _past(out / name, seen.get(name, 0)))}

    def close(self) -> None:
        """End the run under way, if any, and leave nothing."""
        self._closing = True
        self._idle.wait(LEASE_S)
        self._clear()
        self._holds.let_go()
        if self._root is not None:
            remove_unused(self._root)

    def _clear(self) -> None:
        for place in self._here.values():
            if place.name.startswith("run-"):
                shutil.rmtree(place, ignore_errors=True)
        self._here.clear()


def _leans(order: Order) -> bool:
    """Whether it is shown something of the last one, which lies here still."""
    own = order.tree is None or None in order.readable.values()
    return own or any(map(_leans, order.servers))


def _made(place: Path) -> Path:
    place.mkdir()
    return place


def _moved(env: Mapping[str, str], moved: Mapping[str, Path]) -> dict[str, str]:
    found = dict(env)
    for there, here in moved.items():
        found = {name: value.replace(there, str(here)) for name, value in found.items()}
    return found


def _search(terms: Terms) -> str:
    """PATH of runs here. The controller's, where that leads to the same programs; else our own."""
    path = terms.path
    if any(shutil.which(name, path=path) != place for name, place in terms.programs.items()):
        path = os.pathsep.join((str(Path(sys.prefix, "bin")), os.environ.get("PATH", os.defpath)))
    for name in terms.programs:
        place = shutil.which(name, path=path)
        if place is None:
            raise EnvironmentUnfit(f"has no `{name}`, which runs start", fix="install it there, on PATH")
        told = version_of(place) if terms.python and name.startswith("python") else terms.python
        if told != terms.python:
            raise EnvironmentUnfit(
                f"runs would start {told or place}, and elsewhere {terms.python}",
                fix="install the same Python there, first on PATH where `ray start` is called",
            )
    return path


def version_of(python: str) -> str:
    """What an interpreter says that it is; empty where it says nothing."""
    try:
        return subprocess.run(
            [python, "-V"], capture_output=True, text=True, timeout=_STARTS_WITHIN_S, check=False
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _refuse_other(place: Path, told: str) -> None:
    fix = f"copy {place} there, or show it there by a shared file system; or name it relative to the target"
    if not place.exists():
        raise EnvironmentUnfit(f"lacks {place}, which runs are shown ([run] inputs)", fix=fix)
    if outline(place) != told:
        raise EnvironmentUnfit(f"has other files in {place} than the controller's machine", fix=fix)


def _refuse_full_disk(report: ExitReport, out: Path) -> None:
    free = shutil.disk_usage(out).free
    if report.ending is not Ending.EXITED or report.exit_code:
        if free + report.output_bytes + report.disk_bytes < SPARE_BYTES:
            raise EnvironmentUnfit("the disk is full, which no run is blamed for", fix="free some disk there")


def _no_room(error: OSError) -> EnvironmentUnfit:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    place = f" ({error.filename})" if error.filename else ""
    return EnvironmentUnfit(
        f"{socket.gethostname()}: {error.strerror or error}{place}",
        fix="free some disk there" if is_full else "see to that there, and start again",
    )


def _past(path: Path, length: int) -> bytes:
    """What a file says past `length`; the candidate chose what lies there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(fd, 1 << 20, length)
    except OSError:
        return b""
    finally:
        os.close(fd)
