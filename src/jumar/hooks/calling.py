"""Calls programs in the background when something happens; no study waits for one, or ends because of one.

A program is given JSON on its standard input and a time limit; its words go to a log. What fails is noted in
the record, once for each moment in a sitting.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jumar.core.event import Entry, Held, Judged, Noticed, Rested
from jumar.core.experiment import BASELINE
from jumar.core.ledger import Ledger
from jumar.core.verdict import Decision, Verdict
from jumar.errors import JumarError, Usage
from jumar.hooks.settings import Hooks, Moment
from jumar.rules.limits import is_plateau
from jumar.rules.plain import plain, short

LIMIT_S = 20.0  #: for one program; at the end of a sitting, for all that still run or wait
_GRACE_S = 1.0
MOST_WAITING = 100
MOST_LOG_BYTES = 1 << 20

Watched = TypeVar("Watched")
Call = tuple[Moment, tuple[str, ...], bytes]


@contextmanager
def calling(
    hooks: Hooks, where: tuple[str, Path, Path], ledger: Ledger, environ: Mapping[str, str]
) -> Iterator[Caller]:
    """Call programs while the block runs. `where` is the study, the target's folder, and that of the log."""
    caller = Caller(hooks, where, ledger, environ)
    try:
        yield caller
    except JumarError as error:
        if not isinstance(error, Usage):  # of which whoever called knows
            caller.failed(error)
        raise
    finally:
        caller.close()


class Caller:
    """Listens to what happens in one sitting of a study."""

    def __init__(
        self, hooks: Hooks, where: tuple[str, Path, Path], ledger: Ledger, environ: Mapping[str, str]
    ) -> None:
        self._hooks, self._ledger, self._environ = hooks, ledger, environ
        self._study, self._folder, self._log = where[0], where[1], where[2] / "hooks.log"
        self._waiting: queue.Queue[Call | None] = queue.Queue(MOST_WAITING)
        self._troubles: queue.SimpleQueue[tuple[Moment, str]] = queue.SimpleQueue()
        self._told: set[Moment] = set()
        self._ended = False
        self._reason: dict[str, Any] = {}
        self._show: Callable[[Entry], None] = lambda _: None
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def beside(self, observe: Callable[[Watched], None]) -> Callable[[Watched], None]:
        """An observer that listens for hooks too."""
        if not self._hooks:
            return observe
        self._show = observe  # type: ignore[assignment]

        def both(event: Watched) -> None:
            observe(event)
            if isinstance(event, Entry):
                self._hear(event)
            self._note_troubles()

        return both

    def failed(self, error: JumarError) -> None:
        """The sitting ends for an error."""
        self._reason = {"reason": error.problem, "fix": error.fix, "finished": False}
        self._call(Moment.ERROR, f"stopped: {error.problem}", self._reason)

    def close(self) -> None:
        """The sitting ended: say so, wait a moment for programs that still run, and end them."""
        if self._reason:
            self._call(Moment.END, f"ended: {self._reason['reason']}", self._reason)
        self._ended = True
        if self._thread is not None:
            end = time.monotonic() + LIMIT_S + _GRACE_S
            with suppress(queue.Full):
                self._waiting.put(None, timeout=LIMIT_S)
            self._thread.join(max(0.0, end - time.monotonic()))
            _end(self._process)
            self._thread.join(_GRACE_S)
        self._note_troubles()

    def _hear(self, entry: Entry) -> None:
        match entry.event:
            case Judged(experiment=number, verdict=verdict) if number != BASELINE:
                if verdict.decision is Decision.KEPT:
                    self._keep(number, verdict, "kept")
            case Held(experiment=number, verdict=verdict):
                self._keep(number, verdict, "would be kept: `jumar approve` or `jumar reject`")
            case Rested(reason=reason, finished=finished):
                self._reason = {"reason": plain(reason), "finished": finished} | self._reason
                if is_plateau(reason):
                    self._call(Moment.PLATEAU, f"rests: {reason}", self._reason)

    def _keep(self, number: int, verdict: Verdict, what: str) -> None:
        if Moment.KEEP not in self._hooks:
            return
        record = self._ledger.experiment(self._study, number)
        experiment = record.experiment if record else None
        told = {
            "experiment": number,
            "hypothesis": short(experiment.hypothesis, 600) if experiment else "",
            "agent": short(experiment.agent, 100) if experiment else "",
            "commit": experiment.commit if experiment else "",
            "gain": verdict.gain,
            "interval": verdict.interval,
            "reason": short(verdict.reason, 600),
            "approved": what == "kept",
        }
        self._call(Moment.KEEP, f"#{number} {what}: {told['hypothesis']}: {told['reason']}", told)

    def _call(self, moment: Moment, words: str, told: Mapping[str, Any]) -> None:
        if moment not in self._hooks or self._ended:
            return
        about: dict[str, Any] = {"hook": moment.value, "study": self._study, "folder": str(self._folder)}
        about |= {
            "host": socket.gethostname(),
            "at": time.time(),
            "text": short(f"{self._study} {words}", 1000),
        }
        content = msgspec.json.encode({**about, **told})
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="jumar-hooks", daemon=True)
            self._thread.start()
        for command in self._hooks[moment]:
            try:
                self._waiting.put_nowait((moment, command, content))
            except queue.Full:
                self._troubles.put((moment, f"{MOST_WAITING} calls wait already"))

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            moment, command, content = call
            if why := self._run(command, content):
                self._troubles.put((moment, why))

    def _run(self, command: tuple[str, ...], content: bytes) -> str:
        """Run one program; why it failed, or nothing."""
        try:
            with tempfile.TemporaryFile() as told, self._log.open("ab") as log:
                if log.tell() > MOST_LOG_BYTES:
                    log.truncate(0)
                told.write(content)
                told.seek(0)
                self._process = subprocess.Popen(
                    command,
                    stdin=told,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env=dict(self._environ),
                    start_new_session=True,
                )
                try:
                    code = self._process.wait(LIMIT_S)
                except subprocess.TimeoutExpired:
                    return f"{Path(command[0]).name} took more than {LIMIT_S:.0f} s, and was ended"
                finally:
                    _end(self._process)
        except OSError as error:
            return f"{Path(command[0]).name} cannot be started: {error.strerror}"
        return f"{Path(command[0]).name} ended with {code}" if code else ""

    def _note_troubles(self) -> None:
        """Note in the record what failed, the first time for each moment."""
        while not self._troubles.empty():
            moment, why = self._troubles.get()
            if moment in self._told:
                continue
            self._told.add(moment)
            words = f"the hook {moment.value} failed, which is told once: {why}; see {self._log}"
            with suppress(JumarError):  # no study ends because of a hook
                for entry in self._ledger.append(self._study, Noticed(words=words)):
                    self._show(entry)


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """End a program and what it started, unless it is gone."""
    if process is not None and process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
