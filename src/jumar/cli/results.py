"""Owns the verbs that hand things over: report and backup."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from jumar.app import back_up
from jumar.cli import render
from jumar.cli.readers import opened
from jumar.cli.verb import folder_option, json_option, of_a_study, verb
from jumar.cli.views import grid


@verb("jumar report", "jumar report --json")
@of_a_study
@json_option
def report(folder: Path, study: str | None, as_json: bool) -> None:
    """Write the report: a page that needs nothing else, Markdown for a pull request, JSON, the chart."""
    live, _ = opened(folder, study)
    paths = live.report()
    if as_json:
        return render.data({name: str(path) for name, path in paths.items()})
    render.say(grid([(name, str(path)) for name, path in paths.items()]))


@verb("jumar backup ~/backups/monday", "jumar backup /media/stick/jumar -C ~/code/target")
@folder_option
@click.argument("to", type=click.Path(path_type=Path), metavar="PATH")
def backup(folder: Path, to: Path) -> None:
    """Copy the record to the new folder PATH: ledger and artefacts, as of this moment.

    Studies may go on meanwhile. To restore it, put it in the place of .jumar: the folder as a whole,
    not the ledger alone. The commits are in the repository, under refs/jumar and jumar/…;
    `git clone --mirror` takes them along.
    """
    back_up(folder, to)
    render.say(f"the record is copied to {to}, and its chain is whole")
    render.say(f"restore it with: mv .jumar lost && cp -r {shlex.quote(str(to.absolute()))} .jumar")
