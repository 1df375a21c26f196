"""Owns the verb that writes results for other programs: tables, and the trackers that people use."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jumar.cli import render
from jumar.cli.readers import opened
from jumar.cli.verb import of_a_study, verb
from jumar.errors import Usage
from jumar.exports.formats import FORMATS, as_text
from jumar.exports.formats import export as write
from jumar.exports.outgoing import Outgoing
from jumar.reports.words import plural

_FORMS = ", ".join(FORMATS)
_EVERY = 100  # experiments between two words of how far an export is


@verb("jumar export csv results.csv", "jumar export mlflow")
@click.argument("form", metavar="[FORM]", default="")
@click.argument("place", metavar="[PLACE]", default="")
@of_a_study
@click.option("--runs", is_flag=True, help="A row for each run instead of each experiment (csv, parquet).")
@click.option("--tsv", "flag", flag_value="tsv", default="", help="The same as the form tsv.")
@click.option("--json", "flag", flag_value="json", help="The same as the form json.")
def export(form: str, place: str, folder: Path, study: str | None, runs: bool, flag: str) -> None:
    """Write the experiments for other programs. The same again adds what is new, also while it runs.

    \b
    FORM is one of
      tsv          results.tsv in the five well-known columns (the default)
      csv          every column that Jumar has; --runs for a row of each run
      json         everything that is recorded
      parquet      the table, typed; by itself to STUDY.parquet
      mlflow       a run for each experiment; PLACE is a file (mlflow.db) or an address
      wandb        offline runs, without an account; `wandb sync` sends them
      tensorboard  event files; by itself to runs/
      trackio      runs in Trackio's database

    A table goes to standard output without PLACE. What needs a library says which.
    """  # noqa: D301
    form = form_of(form, place, flag)
    live, _ = opened(folder, study)
    leaving = live.outgoing()
    hand_over(leaving, form, place, runs=runs)


def hand_over(leaving: Outgoing, form: str, place: str, *, runs: bool) -> None:
    """Write a study to a place, and say what was written and what shows it; print it without a place."""
    if form in ("tsv", "csv", "json") and place in ("", "-"):
        return render.raw(as_text(leaving, form, runs=runs))

    def told(done: int) -> None:
        if done % _EVERY == 0 and sys.stderr.isatty():
            render.note(f"{done:,} of {len(leaving.experiments):,}")

    done = write(leaving, form, place, runs=runs, told=told)
    what = plural(done.written, "run" if runs else "experiment")
    same = f", {done.unchanged:,} there already" if done.unchanged else ""
    render.say(f"{what} written to {done.place or form}{same}")
    if done.look:
        render.say(f"look at it: {done.look}")


def form_of(form: str, place: str = "", flag: str = "") -> str:
    """The form that was asked for, in whichever way."""
    if flag and (place or form not in ("", flag)):
        raise click.UsageError(f"--{flag} is a form itself: say `jumar export {flag}`, or leave it out")
    form = flag or form or "tsv"
    if form not in FORMATS:
        ending = Path(form).suffix.removeprefix(".")
        fix = f"jumar export {ending} {form}" if ending in FORMATS else f"one of: {_FORMS}"
        raise Usage(f"there is no form `{form}`", fix=fix)
    return form
