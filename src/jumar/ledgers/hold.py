"""The lock that one controller has on a study while it runs it."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from jumar.errors import EnvironmentUnfit, StudyHeld

NAME = "held.json"
STARTING = "starting"  #: file that whoever is about to run the study has a shared lock on
TRIES = 5  #: whoever only asks has the lock for some microseconds; a controller keeps it
PAUSE_S = 0.05


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs a study."""

    pid: int
    host: str
    since: float  #: seconds since the epoch


@contextmanager
def hold(folder: Path, *, now: Callable[[], float] = time.time) -> Iterator[Holder]:
    """Have the study in `folder` for oneself while the block runs.

    Raises StudyHeld when another process has it. The kernel frees the lock of a process that dies,
    however it dies; children that are forked without an exec would keep it.
    """
    descriptor = _open(folder)
    try:
        _lock(descriptor, folder)
        me = myself(now())
        os.ftruncate(descriptor, os.pwrite(descriptor, msgspec.json.encode(me), 0))
        yield me
    finally:
        os.close(descriptor)  # frees the lock; the file stays, for removing it would race


@contextmanager
def starting(folder: Path) -> Iterator[None]:
    """Let others know that this process is about to run the study in `folder`, which it has made."""
    descriptor = os.open(folder / STARTING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def is_starting(folder: Path) -> bool:
    """Whether a process is about to run the study in `folder`, or does."""
    try:
        descriptor = os.open(folder / STARTING, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(folder: Path) -> Holder | None:
    """Who runs the study in `folder`; None when nobody does."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise EnvironmentUnfit(
            f"the study's folder {folder} cannot be written: {error.strerror}",
            fix=f"make it writable for you: chmod u+w {folder}",
        ) from error


def _lock(descriptor: int, folder: Path) -> None:
    for _ in range(TRIES):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_S)
    raise held(_read(descriptor), folder)


def _read(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except msgspec.MsgspecError:
        return None  # it was taken this very moment


def myself(now: float) -> Holder:
    """This process."""
    return Holder(pid=os.getpid(), host=socket.gethostname(), since=now)


def held(by: Holder | None, folder: Path) -> StudyHeld:
    """The refusal of a study that somebody else runs."""
    if by is None:
        return StudyHeld(f"another process runs the study in {folder}", fix="try again in a moment")
    since = datetime.fromtimestamp(by.since).astimezone().isoformat(sep=" ", timespec="seconds")
    return StudyHeld(
        f"process {by.pid} on {by.host} runs this study since {since}",
        fix="watch it with `jumar status`, or end it with `jumar stop`, and do the same again",
    )
