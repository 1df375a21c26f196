"""Owns the verb that joins a study which another controller leads."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from jumar.app import open_study
from jumar.cli.exits import Exit
from jumar.cli.run import say_end, watched
from jumar.cli.verb import Whole, folder_option, json_option, ledger_option, verb
from jumar.home import Options, find_home


@verb("jumar join tinylm --ledger postgresql://ann@host/db", "jumar join tinylm --agent claude-code")
@click.argument("study", metavar="STUDY")
@folder_option
@ledger_option
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="NAME",
    help="Who proposes from here while another leads, as in `jumar run`; several times for several. The "
    "study takes proposals from outside where it was started with --agent external=SHARE beside others.",
)
@click.option("--workers", type=Whole(1), metavar="N", help="Runs at once, once this host leads.")
@json_option
def join(
    study: str,
    folder: Path,
    ledger: str | None,
    agents: tuple[str, ...],
    workers: int | None,
    as_json: bool,
) -> int:
    """Stand by in a study that a controller on another host leads, and lead it when that one is gone.

    FOLDER is a clone of your own of the target's repository. One controller leads at a time: it runs and
    judges. When it dies, or its owner ends it, one that stands by goes on where it was, and nothing is
    judged twice. A study that is over, or that somebody stops, ends for all.
    """
    from jumar.standby import StandBy

    opened = partial(open_study, folder, study=study, options=Options(ledger=ledger, workers=workers))
    joined = StandBy(opened, find_home(opened().folder, study, ledger=ledger), agents)
    with watched(joined.live, as_json=as_json, told=joined.interrupt) as interrupts:
        joined.join(interrupts.observe)
    say_end(joined.live, as_json=as_json, paths={})
    return Exit.INTERRUPTED if interrupts.count else Exit.DONE
