"""Owns the verb that says what this machine can do, and how to mend what it cannot."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from jumar.app import inspect_machine
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.verb import folder_option, json_option, verb
from jumar.reports.plain import plain


@verb("jumar doctor", "jumar doctor --json")
@folder_option
@json_option
def doctor(folder: Path, as_json: bool) -> int:
    """Say what this machine can do, and for each shortcoming the command that mends it."""
    findings = inspect_machine(folder)
    sound = all(finding.ok for finding in findings)
    if as_json:
        render.data({"ok": sound, "findings": findings})
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for finding in findings:
            mark = Text("ok", style="green") if finding.ok else Text("mend", style="bold yellow")
            table.add_row(mark, finding.name, Text(plain(finding.value)))
            if not finding.ok:
                table.add_row("", "", Text(plain(finding.fix), style="yellow"))
        render.say(table)
    return Exit.DONE if sound else Exit.ENVIRONMENT
