"""The process that speaks to Ray: it keeps seats on the machines of a cluster, and gives jobs to them.

Apart from the controller, because Ray's library prints, catches signals, and ends its process when a
cluster is gone for a minute. On a connection come ("job", Job) and ("cancel", key); back go ("slots", n),
Ended and Lost, and a JumarError when nothing can go on. The end of the connection is the end of it all.

Nothing here is tried twice: what is lost is said, and the ledger decides. Started as
`python -P -c "… main(DESCRIPTOR)"` by `ray_cluster.py`.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ray
from msgspec.structs import replace
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import jumar
from jumar.core.executor import Ended, Lost
from jumar.core.job import Ending, ExitReport, Job
from jumar.core.machine import Circumstances
from jumar.errors import EnvironmentUnfit, JumarError
from jumar.executors.freight import Freight, Packer, spread
from jumar.executors.ray_cluster import Settings, answers, gone
from jumar.executors.ray_link import connect, machines_of_the_cluster, why_lost, why_unfit
from jumar.executors.ray_seat import Done, Order, RaySeat
from jumar.executors.ray_shares import CPU, GPU, MEMORY, Machine, Share, share, wanting

PULSE_S = 0.5  # between two looks at every seat, and at the list of machines
FIRST_WITHIN_S = 30.0  # all first seats are waited for: others may hold what they need
MOST_FAILURES = 5
SEATED_WITHIN_S = 120.0  # that a job waits for a seat when there is none: a machine may come back
GONE_AFTER_S = 6.0  # without an answer from the head of the cluster
ENDS_WITHIN_S = 15.0
_KEEP_PLACES = 64  # of jobs that others may be beside of


class _Place:
    """One seat, as it is seen from here."""

    def __init__(self, machine: Machine, actor: Any) -> None:
        self.machine, self.actor = machine, actor
        self.under: Circumstances | None = None  #: once it has settled
        self.job: Job | None = None
        self.seen: dict[str, int] = {}
        self.has: frozenset[str] = frozenset()  #: places of its last job that lie there still
        self.last = ""  #: key of that
        self.pulse: Any = None


class Driver:
    """One connection to a cluster, served by one thread; everything that happens comes through a queue."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings, self._connection = settings, connection
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()  # None: the end
        self._sending = threading.Lock()
        self._packer: Packer[Any] = Packer(ray.put)
        self._seats: list[_Place] = []
        self._barred: dict[str, JumarError] = {}  # machine → why no run is made there
        self._waiting: list[Job] = []
        self._been: dict[str, tuple[str, Circumstances | None]] = {}  # job → machine it went to
        self._told: tuple[str, int, Circumstances | None] | None = None  # the controller, of our seats
        self._began = self._seated_at = time.monotonic()
        self._failures: Counter[str] = Counter()  # of seats, by machine
        self._share = Share(takes={})
        self._actor = ray.remote(RaySeat)

    def serve(self) -> None:
        """Until the controller closes the connection or is dead. Raises EnvironmentUnfit."""
        address = ray.get_runtime_context().gcs_address
        for part in (self._listen, partial(self._guard, address), self._ask_after):
            threading.Thread(target=part, daemon=True).start()
        machines = machines_of_the_cluster()
        self._share = share(machines, self._settings.asked)
        self._seat_all(machines)
        due = time.monotonic() + PULSE_S
        while True:
            try:
                event = self._events.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                due = time.monotonic() + PULSE_S
                self._look_around()
                continue
            if event is None:
                return
            event()
            self._place()

    def _listen(self) -> None:
        """The thread that hears the controller."""
        heard: dict[str, Callable[[Any], None]] = {"job": self._on_job, "cancel": self._on_cancel}
        try:
            while True:
                what, about = self._connection.recv()
                self._events.put(partial(heard[what], about))
        except (EOFError, OSError):
            self._events.put(None)

    def _ask_after(self) -> None:
        """The thread that asks after every seat, whatever the other one is busy with."""
        while True:
            for seat in tuple(self._seats):
                if seat.under is not None and seat.pulse is None:
                    key = seat.job.key if seat.job else ""
                    seat.pulse = seat.actor.look.remote(key, seat.seen)
                    self._when(seat.pulse, partial(self._on_pulse, seat, key))
            time.sleep(PULSE_S)

    def _guard(self, address: str) -> None:
        """The thread that notices that the head is gone, before Ray's library ends this process over it."""
        answered = time.monotonic()
        while time.monotonic() - answered < GONE_AFTER_S:
            if answers(address):
                answered = time.monotonic()
            time.sleep(PULSE_S)
        self._tell(gone(address, ours=self._settings.address is None))
        os._exit(1)  # asking Ray to end takes a head

    def _tell(self, what: Any) -> None:
        with self._sending:
            self._connection.send(what)

    def _on_job(self, job: Job) -> None:
        self._waiting.append(job)

    def _on_cancel(self, key: str) -> None:
        for job in self._waiting:
            if job.key == key:
                self._waiting.remove(job)
                self._tell(Ended(key=key, report=_CANCELLED))
                return
        for seat in self._seats:
            if seat.job is not None and seat.job.key == key:
                seat.actor.cancel.remote(key)

    def _on_settled(self, seat: _Place, future: Future[Any]) -> None:
        try:
            found = future.result()
        except Exception as error:  # noqa: BLE001 - whatever kept it from settling, it is no seat
            self._failures[seat.machine.node] += 1
            if self._failures[seat.machine.node] < MOST_FAILURES:  # a machine may be dying at this moment
                self._forget(seat)
                return
            found = why_unfit(seat.machine, error)
        if isinstance(found, Circumstances):
            seat.under = found
            self._tell_slots()
        else:
            self._bar(seat, found)

    def _bar(self, seat: _Place, why: JumarError) -> None:
        """No run is made on that machine any more; the first machines have to be fit."""
        print(f"{seat.machine.host} is left out: {why.problem} (fix: {why.fix})", file=sys.stderr)  # noqa: T201
        self._barred[seat.machine.node] = why
        self._forget(seat)
        if not any(each.under for each in self._seats) or self._told is None:
            raise why

    def _forget(self, seat: _Place) -> None:
        """It makes no more runs; the next look around makes another where there is room."""
        if seat in self._seats:
            self._seats.remove(seat)
            ray.kill(seat.actor)
            self._tell_slots()

    def _on_done(self, seat: _Place, job: Job, future: Future[Any]) -> None:
        seat.job = None
        try:
            done: Done = future.result()
        except Exception as error:  # noqa: BLE001 - whatever it was, the job has no end, and says so
            self._lose(seat, job, error)
            return
        seat.has, seat.last = frozenset(map(str, (job.tree, job.out))), job.key
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.log.write_bytes(done.log)
        for server, log in zip(job.servers, done.server_logs, strict=True):
            server.log.write_bytes(log)
        spread(done.left, job.out)
        self._tell(Ended(key=job.key, report=replace(done.report, under=seat.under)))

    def _lose(self, seat: _Place, job: Job, error: Exception) -> None:
        cause = error.cause if isinstance(error, RayTaskError) else None
        if isinstance(cause, JumarError):
            self._tell(Lost(key=job.key, reason=cause.problem))
            self._bar(seat, cause)
            return
        self._forget(seat)
        self._tell(Lost(key=job.key, reason=why_lost(seat.machine, error)))

    def _on_pulse(self, seat: _Place, key: str, future: Future[Any]) -> None:
        seat.pulse = None
        try:
            told: dict[str, bytes] = future.result()
        except Exception:  # noqa: BLE001 - a seat that does not answer is none; its job says so itself
            if seat.job is None:
                self._forget(seat)
            return
        if seat.job is None or seat.job.key != key:
            return
        for name, more in told.items():
            seat.job.out.mkdir(parents=True, exist_ok=True)
            with (seat.job.out / name).open("ab") as file:
                file.write(more)
            seat.seen[name] = seat.seen.get(name, 0) + len(more)

    def _look_around(self) -> None:
        """Use machines that joined, and say when there have been none for too long."""
        self._seat_all(machines_of_the_cluster())
        self._tell_slots()
        if any(seat.under for seat in self._seats):
            self._seated_at = time.monotonic()
        elif time.monotonic() - self._seated_at > SEATED_WITHIN_S:
            raise EnvironmentUnfit(
                f"no machine of the Ray cluster had room for a run within {SEATED_WITHIN_S:.0f} s "
                f"({self._share} each)",
                fix="see `ray status`; start machines, or ask for less with --resource",
            )

    def _seat_all(self, machines: tuple[Machine, ...]) -> None:
        """Seats wherever there is room for one that has none."""
        fit = {machine.node: machine for machine in machines if machine.node not in self._barred}
        seated = Counter(seat.machine.node for seat in self._seats)
        workers = self._settings.asked.workers
        for node, count in wanting(tuple(fit.values()), self._share, workers, seated).items():
            for _ in range(count):
                self._seat(fit[node])

    def _seat(self, machine: Machine) -> None:
        rest = dict(self._share.takes)
        cores, gpus, memory = (rest.pop(name, 0.0) for name in (CPU, GPU, MEMORY))
        actor = self._actor.options(
            num_cpus=cores,
            num_gpus=gpus,
            memory=int(memory),
            resources=rest,
            max_concurrency=4,  # a run, a look, a cancellation, the end
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(machine.node, soft=False),
        ).remote()
        seat = _Place(machine, actor)
        self._seats.append(seat)
        beside = min(self._share.capacity(machine), self._settings.asked.workers or sys.maxsize)
        terms = replace(self._settings.terms, cores=max(1, int(cores)), gpus=gpus, workers=beside)
        self._when(actor.settle.remote(terms), partial(self._on_settled, seat))

    def _tell_slots(self) -> None:
        """How many runs at once, and under what; at first once all machines are known to be fit."""
        ready = [seat.under for seat in self._seats if seat.under is not None]
        is_early = time.monotonic() - self._began < FIRST_WITHIN_S
        if self._told is None and (not ready or (is_early and len(ready) < len(self._seats))):
            return
        under = ready[0] if len(set(ready)) == 1 else None
        told = ("slots", max(1, len(ready)), under)  # a job may always wait here for a seat
        if told != self._told:
            self._told = told
            self._tell(told)

    def _place(self) -> None:
        for job in tuple(self._waiting):
            if seat := self._seat_for(job):
                self._waiting.remove(job)
                self._start(job, seat)

    def _seat_for(self, job: Job) -> _Place | None:
        """A free one: for what follows the same, for what is beside another the nearest; None for now."""
        free = [seat for seat in self._seats if seat.under is not None and seat.job is None]
        if not free:
            return None
        if job.follows:
            return next((seat for seat in free if seat.last == job.follows), free[0])
        node, under = self._been.get(job.beside, ("", None))
        alike = [seat for seat in free if seat.under == under]
        if under and not alike and any(seat.under == under for seat in self._seats):
            return None  # numbers of another class would say nothing beside this one's
        room = Counter(seat.machine.node for seat in free)
        return max(alike or free, key=lambda seat: (seat.machine.node == node, room[seat.machine.node]))

    def _start(self, job: Job, seat: _Place) -> None:
        seat.job, seat.seen = job, {}
        has = seat.has if job.follows and seat.last == job.follows else frozenset()
        order = self._order(job, has)
        numbers = {number for freight in _freights(order) for number in freight.crates.values()}
        crates = {number: self._packer.crates[number] for number in numbers}
        self._been[job.key] = (seat.machine.node, seat.under)
        if len(self._been) > _KEEP_PLACES:
            self._been.pop(next(iter(self._been)))
        self._when(seat.actor.run.remote(order, crates), partial(self._on_done, seat, job))

    def _order(self, job: Job, has: frozenset[str]) -> Order:
        def packed(path: Path) -> Freight:
            return self._packer.pack(path, stands=not path.is_relative_to(self._settings.scratch))

        return Order(
            job=job,
            tree=None if str(job.tree) in has else packed(job.tree),
            inputs={place: packed(path) for place, path in job.inputs.items()},
            readable={
                str(path): None if str(path) in has else packed(path)
                for path in job.readable
                if self._travels(path)
            },
            servers=tuple(self._order(server, has) for server in job.servers),
        )

    def _travels(self, path: Path) -> bool:
        """Whether it lies on this machine alone: a run's own, or a part of Jumar."""
        own = Path(jumar.__file__).parent
        return path.is_relative_to(self._settings.scratch) or path.is_relative_to(own)

    def _when(self, ref: Any, then: Callable[[Future[Any]], None]) -> None:
        """Have `then` called in its turn with the future of `ref`, once that is there."""
        ref.future().add_done_callback(lambda future: self._events.put(partial(then, future)))

    def close(self) -> None:
        """End what runs, and leave nothing on any machine that answers."""
        ends = [seat.actor.close.remote() for seat in self._seats if seat.under is not None]
        ray.wait(ends, num_returns=len(ends), timeout=10.0) if ends else None
        for seat in self._seats:
            ray.kill(seat.actor)


_CANCELLED = ExitReport(
    ending=Ending.CANCELLED, exit_code=None, wall_s=0, cpu_s=0, peak_memory_bytes=0, output_bytes=0
)


def _freights(order: Order) -> list[Freight]:
    own = [order.tree, *order.inputs.values(), *order.readable.values()]
    return [each for each in own if each] + [each for server in order.servers for each in _freights(server)]


def main(descriptor: int) -> None:
    """Serve the controller at the other end of a connection, whose first message is the settings."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    threading.Thread(target=_end_with, args=(descriptor, serving := threading.Event()), daemon=True).start()
    driver = None
    try:
        settings = connection.recv()
        connect(settings.address, settings.folder)
        driver = Driver(settings, connection)
        serving.set()
        driver.serve()
    except JumarError as error:
        connection.send(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        problem = f"what runs are shown or leave cannot be read or written here: {place}{error.strerror}"
        connection.send(EnvironmentUnfit(problem, fix="free some disk on this machine; `jumar run` goes on"))
    finally:
        end = threading.Timer(ENDS_WITHIN_S, os._exit, (1,))  # whatever Ray still waits for
        end.daemon = True
        end.start()
        if driver is not None:
            driver.close()
        ray.shutdown()


def _end_with(descriptor: int, serving: threading.Event) -> None:
    """End when the controller does, also while Ray is still being started."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP | select.POLLRDHUP)
    poll.poll()
    if not serving.is_set():
        os._exit(1)
