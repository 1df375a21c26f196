"""Owns the verb that says what this machine can do, and how to mend what it cannot."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from jumar.app import inspect_machine, inspect_record
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.verb import folder_option, json_option, verb
from jumar.rules.plain import plain


@verb("jumar doctor", "jumar doctor --ledger")
@folder_option
@click.option("--ledger", is_flag=True, help="Only the record: chain, commits, artefacts, from end to end.")
@json_option
def doctor(folder: Path, ledger: bool, as_json: bool) -> int:
    """Say what this machine can do, and for each shortcoming the command that mends it.

    With --ledger, say whether the record is still what was written; the first broken link is named.
    """
    findings = inspect_record(folder) if ledger else inspect_machine(folder)
    sound = all(finding.ok or finding.passes for finding in findings)
    if as_json:
        render.data({"ok": sound, "findings": findings})
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for finding in findings:
            mark = Text("note", style="yellow") if finding.passes else Text("mend", style="bold yellow")
            mark = Text("ok", style="green") if finding.ok else mark
            table.add_row(mark, finding.name, Text(plain(finding.value)))
            if not finding.ok:
                table.add_row("", "", Text(plain(finding.fix), style="yellow"))
        render.say(table)
    if sound:
        return Exit.DONE
    return Exit.LEDGER if ledger else Exit.ENVIRONMENT
