"""Owns what one sees while a study runs: a live table, plain lines, or lines of JSON."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jumar.app import Study
from jumar.cli import render
from jumar.cli.views import ExperimentsTable, clock_time, experiments_table, staircase
from jumar.core.contract import Contract
from jumar.core.event import Asked, Certified, Entry, Held, Judged, Noticed, Refuted, Rested, RunEnded
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.verdict import Claim
from jumar.reports.happenings import entry_words
from jumar.reports.summary import gain_in_words
from jumar.reports.values import Values
from jumar.reports.words import duration, number, plural, sparkline
from jumar.rules.plain import short
from jumar.study.tick import Running, Tick

QUIET_S = 60.0  # a log that says nothing for longer leaves one wondering whether it is alive
LATEST = 8  # experiments in the live table
MOST_KEPT_IN_VIEW = 400  # enough for the staircase; older ones are in `jumar log`


class Display(Protocol):
    """Shows what happens; `observe` is called for each entry and about twice a second for a tick."""

    def start(self) -> None: ...

    def observe(self, event: Entry | Tick) -> None: ...

    def say(self, words: str) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One line of JSON for each entry."""

    def start(self) -> None:
        """Nothing to set up."""

    def observe(self, event: Entry | Tick) -> None:
        """Print an entry; ticks are for eyes."""
        if isinstance(event, Entry):
            render.line(event)

    def say(self, words: str) -> None:
        """Say something beside the entries."""
        render.note(words)

    def close(self) -> None:
        """Nothing to take down."""


class PlainLines:
    """One line for each thing that happens, for logs and pipes."""

    def __init__(self, contract: Contract, claim: Claim | None) -> None:
        self._contract, self._claim = contract, claim
        self._said_at = time.monotonic()

    def start(self) -> None:
        """Nothing to set up."""

    def observe(self, event: Entry | Tick) -> None:
        """Print what is worth a line, and a sign of life when nothing was for a minute."""
        if isinstance(event, Entry):
            self._claim = _claim(event, self._claim)
            words = entry_words(event, self._contract)
            if words:
                self._print(f"{clock_time(event.at)}  {words}")
        elif time.monotonic() - self._said_at > QUIET_S:
            self._print(f"{clock_time(time.time())}  {tick_words(event, self._contract, self._claim)}")

    def say(self, words: str) -> None:
        """Say something beside the entries."""
        render.note(words)

    def close(self) -> None:
        """Nothing to take down."""

    def _print(self, words: str) -> None:
        self._said_at = time.monotonic()
        render.raw(words)
        render.flush()


class LiveTable:
    """What runs, how far it is, the staircase, the last experiments and why they ended as they did."""

    def __init__(self, study: Study, contract: Contract, claim: Claim | None) -> None:
        self._study, self._contract, self._claim = study, contract, claim
        self._records: deque[ExperimentRecord] = deque(maxlen=MOST_KEPT_IN_VIEW)
        self._words: deque[str] = deque(maxlen=3)
        self._tick: Tick | None = None
        self._live = Live(
            console=render.console(),
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        """Take over the lower part of the terminal."""
        self._refresh_records()
        self._live.start()

    def observe(self, event: Entry | Tick) -> None:
        """Take in what happened; drawn with the next tick."""
        if isinstance(event, Tick):
            self._tick = event
            self._draw()
            return
        self._claim = _claim(event, self._claim)
        match event.event:
            case Judged(experiment=changed):
                self._refresh(changed)
            case Refuted(experiment=changed) | Held(experiment=changed):
                self._refresh(changed)
                self._words.append(entry_words(event, self._contract) or "")
            case RunEnded(key=key):
                self._refresh(int(key.partition("-")[0]))
            case Asked() | Noticed() | Certified() | Rested():
                self._words.append(entry_words(event, self._contract) or "")

    def say(self, words: str) -> None:
        """Say something that stays in view."""
        self._words.append(words)
        self._draw()

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _refresh_records(self) -> None:
        self._records.extend(self._study.experiments(last=MOST_KEPT_IN_VIEW))

    def _refresh(self, wanted: int) -> None:
        """Read an experiment again; the ledger knows more of it than the entry alone."""
        fresh = self._study.experiment(wanted)
        for place, record in enumerate(self._records):
            if record.number == wanted:
                self._records[place] = fresh
                return
        self._records.append(fresh)

    def _draw(self) -> None:
        tick = self._tick
        metric = self._contract.measure.metric
        records = list(self._records)
        values = Values(records)
        parts: list[Text | Table | ExperimentsTable] = [
            Text(f"{self._study.name}  {_head(tick)}", style="bold")
        ]
        if tick and tick.value is not None:
            parts.append(Text(champion_words(tick, self._contract, self._claim), style="green"))
            parts.append(Text(sparkline(staircase(records, values), width=60), style="green"))
        if tick and tick.running:
            parts += [Text(""), running_table(tick.running)]
        parts += [Text(""), experiments_table(records[-LATEST:], values, metric)]
        parts += [Text(words, style="yellow") for words in self._words]
        parts.append(Text("Ctrl-C: finish what runs; twice: stop now", style="bright_black"))
        self._live.update(Group(*parts), refresh=True)


def _claim(entry: Entry, before: Claim | None) -> Claim | None:
    """What is claimed after an entry."""
    return entry.event.claim if isinstance(entry.event, Certified | Refuted) else before


def _head(tick: Tick | None) -> str:
    if tick is None:
        return "starting"
    said = [tick.doing, plural(tick.judged, "experiment"), f"{tick.kept} kept"]
    if tick.held:
        said.append(f"{tick.held} waiting for `jumar approve`")
    said.append(f"worked {duration(tick.active_s)}")
    if tick.time_left_s:
        said.append(f"about {duration(tick.time_left_s)} left")
    return ", ".join(said)


def champion_words(tick: Tick, contract: Contract, claim: Claim | None) -> str:
    """The champion's value and what it gained, on one line, as `jumar status` says it."""
    metric = contract.measure.metric
    assert tick.value is not None
    where = "the unchanged target" if tick.champion == BASELINE else f"experiment {tick.champion}"
    said = f"{metric.name} {number(tick.value)}  {where}"
    if tick.baseline is not None and tick.champion != BASELINE:
        gain = metric.relative_gain(tick.baseline, tick.value)
        said += f"  {gain_in_words(tick.champion, claim, gain, contract)}"
    return said


def tick_words(tick: Tick, contract: Contract, claim: Claim | None) -> str:
    """What a study is doing, on one line."""
    champion = f"; {champion_words(tick, contract, claim)}" if tick.value is not None else ""
    return f"{_head(tick)}, {plural(len(tick.running), 'run')} under way{champion}"


def running_table(running: tuple[Running, ...]) -> Table:
    """The runs under way, each with a bar."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    for run in running:
        done = min(1.0, run.progress) if run.progress is not None else None
        bar = "" if done is None else f"{'━' * round(12 * done):╌<12} {100 * done:3.0f} %"
        purpose = "scoring" if run.scoring else run.purpose.value
        about = "the unchanged target" if run.experiment == BASELINE else short(run.hypothesis, 60)
        table.add_row(
            Text(run.key, style="cyan"), purpose, run.side.value, bar, duration(run.elapsed_s), Text(about)
        )
    return table


def while_read(show: Callable[[], None]) -> None:
    """Show something, or nothing from now on where nobody reads it any more."""
    try:
        show()
        render.flush()
    except BrokenPipeError:
        render.go_silent()


class WhileRead:
    """Another display, for as long as somebody reads it: a reader that goes away ends no study."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def start(self) -> None:
        """Begin to show what happens."""
        while_read(self._display.start)

    def observe(self, event: Entry | Tick) -> None:
        """Show an event."""
        while_read(lambda: self._display.observe(event))

    def say(self, words: str) -> None:
        """Say something beside the events."""
        while_read(lambda: self._display.say(words))

    def close(self) -> None:
        """Take down what `start` set up."""
        while_read(self._display.close)


def display_for(study: Study, *, as_json: bool, is_terminal: bool) -> Display:
    """What suits the reader: a program, a person at a terminal, or a log."""
    if as_json:
        return WhileRead(JsonLines())
    contract, record = study.contract, study.record()
    claim = record.claim if record else None
    return WhileRead(LiveTable(study, contract, claim) if is_terminal else PlainLines(contract, claim))
