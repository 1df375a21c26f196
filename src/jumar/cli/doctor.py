"""Owns the verb that says what this machine can do, and how to mend what it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jumar.app import inspect_machine, inspect_record, open_study
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.verb import GpuShare, folder_option, json_option, verb
from jumar.errors import Usage
from jumar.home import CONTRACT, Options
from jumar.rules.contract_file import read_contract
from jumar.rules.plain import plain


@verb("jumar doctor", "jumar doctor --workers")
@folder_option
@click.option("--ledger", is_flag=True, help="Only the record: chain, commits, artefacts, from end to end.")
@click.option(
    "--workers", is_flag=True, help="Only whether runs at once slow one another: measured, so it takes runs."
)
@click.option(
    "--gpus-per-worker", type=GpuShare(min=0), metavar="N", help="With --workers: as in `jumar run`."
)
@json_option
def doctor(folder: Path, ledger: bool, workers: bool, gpus_per_worker: Any, as_json: bool) -> int:
    """Say what this machine can do, and for each shortcoming the command that mends it.

    With --ledger, say whether the record is still what was written; the first broken link is named.

    With --workers, run the target as it is alone and beside others, and say how many workers at once
    leave its measurements what they are.
    """
    if ledger and workers:
        raise Usage("--ledger and --workers are two questions", fix="ask them one after the other")
    if gpus_per_worker is not None and not workers:
        raise Usage("--gpus-per-worker is about workers", fix="add --workers, or leave it out")
    if workers:
        found: Iterable[Any] = _of_workers(folder, Options(gpus_per_worker=gpus_per_worker), as_json=as_json)
    else:
        found = inspect_record(folder) if ledger else inspect_machine(folder)
    findings = tuple(found)
    sound = all(finding.ok or finding.passes for finding in findings)
    if as_json:
        render.data({"ok": sound, "findings": findings})
    else:
        _show(findings)
    if sound:
        return Exit.DONE
    return Exit.LEDGER if ledger else Exit.ENVIRONMENT


def _show(findings: Iterable[Any]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for finding in findings:
        mark = Text("note", style="yellow") if finding.passes else Text("mend", style="bold yellow")
        mark = Text("ok", style="green") if finding.ok else mark
        table.add_row(mark, finding.name, Text(plain(finding.value)))
        if not finding.ok:
            table.add_row("", "", Text(plain(finding.fix), style="yellow"))
    render.say(table)


def _of_workers(folder: Path, options: Options, *, as_json: bool) -> Iterator[Any]:
    """What each number of workers does to measurements, and the most that leave them alone."""
    from jumar.inspection import Finding
    from jumar.looking import neighbours
    from jumar.rules.neighbours import ROUNDS, workers_that_compare

    target = open_study(folder).folder
    text = (target / CONTRACT).read_text(encoding="utf-8", errors="replace")
    contract = read_contract(text)
    run, metric = contract.run, contract.measure.metric.name
    tell = render.note if as_json else render.say
    tell(
        f"measuring: {2 * ROUNDS} times `{' '.join(run.command)}` (budget {run.budget.amount:g} "
        f"{run.budget.clock.value}) for each number of workers"
    )
    found = {}
    for beside in neighbours(target, text, options):
        found[beside.workers] = beside
        ok = beside.comparable
        yield Finding(
            name=f"{beside.workers} workers",
            value=f"{metric} {beside.words}",
            ok=ok,
            fix="" if ok else "what is measured depends on who else runs",
            passes=not ok,
        )
    most = workers_that_compare(found)
    words = (
        f"up to {most} at once keep measurements comparable"
        if most > 1
        else "one alone keeps them comparable"
    )
    room = "" if found else "; there is no room for two"
    yield Finding(name="workers", value=f"{words}{room}: jumar run --workers {most}")
