"""What a free slot is given next, and what is prepared while none is free."""

from __future__ import annotations

import time

from jumar.core.agent import AnyAgent
from jumar.core.experiment import BASELINE
from jumar.core.run import Purpose, Side
from jumar.rules.revisit import is_routine
from jumar.study.asking import Asking
from jumar.study.deciding import Deciding
from jumar.study.flight import Aloft, Flights
from jumar.study.queue import Queue
from jumar.study.rebasing import Rebasing
from jumar.study.recorder import Recorder
from jumar.study.sitting import Sitting

# Of a run's usual time, its scoring included: before that the other side of a pair takes too long to
# keep a slot for what follows, and after it nobody can tell.
SOON, LATE = 0.95, 1.1


class Supply:
    """Experiments for the slots: those that wait, oldest first, then what is asked for.

    Who thinks is asked while experiments run. Who answers at once is asked when a slot is free.
    """

    def __init__(
        self,
        recorder: Recorder,
        flights: Flights,
        queue: Queue,
        asking: Asking,
        deciding: Deciding,
        rebasing: Rebasing,
    ) -> None:
        self._history = recorder.history
        self._flights, self._queue = flights, queue
        self._asking, self._deciding, self._rebasing = asking, deciding, rebasing

    def take_up(self) -> None:
        """Go on with what the last sitting left open; what had no run goes on waiting.

        A re-test does not wait: it is made beyond the limits, as it would have been then.
        """
        self.bring_up()
        waiting = self._history.waiting
        for number in tuple(self._history.open):
            again = "retest_of" in self._history.experiments[number].experiment.details
            if number not in waiting or again:
                self._deciding.decide(number)

    def bring_up(self) -> None:
        """What waits starts from the champion as it is by now."""
        for number in self._rebasing.bring_up():
            self._deciding.decide(number)

    def begin(self, sitting: Sitting) -> bool:
        """Get one more experiment under way; False when there is none, or it was refused at once."""
        history, free = self._history, self._flights.free
        begun, slots = len(history.open) - len(history.waiting), free + len(self._flights)
        if BASELINE in history.open or begun >= slots:
            return False
        # The sides of a pair end within moments of one another; a slot that is given away between
        # them keeps the next pair from starting side by side.
        confirming = free < len(Side) and any(map(self._ends_soon, self._flights))
        looked_at = self._is_revisiting()
        no_room = confirming or (looked_at and not is_routine(history))
        if no_room or sitting.reached(under_way=begun, bought=bool(history.waiting)):
            return False
        if not looked_at and self._deciding.revisit():
            return True
        self.bring_up()
        if not history.waiting:
            self._asking.idle(free / slots)
        number = self._next(sitting)
        if number is None or number not in history.open:
            return False
        self._asking.idle(0.0)
        self._deciding.decide(number)
        return True

    def think_ahead(self, sitting: Sitting) -> None:
        """Have agents think while experiments run, so that no slot waits for them."""
        if BASELINE in self._history.open or (self._is_revisiting() and not is_routine(self._history)):
            return
        while agent := self._whose_turn(sitting, ahead=True):
            self._asking.ask(agent)

    def _next(self, sitting: Sitting) -> int | None:
        """Number of the experiment to start, judged already if it was refused; None while there is none."""
        history = self._history
        if history.is_asked and not sitting.reached(under_way=len(history.open)):
            return self._asking.again()
        if history.waiting:
            return history.waiting[0]
        while agent := self._whose_turn(sitting):  # of several agents the others go on while one thinks
            if (number := self._asking.ask(agent)) is not None:
                return number
        return None

    def _whose_turn(self, sitting: Sitting, *, ahead: bool = False) -> AnyAgent | None:
        """Who is to be asked, where the limits leave room beside what waits and what is thought of."""
        in_hand = len(self._history.open) + self._asking.expected
        return None if sitting.reached(under_way=in_hand) else self._asking.whose_turn(ahead=ahead)

    def _ends_soon(self, aloft: Aloft) -> bool:
        """Whether this is a side of a pair that may end at any moment."""
        if aloft.run.purpose is not Purpose.CONFIRM:
            return False
        usual_s = self._history.means(self._history.champion_commit).usual_wall_s() or 0.0
        return SOON * usual_s < time.monotonic() - aloft.started < LATE * usual_s

    def _is_revisiting(self) -> bool:
        """Whether the champion runs anew: what starts from it waits where it may not be worth it."""
        runs = (aloft.run for aloft in self._flights)
        return self._queue.holds(self._history.champion) or any(
            run.purpose is Purpose.REVISIT for run in runs
        )
