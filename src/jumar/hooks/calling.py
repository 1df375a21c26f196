"""Calls programs in the background when something happens; no study waits for one, or ends because of one.

A program is given JSON on its standard input and a time limit; its words go to a log. What fails is noted in
the record, once for each moment in a sitting.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jumar.core.event import Entry, Held, Judged, Noticed, Rested
from jumar.core.experiment import BASELINE
from jumar.core.ledger import Ledger
from jumar.core.verdict import Decision, Verdict
from jumar.errors import JumarError, Usage
from jumar.hooks.program import run_program
from jumar.hooks.settings import Hooks, Moment
from jumar.rules.limits import is_plateau
from jumar.rules.plain import plain, short

LIMIT_S = 20.0  #: for one program; at the end of a sitting, for all that still run or wait
_GRACE_S = 1.0
_LAST = (Moment.ERROR, Moment.END)  # what is called as a sitting ends, which has time of its own
MOST_WAITING = 100

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
        self._waiting: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._troubles: queue.SimpleQueue[tuple[Moment, str]] = queue.SimpleQueue()
        self._told: set[Moment] = set()
        self._ended = False
        self._only_last = False
        self._over = False
        self._reason: dict[str, Any] = {}
        self._show: Callable[[Entry], None] = lambda _: None
        self._thread: threading.Thread | None = None

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
            self._waiting.put(None)
            self._thread.join(LIMIT_S)
            self._only_last = True
            self._thread.join(LIMIT_S)
            self._over = True
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
            if self._waiting.qsize() < MOST_WAITING or moment in _LAST:
                self._waiting.put((moment, command, content))
            else:
                self._troubles.put((moment, f"{MOST_WAITING} calls wait already"))

    def _work(self) -> None:
        where = (self._folder, self._log)
        while (call := self._waiting.get()) is not None:
            moment, command, content = call
            if self._is_cut(moment):
                why = f"{command[0]} was not called, as the sitting ended before it was its turn"
            else:
                why = run_program(command, content, where, self._environ, partial(self._is_over, moment))
            if why:
                self._troubles.put((moment, why))

    def _is_over(self, moment: Moment, took_s: float) -> bool:
        return took_s > LIMIT_S or self._is_cut(moment)

    def _is_cut(self, moment: Moment) -> bool:
        """Whether the sitting's end leaves no time for what is called then."""
        return self._over or (self._only_last and moment not in _LAST)

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
