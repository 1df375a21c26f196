"""Threads that think, and the inbox through which they use what belongs to the loop's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from jumar.core.agent import Brief, Researcher
from jumar.core.desk import CalledOff, Desk, Question
from jumar.core.proposal import Proposal
from jumar.errors import AgentFailed, JumarError
from jumar.rules.plain import short

LOOK_S = 0.1  # how long one who waits for an answer may not know that nobody gives any more

Result = TypeVar("Result")


class Inbox:
    """Calls that other threads want made on the loop's thread, where ledger, history and git are used.

    What a call raises is raised on both: a record that cannot be written ends the study, whatever an
    agent makes of it.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._closed = threading.Event()

    def call(self, what: Callable[[], Result]) -> Result:
        """Have `what` done, and wait for what comes of it. Raises CalledOff when nobody does it any more."""
        future: Future[Result] = Future()
        self._calls.put((what, future))
        self._wake()
        while not wait([future], LOOK_S).done:
            if self._closed.is_set():
                raise CalledOff
        return future.result()

    def tell(self) -> None:
        """Wake the loop's thread, which finds out why."""
        self._calls.put((lambda: None, Future()))
        self._wake()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to serve."""
        return not self._calls.empty()

    def serve(self) -> None:
        """Make every call that waits; on the loop's thread."""
        while True:
            try:
                what, future = self._calls.get_nowait()
            except Empty:
                return
            try:
                future.set_result(what())
            except BaseException as error:
                future.set_exception(error)
                raise

    def close(self) -> None:
        """Serve no more."""
        self._closed.set()


class Thinking:
    """An agent thinks about one question, on a thread of its own."""

    def __init__(self, agent: Researcher, question: Question, *, failures: int = 0) -> None:
        self.agent, self.question = agent, question
        #: Under which it is taken up, in the record.
        self.key = f"{agent.name}, thought {question.strand + 1}" if question.strand else agent.name
        self.failures = failures  #: how often it was asked this before, and could not answer
        self.waited_s = 0.0  #: by the machine, so far; as in `core.proposal.Cost`
        self.probed = 0.0  #: what its probes took, in usual runs
        self.retested = 0  #: the old experiment that it wanted to be tried again
        self.called_off = threading.Event()
        self.begun = self.asked = time.monotonic()  # anew, and for the first time
        self._came: Proposal | BaseException | None = None
        self._over = threading.Event()

    def begin(self, brief: Brief, desk: Desk, tell: Callable[[], None]) -> None:
        """Start to think, and `tell` when it is over."""

        def think() -> None:
            try:
                self._came = self.agent.research(brief, desk)
            except BaseException as error:  # noqa: BLE001 - raised again by `came`, on the loop's thread
                self._came = error
            finally:
                self._over.set()
                tell()

        threading.Thread(target=think, name="jumar-agent", daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether it came to something, or to nothing."""
        return self._over.is_set()

    def came(self) -> Proposal | None:
        """What it came to. Raises what the agent raised; of a mistake in the agent, that it has failed."""
        if isinstance(self._came, Exception) and not isinstance(self._came, JumarError | CalledOff):
            raise AgentFailed(
                f"{self.agent.name} died of {type(self._came).__name__}: {short(str(self._came), 200)}",
                fix="see JUMAR_TRACEBACK=1 in front of the command, and tell whoever made the agent",
            ) from self._came
        if isinstance(self._came, BaseException):
            raise self._came
        return self._came

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False when it goes on."""
        return self._over.wait(timeout_s)
