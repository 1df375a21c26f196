"""Owns the verbs that work: run and certify."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import click

from jumar.app import Study, open_study
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.live import Display, display_for, while_read
from jumar.cli.nexts import entering, next_steps
from jumar.cli.readers import opened, recent, standing
from jumar.cli.tuning import knobs_in_words
from jumar.cli.verb import Amount, GpuShare, Whole, json_option, ledger_option, of_a_study, verb
from jumar.cli.views import claims_grid, grid, status_grid
from jumar.core.event import Entry, Wish
from jumar.core.experiment import BASELINE
from jumar.core.ledger import StudyRecord
from jumar.core.verdict import Claim
from jumar.errors import Usage
from jumar.home import Options
from jumar.ledgers.hold import starting
from jumar.reports.summary import Summary
from jumar.rules.shares import read_shares
from jumar.study.tick import Tick

MOST_REPORTED = 20_000  # experiments; their report takes a dozen seconds


@verb("jumar run", "jumar run --experiments 20 --agent tuner")
@of_a_study
@click.option("--experiments", type=Whole(1), metavar="N", help="Rest after N experiments.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), metavar="H", help="Rest after H hours.")
@click.option(
    "--agent",
    multiple=True,
    metavar="NAME[=SHARE]",
    help="Who proposes in a new study: tuner (default), tuner:random, claude-code, codex, "
    "anthropic:MODEL, openai:MODEL[@URL], google:MODEL, ollama:MODEL, "
    "'command:PROGRAM {brief}', external, nop, replay:FOLDER. "
    "Several times for several: tuner=0.7, codex=0.3.",
)
@click.option("--scale", metavar="NAME", help="The scale of a new study (default: the first).")
@click.option(
    "--workers",
    type=Whole(1),
    metavar="N",
    help="Runs at once, each with cores, memory and GPU "
    "of its own (default: two, or one for each GPU, if there is room; one on a wall clock without GPU).",
)
@click.option(
    "--gpus-per-worker",
    type=GpuShare(min=0),
    metavar="N",
    help="So many GPUs for each worker (default: 1); "
    "0.5 shares one among two, mig gives an instance, 0 none.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Who makes the runs: this machine, or the machines of a Ray cluster.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Where that cluster's head is, or auto (default: a Ray of our own).",
)
@click.option(
    "--resource",
    "resources",
    type=Amount(),
    multiple=True,
    metavar="NAME=N",
    help="What each run takes of a cluster's machine: CPU=4, GPU=1, or a resource of its own. "
    "Several times for several.",
)
@click.option("--oversubscribe", is_flag=True, help="More workers than cores, memory or GPUs suffice for.")
@click.option("--sandbox", metavar="NAME", help="Which sandbox; accepts what it does not promise.")
@click.option("--include-dirty", is_flag=True, help="Start from uncommitted changes, snapshot as a commit.")
@ledger_option
@click.option("--new", is_flag=True, help="Start another study though the last one could go on.")
@json_option
def run(
    folder: Path,
    study: str | None,
    experiments: int | None,
    hours: float | None,
    as_json: bool,
    agent: tuple[str, ...],
    **options: Any,
) -> int:
    """Work on the study until a limit is reached. The same command goes on where it ended.

    Ctrl-C once finishes what runs; twice stops now. Nothing is lost either way. At the end, unless it
    was told to stop now, the files of `jumar report` are written.
    """
    options["resources"] = dict(options["resources"])
    asked = read_shares(agent) if agent else None
    live = open_study(folder, study=study, options=Options(agent=asked, **options))
    if study and options["new"] and live.record():
        free = open_study(folder, options=Options(new=True)).name
        raise Usage(
            f"there is a study {study} already, and --new starts another",
            fix=f"leave --new out to go on with it, or name one that is free: --study {free}",
        )
    live.renew()
    if words := live.contract_note:
        render.note(words)
    live.home.make()
    with starting(live.home.own):
        return work(live, experiments=experiments, hours=hours, as_json=as_json)


@verb("jumar certify", "jumar certify --json")
@of_a_study
@json_option
def certify(folder: Path, study: str | None, as_json: bool) -> int:
    """Measure the champion against the baseline on fresh seeds, and on the hidden data if there is any.

    A study that another process runs is asked to do so itself.
    """
    live, _ = opened(folder, study)
    if holder := live.holder():
        live.ask(Wish.CERTIFY)
        if as_json:
            render.line({"claim": None, "asked": holder.pid})
        else:
            render.say(f"asked process {holder.pid} to certify when what runs has finished")
        return Exit.DONE
    with watched(live, as_json=as_json) as interrupts:
        claim = live.certify(observe=interrupts.observe)
    if as_json:
        render.line({"claim": claim})
    else:
        _say_claim(live, claim)
    return Exit.INTERRUPTED if interrupts.count else Exit.DONE


def _say_claim(live: Study, claim: Claim | None) -> None:
    record = live.record()
    assert record is not None, "a study that was never run cannot be certified"
    if claim:
        render.say(claims_grid(claim, live.contract))
        if claim.refuted:
            render.say("what was kept since the last certified champion is taken back")
    elif record.champion == BASELINE:
        render.say("nothing to certify: no change is kept")
    else:
        render.say("cut short: nothing is certified yet; what was measured is not lost")
    _say_next(live, record, standing(live, record, recent(live, record)))


def work(
    live: Study,
    *,
    experiments: int | None = None,
    hours: float | None = None,
    as_json: bool = False,
) -> Exit:
    """Run a study, showing what happens; write its report, and say how it stands at the end."""
    if (names := live.knobs()) is not None:
        words, tell = (
            knobs_in_words(names, live.contract.target.editable),
            render.note if as_json else render.say,
        )
        while_read(lambda: tell(words))
    with watched(live, as_json=as_json) as interrupts:
        live.run(experiments=experiments, hours=hours, observe=interrupts.observe)
    in_a_hurry = interrupts.count > 1
    say_end(live, as_json=as_json, paths={} if in_a_hurry else reported(live))
    return Exit.INTERRUPTED if interrupts.count else Exit.DONE


class Reportable(Protocol):
    """What a report is written of."""

    def record(self) -> StudyRecord | None:
        """How it stands; None where it was never run."""

    def report(self) -> dict[str, Path]:
        """Write the report; where its files lie."""


def reported(live: Reportable) -> dict[str, Path]:
    """Write the report of what was run; where its files lie. Nothing about it fails the run: it is said."""
    record = live.record()
    if record is None:
        return {}
    later = "any time later: jumar report"
    experiments = sum(record.decisions.values())
    if experiments > MOST_REPORTED:
        render.note(f"the report of {experiments:,} experiments takes a while; {later}")
        return {}
    try:
        return live.report()
    except KeyboardInterrupt:
        render.note(f"the report is left out; {later}")
    except Exception as error:  # noqa: BLE001 - the run is done and on record, whatever its report lacks
        render.note(f"the report was not written: {error}; with that mended, {later}")
    return {}


class Interrupts:
    """Passes Ctrl-C on to the study with the next observation, twice a second, and tells of it.

    Not at once: a signal may come while something is being printed, or before the study has begun
    to listen.
    """

    def __init__(self, interrupt: Callable[[], None], display: Display) -> None:
        self._interrupt, self._display = interrupt, display
        self.count, self._passed_on = 0, 0

    def heard(self, number: int, _: FrameType | None) -> None:
        """A signal came: the first Ctrl-C finishes what runs; the second, or any other, stops now."""
        if number == signal.SIGHUP:
            render.hang_up()
        elif self.count > 1:
            raise KeyboardInterrupt
        self.count = self.count + 1 if number == signal.SIGINT else 2

    def observe(self, event: Entry | Tick) -> None:
        """Show an event, and pass on what was heard since the last one."""
        try:
            self._show(event)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.heard(signal.SIGHUP, None)  # the terminal has gone, and its signal is still on the way

    def _show(self, event: Entry | Tick) -> None:
        while self._passed_on < self.count:
            self._passed_on += 1
            self._interrupt()
            self._display.say(_HEARD[self._passed_on])
        self._display.observe(event)


_HEARD = {1: "finishing what runs; Ctrl-C again stops now", 2: "stopping now; nothing is lost"}


@contextmanager
def watched(live: Study, *, as_json: bool, told: Callable[[], None] | None = None) -> Iterator[Interrupts]:
    """Show what happens while the block runs, and pass Ctrl-C on: to the study, or to whoever is `told`."""
    display = display_for(live, as_json=as_json, is_terminal=sys.stdout.isatty())
    interrupts = Interrupts(told or live.interrupt, display)
    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is below nohup
        heard.append(signal.SIGHUP)
    before = {each: signal.signal(each, interrupts.heard) for each in heard}
    display.start()
    try:
        yield interrupts
    finally:
        display.close()
        for each, handler in before.items():
            signal.signal(each, handler)


def say_end(live: Study, *, as_json: bool, paths: Mapping[str, Path]) -> None:
    """Where the study stands now, and what to do next."""
    record = live.record()
    if record is None:
        return
    records = recent(live, record)
    summary = standing(live, record, records)
    if as_json:
        return render.line({"summary": summary, "paths": {name: str(path) for name, path in paths.items()}})
    render.say("", status_grid(summary, f"{record.condition.value}: {record.reason}", records))
    if paths:
        render.say(grid([(name, str(path)) for name, path in paths.items()]))
    _say_next(live, record, summary)


def _say_next(live: Study, record: StudyRecord, summary: Summary) -> None:
    words, commands = next_steps(record, summary)
    render.say("", *words, *([""] if words else []), "next:")
    render.say(*(f"  {line}" for line in (*entering(live.folder), *commands)))
