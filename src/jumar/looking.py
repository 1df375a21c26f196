"""Runs outside the search: a first measurement, runs beside one another, the answer to a probe.

And whether a re-test makes sense.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

from msgspec.structs import replace

from jumar.assembly import assembled
from jumar.core.contract import Clock
from jumar.core.event import Entry, Probed
from jumar.core.experiment import BASELINE
from jumar.core.outcome import Failed, Measured, outcome_in_words
from jumar.core.run import Purpose, Run
from jumar.errors import NotMeasurable, Usage
from jumar.executors.machine import ground
from jumar.executors.seats import most_workers
from jumar.home import Home, Options, at_scale, wanted_of
from jumar.rules.contract_file import read_contract
from jumar.rules.neighbours import ROUNDS, Beside, Round, Taken, beside, levels
from jumar.rules.remedy import remedy
from jumar.study.flight import Flights, Landed
from jumar.study.parts import Parts

LOOK_S = 0.25
GRACE_S = 10.0  # for the process that ran the study to be followed by another


def first_measurement(folder: Path, contract_text: str) -> Landed:
    """Run the target as it lies in the work tree once, as a study would, and leave no trace."""
    with _trial(folder, contract_text, Options(include_dirty=True)) as (_, run):
        return run(1, 1)[0]


def neighbours(folder: Path, contract_text: str, options: Options) -> Iterator[Beside]:
    """Measure whether runs slow one another: the unchanged target alone and beside 1, 3, 7 … others.

    One number of workers after the other, up to what the machine has room for; of each seed one run alone
    and one on every seat, in turn, so that what the machine does meanwhile tells for both. Leaves no trace.
    Raises NotMeasurable where a run gives no number.
    """
    contract = at_scale(read_contract(contract_text), options.scale)
    for workers in levels(most_workers(ground(), wanted_of(contract, options))):
        asked = replace(options, workers=workers, include_dirty=True)
        with _trial(folder, contract_text, asked) as (parts, run):
            rounds = []
            for seed in range(1, ROUNDS + 1):
                taken = {times: _taken(parts, run(times, seed)) for times in _in_turn(workers, seed)}
                rounds.append(Round(alone=taken[1][0], beside=taken[workers]))
            yield beside(workers, rounds, contract.measure.metric)


def _in_turn(workers: int, seed: int) -> tuple[int, int]:
    return (1, workers) if seed % 2 else (workers, 1)


def _taken(parts: Parts, landed: tuple[Landed, ...]) -> tuple[Taken, ...]:
    found = []
    for each in landed:
        if isinstance(each.outcome, Failed):
            raise NotMeasurable(
                f"the unchanged target gave no number: {outcome_in_words(each.outcome)}",
                fix=remedy(each.outcome, parts.contract),
            )
        assert isinstance(each.outcome, Measured), "a baseline run is never stopped early"
        by_steps = parts.contract.run.budget.clock is Clock.STEPS
        pace = 1 / each.report.wall_s if by_steps else each.outcome.others.get("curve_steps")
        found.append(Taken(value=each.outcome.value, pace=pace))
    return tuple(found)


@contextmanager
def _trial(
    folder: Path, contract_text: str, options: Options
) -> Iterator[tuple[Parts, Callable[[int, int], tuple[Landed, ...]]]]:
    """What makes so many runs at once of the target as it lies there, on one seed, and leaves no trace."""
    numbers = count(1)
    with tempfile.TemporaryDirectory(prefix="jumar-") as state:
        home = Home(folder=folder, study="trial", state=Path(state))
        with assembled(home, contract_text, options, lambda _: None) as parts:
            flights = Flights(parts)

            def run(times: int, seed: int) -> tuple[Landed, ...]:
                base, purpose = parts.terms.base, Purpose.BASELINE
                for number in islice(numbers, times):
                    key = f"{BASELINE}-{number}"
                    flights.start(Run(key=key, experiment=BASELINE, commit=base, seed=seed, purpose=purpose))
                landed: tuple[Landed, ...] = ()
                while len(landed) < times:
                    landed += flights.wait(1.0)
                return landed

            try:
                yield parts, run
            finally:
                flights.abandon()


def answer(
    entries: Callable[[int], Iterator[Entry]],
    is_run: Callable[[], bool],
    read: Callable[[str], bytes],
    asked: int,
) -> str:
    """What a probe showed that entry `asked` wants of the process that runs the study; waits for it.

    Raises Usage where it was refused, or nobody is there any more who could make it.
    """
    after = heard = asked
    alone = time.monotonic()
    while True:
        for entry in entries(after):
            after = entry.seq
            if isinstance(entry.event, Probed) and entry.event.asked == asked:
                if entry.event.trouble:
                    raise Usage(entry.event.trouble, fix=entry.event.fix)
                return read(entry.event.answer).decode()
        now = time.monotonic()
        alone = now if is_run() or after != heard else alone
        heard = after
        if now - alone > GRACE_S:
            raise Usage("nobody runs the study any more", fix="ask again: then the runs are made here")
        time.sleep(LOOK_S)
