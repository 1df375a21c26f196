"""Owns the verb that judges a record anew."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from jumar.cli import render
from jumar.cli.readers import opened
from jumar.cli.verb import json_option, of_a_study, verb
from jumar.reports.words import plural
from jumar.rules.plain import plain
from jumar.rules.rejudge import Rejudged


@verb("jumar replay --judge", "jumar replay --judge --false-keeps 0.01")
@of_a_study
@click.option("--judge", "judges", is_flag=True, required=True, help="What to replay: the judge's verdicts.")
@click.option(
    "--false-keeps",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="As if the contract said so.",
)
@click.option("--confirmations", type=click.IntRange(2), metavar="N", help="As if the contract said so.")
@json_option
def replay(
    folder: Path,
    study: str | None,
    judges: bool,
    false_keeps: float | None,
    confirmations: int | None,
    as_json: bool,
) -> None:
    """Judge every experiment of a study anew from what was recorded, and show which verdicts change.

    Nothing runs and nothing is written. Each verdict rests on the champions that there really were.
    """
    live, _ = opened(folder, study)
    found = live.rejudge(false_keeps=false_keeps, confirmations=confirmations)
    if as_json:
        return render.data([each for each in found if each.changed])
    changed = [each for each in found if each.changed]
    render.say(f"{plural(len(found), 'verdict')} judged anew, {len(changed)} would be others")
    if changed:
        render.say(_table(changed))


def _table(changed: list[Rejudged]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    for name in ("#", "was", "would be", "because"):
        table.add_column(name)
    for each in changed:
        now = each.now.decision.value if each.now else "undecided"
        why = each.now.reason if each.now else f"wants to see more: {each.wants}"
        table.add_row(str(each.number), each.was.decision.value, now, Text(plain(why)))
    return table
