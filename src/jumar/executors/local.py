"""Runs jobs on this machine, each confined, watched by one thread and told of by another.

The watching thread starts what is asked for and looks at the caps, whatever the caller is busy
with; a run's end is noticed at once, because it sleeps on the runs themselves. The telling thread
makes the reports: what a run left may take a second to settle, and no other run's caps wait for
that. Runs end with this process, not with these threads: see `sandboxes/warden.py`.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence

from msgspec.structs import replace

from jumar.core.executor import Ended
from jumar.core.job import THREAD_COUNTS, Job
from jumar.core.machine import Circumstances
from jumar.core.sandbox import Confined, Sandbox
from jumar.executors.gpus import VISIBLE
from jumar.executors.mailbox import Mailbox
from jumar.executors.seats import Seat

# How far a run may pass a cap that is only looked at. A look costs about 0.2 ms per process of a run.
_LOOK_S = 0.05


class LocalExecutor:
    """As `core.executor.Executor` promises, with a slot for each of `seats`.

    What could not be confined is raised by `wait`.
    """

    def __init__(self, sandbox: Sandbox, seats: Sequence[Seat], under: Circumstances | None = None) -> None:
        self.slots, self.under = len(seats), under
        self._sandbox, self._seating = sandbox, _Seating(seats)
        self._asked: deque[Job | str] = deque()  # a job to start, or the key of one to cancel
        self._ended = Mailbox[Ended]()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closing = False
        self._over: queue.SimpleQueue[tuple[str, Confined] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, job: Job) -> None:
        if self._closing:
            raise RuntimeError("the executor is closed")
        if not self._threads:
            for part in (self._watch, self._tell):
                self._threads.append(threading.Thread(target=part, name="jumar-executor", daemon=True))
                self._threads[-1].start()
        self._ask(job)

    def cancel(self, key: str) -> None:
        self._ask(key)

    def wait(self, timeout_s: float) -> tuple[Ended, ...]:
        """As promised. Raises SandboxUnavailable when a job could not be confined."""
        return self._ended.take(timeout_s)

    def wake(self) -> None:
        self._ended.wake()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        os.eventfd_write(self._wake, 1)
        for thread in self._threads:
            thread.join()
        os.close(self._wake)

    def _ask(self, what: Job | str) -> None:
        if self._closing:
            return
        self._asked.append(what)
        os.eventfd_write(self._wake, 1)

    def _watch(self) -> None:
        """The watching thread: start what is asked for, look at what runs, pass on what ended."""
        running: dict[str, Confined] = {}
        due = 0.0
        while not self._closing:
            self._serve(running)
            ready = _sleep(
                [self._wake, *(run.fileno() for run in running.values())], due if running else None
            )
            if self._wake in ready:
                os.eventfd_read(self._wake)
            for key, run in list(running.items()):
                if run.fileno() in ready:
                    self._seating.leave(key)
                    self._over.put((key, running.pop(key)))
            if time.monotonic() >= due:
                due = time.monotonic() + _LOOK_S
                for run in running.values():
                    self._look(run)
        for key, run in running.items():
            run.kill()
            self._over.put((key, run))
        self._over.put(None)

    def _look(self, run: Confined) -> None:
        try:
            run.check()
        except Exception as error:  # noqa: BLE001 - raised again by `wait`, in the caller's thread
            self._ended.post(error)
            run.kill()

    def _tell(self) -> None:
        """The telling thread."""
        while over := self._over.get():
            self._hand_over(*over)

    def _serve(self, running: dict[str, Confined]) -> None:
        while self._asked:
            asked = self._asked.popleft()
            if isinstance(asked, Job):
                try:
                    running[asked.key] = self._sandbox.launch(self._seating.seated(asked))
                except Exception as error:  # noqa: BLE001 - raised again by `wait`, in the caller's thread
                    self._seating.leave(asked.key)
                    self._ended.post(error)
            elif asked in running:
                running[asked].kill()

    def _hand_over(self, key: str, run: Confined) -> None:
        try:
            self._ended.post(Ended(key=key, report=replace(run.report(), under=self.under)))
        except Exception as error:  # noqa: BLE001 - as above
            self._ended.post(error)


class _Seating:
    """Who sits where. More jobs than there are seats share them."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self._seats = tuple(seats)
        self._taken: dict[str, int] = {}  # key of a job under way → its seat
        self._left: dict[str, int] = {}  # key of one that has ended → the seat it had

    def seated(self, job: Job) -> Job:
        """`job` on the seat of the one that it follows, or else on the one that most are free of."""
        before = self._left.pop(job.follows, None)
        busy = Counter(self._taken.values())
        number = min(range(len(self._seats)), key=lambda n: (busy[n], n != before))
        self._taken[job.key] = number
        # Alone there is nobody to be kept from, and a program that places its own threads may.
        return placed(job, self._seats[number], pinned=len(self._seats) > 1)

    def leave(self, key: str) -> None:
        """The job has ended; the one that follows it may have its seat."""
        if key in self._taken:
            self._left[key] = self._taken.pop(key)
            if len(self._left) > 4 * len(self._seats):
                self._left.pop(next(iter(self._left)))


def placed(job: Job, seat: Seat, *, pinned: bool = True) -> Job:
    """`job` and its servers on what `seat` has, and told of it. How many threads, the contract may say."""
    env = dict(job.env)
    if seat.threads:
        env = dict.fromkeys(THREAD_COUNTS, str(seat.threads)) | env
    if seat.gpus is not None and env.get(VISIBLE) != "":
        env[VISIBLE] = seat.gpus
    servers = tuple(placed(server, seat, pinned=pinned) for server in job.servers)
    return replace(job, cores=seat.cores if pinned else (), env=env, servers=servers)


def _sleep(fds: list[int], due: float | None) -> frozenset[int]:
    """Those of `fds` that are ready; waits until `due`, or for ever."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    # Rounded up: a timeout of 0 ms just before `due` would spin.
    timeout = None if due is None else max(0, due - time.monotonic()) * 1000 + 1
    return frozenset(fd for fd, _ in poll.poll(timeout))
