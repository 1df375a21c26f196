"""Owns the verb that looks at what another loop wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from jumar.cli import render
from jumar.cli.exporting import form_of, hand_over
from jumar.cli.verb import Whole, verb
from jumar.cli.views import experiments_table, grid
from jumar.core.contract import Direction
from jumar.exports.hiding import hider
from jumar.imports.reading import Asked, read_history, write_history
from jumar.reports.summary import summarise
from jumar.reports.values import Values

_LATEST = 20  # keeps that are listed


@verb("jumar import results.tsv", "jumar import .auto/log.jsonl --as csv --to runs.csv")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="PATH")
@click.option(
    "--to", default="", metavar="PLACE", help="Where to write (default: a folder named after PATH)."
)
@click.option(
    "--as", "form", default="report", metavar="FORM", help="A form of `jumar export`, not a report."
)
@click.option(
    "--branch", default="", metavar="NAME", help="The branch it was made on (default: the one here)."
)
@click.option("--metric", default="", metavar="NAME", help="Which column of a results.tsv is the metric.")
@click.option(
    "--maximize", "direction", flag_value="maximize", help="Higher is better (else the file tells)."
)
@click.option("--minimize", "direction", flag_value="minimize", help="Lower is better.")
@click.option("--segment", type=Whole(1), help="Which part of a log with several (default: the last).")
def import_(path: Path, to: str, form: str, direction: str | None, **said: Any) -> None:
    """Look at what another loop wrote, with Jumar's charts and reports; mark it self-reported.

    PATH is a results.tsv (commit, metric, memory_gb, status, description) or a log.jsonl of
    pi-autoresearch, or the checkout that has one. Where it lies in the repository that it was made
    in, what each commit changed is shown too. Nothing enters a ledger: the file stays the record, and
    the same command again shows what was added.
    """
    better = Direction(direction) if direction else None
    history = read_history(path, Asked(direction=better, **said))
    for words in history.notes:
        render.note(f"note: {words}")
    if form != "report":
        places = {Path.home(): "~", path.resolve().parent: "."}
        return hand_over(history.outgoing(hider(os.environ, (), places)), form_of(form), to, runs=False)
    written = write_history(history, Path(to or f"{path.resolve().name.replace('.', '-')}-report"))
    summary = summarise(history.record, history.experiments, history.contract)
    render.say(f"{history.record.name}: {summary.sentence}")
    render.say(f"{summary.counts_in_words()}; {summary.keeps_in_words()}", "")
    kept = [one for one in history.experiments if one.is_kept][-_LATEST:]
    values = Values(history.experiments)
    render.say(experiments_table(kept, values, history.contract.measure.metric), "")
    render.say(grid([(name, str(place)) for name, place in written.items()]))
