"""Owns what is printed for a user to type next, so that it works in the shell they are in."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from jumar.core.experiment import BASELINE
from jumar.core.ledger import StudyRecord
from jumar.reports.advice import APPROVE, CERTIFY
from jumar.reports.summary import Summary


def entering(folder: Path) -> list[str]:
    """The lines that bring a shell to where `jumar` is found and `folder` is here."""
    lines = []
    activate = Path(sys.prefix) / "bin" / "activate"
    if sys.prefix != sys.base_prefix and activate.exists() and not _is_at_hand(os.environ):
        lines.append(f". {shlex.quote(str(activate))}")
    if folder.resolve() != Path.cwd():
        lines.append(f"cd {shlex.quote(str(folder))}")
    return lines


def _is_at_hand(environ: Mapping[str, str]) -> bool:
    """True when the user's shell finds this `jumar`: its environment is active, or a link lies elsewhere.

    Finding it on PATH is not enough: `make` puts the environment there for itself alone.
    """
    if environ.get("VIRTUAL_ENV") == sys.prefix:
        return True
    found = shutil.which("jumar", path=environ.get("PATH"))
    return found is not None and Path(found).parent != Path(sys.prefix) / "bin"


def next_steps(record: StudyRecord, summary: Summary) -> tuple[list[str], list[str]]:
    """What stands in the way of going on or of merging, in words; and the commands to try next.

    Nobody is told to merge what no certification bore out, nor to run on where that gets no further.
    """
    stops = [advice for advice in summary.advice if advice.stops]
    on = [advice.command for advice in stops if advice.command] if stops else ["jumar run"]
    held = [advice for advice in summary.advice if advice.command.startswith(APPROVE)]
    on = [*(advice.command for advice in held), *on]
    words = [advice.words for advice in (*held, *stops)]
    if record.champion == BASELINE:
        return words, [f"jumar log{' --kept' if summary.keeps else ''}", *dict.fromkeys(on)]
    branch = f"jumar/{record.name}"
    look = ["jumar report", f"git diff {record.terms.base[:10]}..{branch}"]
    if summary.is_certified:
        return words, [*look, f"git merge {branch}", *dict.fromkeys(on)]
    uncertified = [advice for advice in summary.advice if advice.command == CERTIFY]
    words = [*(advice.words for advice in uncertified), *words]
    return words, [CERTIFY, *look, *dict.fromkeys(on)]
