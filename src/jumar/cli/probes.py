"""Owns the verbs that look closer: sweep, profile, retest."""

from __future__ import annotations

from pathlib import Path

import click

from jumar.app import Study
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.readers import opened
from jumar.cli.verb import Whole, json_option, of_a_study, verb
from jumar.core.probe import MOST_RUNS, Probe, Profile, Sweep
from jumar.rules.plain import plain

beyond_option = click.option(
    "--beyond", is_flag=True, help="Whatever it takes; for people, whose machine it is."
)


@verb("jumar sweep train.py:LR", "jumar sweep LR=0.015,0.02 BATCH=8,24 --share 1")
@click.argument("knobs", nargs=-1, required=True, metavar="KNOB...")
@of_a_study
@click.option(
    "--runs",
    type=click.IntRange(2, MOST_RUNS),
    default=8,
    show_default=True,
    help="Runs in all, the champion's own included.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.25,
    show_default=True,
    help="Of the budget, for each run.",
)
@beyond_option
@json_option
def sweep(
    knobs: tuple[str, ...], folder: Path, study: str | None, runs: int, share: float, **options: bool
) -> int:
    """Run the champion with a knob at values across its range, and show the curve.

    With several knobs each gets its share of the runs, the others as they are; LR=0.015,0.02 looks at those
    values instead. Costs runs, shortened
    ones; changes nothing, keeps nothing, counts as no experiment. `jumar knobs` lists the knobs.

    While a study runs, what is asked from outside may take as long as eight usual runs between two
    experiments, all sweeps and profiles together.
    """
    live, _ = opened(folder, study)
    asked = Sweep(knobs=knobs, runs=runs, share=share)
    render.note(f"at most {asked.most} runs, each with {share:.0%} of the budget")
    return look(live, asked, **options)


@verb("jumar profile", "jumar profile 12 --json")
@click.argument("number", type=Whole(0), required=False)
@of_a_study
@beyond_option
@json_option
def profile(number: int | None, folder: Path, study: str | None, **options: bool) -> int:
    """Show where the time of one run goes: start-up, imports, hot functions. The champion's, unless said.

    Costs one run, under Python's cProfile; programs in other languages tell nothing. While a study runs, it
    counts as two of the eight usual runs that may be taken from outside between two experiments.
    """
    live, _ = opened(folder, study)
    return look(live, Profile(experiment=number), **options)


def look(live: Study, probe: Probe, *, beyond: bool, as_json: bool) -> int:
    """Have a probe made, and show what it told."""
    told = live.look(probe, beyond=beyond)
    if told is None:
        return Exit.INTERRUPTED
    if as_json:
        render.data({"probe": probe, "told": told})
    else:
        render.raw(plain(told, lines=True) + "\n")
    return Exit.DONE


@verb("jumar retest 12", "jumar retest 12 && jumar run")
@click.argument("number", type=Whole(0))
@of_a_study
def retest(number: int, folder: Path, study: str | None) -> None:
    """Try an experiment again on the champion of now: a near miss, or what came too early.

    Its change is merged into the champion and judged as any experiment, next in turn. It is refused where
    both change the same places, or the champion is still the one that it was tried on.
    """
    live, _ = opened(folder, study)
    live.retest(number)
    now = "next" if live.holder() else "when `jumar run` goes on"
    render.say(f"experiment {number} is tried again {now}")
