"""Owns `jumar init`: from a folder with code to a contract that was tried once."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from jumar.agents.knobs import knobs_of
from jumar.cli import render
from jumar.cli.drafts import Draft, contract_text, program_text
from jumar.cli.guesses import direction_of, guess, recognise
from jumar.cli.nexts import entering
from jumar.cli.trial import try_once
from jumar.cli.tuning import knobs_in_words
from jumar.cli.verb import verb
from jumar.core.contract import Clock, Contract, Direction
from jumar.errors import ContractInvalid, TargetUnfit, Usage
from jumar.rules.contract_checks import FILE
from jumar.rules.contract_file import read_contract
from jumar.rules.scope import matches
from jumar.workspaces.git import open_workspace

DIRECTIONS = [direction.value for direction in Direction]
CLOCKS = [clock.value for clock in Clock if clock is not Clock.STEPS]  # steps need a timeout as well


@verb("jumar init", 'jumar init --run "python bench.py" --edit "src/*.py" --metric seconds')
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option("--run", "command", metavar="COMMAND", help="What starts one run.")
@click.option("--edit", "editable", metavar="GLOB", multiple=True, help="What may change; may be repeated.")
@click.option("--metric", metavar="NAME", help="The name in the line `NAME: 0.123` with the result.")
@click.option("--direction", type=click.Choice(DIRECTIONS), help="Which way of the metric is better.")
@click.option("--budget", metavar="TIME", help="What one run may spend, such as 20s or 5m.")
@click.option("--clock", type=click.Choice(CLOCKS), help="CPU seconds, or wall seconds (for GPUs).")
@click.option("--check", "checks", metavar="COMMAND", multiple=True, help="Must pass before a keep.")
@click.option("--name", metavar="NAME", help="Of the target (default: the folder's).")
@click.option("--yes", is_flag=True, help="Ask nothing: take the guesses.")
@click.option("--force", is_flag=True, help="Overwrite the jumar.toml that is there.")
@click.option("--no-run", is_flag=True, help="Do not run the target once.")
def init(folder: Path, *, yes: bool, force: bool, no_run: bool, **said: Any) -> None:
    """Write a contract for the code in FOLDER, and measure it once.

    A checkout of the well-known three-file layout (train.py, prepare.py, program.md) is recognised
    and needs no answers. Anything else is guessed, and asked. A program.md is written when there is
    none. Nothing is overwritten without --force.
    """
    path = folder / FILE
    if path.exists() and not force:
        raise Usage(f"{path} is there already", fix="go on with `jumar run`, or overwrite it with --force")
    open_workspace(folder)  # says what is missing where there is no repository, or no commit
    known = recognise(folder)
    draft = _with_flags(known or guess(folder), said)
    for words in draft.notes:
        render.say(words)
    answered = said["command"] and said["editable"] and said["metric"]
    draft = _complete(draft) if yes or known or answered else _asked(draft)
    _find_program(folder, draft.command[0])
    text = contract_text(draft)
    contract = _read(text)
    editable = _editable(folder, contract)
    written = _write(folder, draft, text)
    if not no_run:
        try_once(folder, contract, text)
    files = {path: (folder / path).read_bytes() for path in editable if path.endswith(".py")}
    names = [knob.name for knob in knobs_of(files, contract.run.command)]
    render.say(knobs_in_words(names, contract.target.editable))
    _say_next(folder, contract, written)


def _with_flags(draft: Draft, said: dict[str, Any]) -> Draft:
    """The draft with what the flags say."""
    flags = {name: value for name, value in said.items() if value}
    if "command" in flags:
        flags["command"] = _split(flags["command"])
    if "checks" in flags:
        flags["checks"] = tuple(_split(check) for check in flags["checks"])
        flags["likely_checks"] = ()
    if "clock" in flags:
        flags["clock"] = Clock(flags["clock"])
    if "direction" in flags:
        flags["direction"] = Direction(flags["direction"])
    elif "metric" in flags:
        flags["direction"] = direction_of(flags["metric"], "")
    return replace(draft, **flags)


def _split(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise Usage(f"the command {command!r} cannot be read: {error}", fix="close its quotes") from None
    if not words:
        raise Usage("a command is empty", fix='name what is to be run, such as "python bench.py"')
    return words


def _find_program(folder: Path, program: str) -> None:
    """Refuse a program that is nowhere: no run could start."""
    found = (folder / program).is_file() if "/" in program else shutil.which(program)
    if not found:
        where = f"in {folder}" if "/" in program else "in any folder of PATH"
        raise Usage(
            f"there is no program {program!r} {where}", fix="correct the command (--run), or install it"
        )


def _complete(draft: Draft) -> Draft:
    """The draft, or a refusal that names the flags that are missing."""
    lacks = {
        '--run "python bench.py"': draft.command,
        '--edit "src/*.py"': draft.editable,
        "--metric NAME": draft.metric,
    }
    if missing := [flag for flag, value in lacks.items() if not value]:
        raise Usage("not everything can be guessed here", fix=f"add {' '.join(missing)}")
    return draft


def _asked(draft: Draft) -> Draft:
    """The draft with a person's answers; what was guessed is the default of each question."""
    if not sys.stdin.isatty():
        raise Usage(
            "there is nobody to ask", fix="take the guesses with --yes, or give --run, --edit and --metric"
        )
    editable = render.ask("Which files may change (globs, such as src/*.py)", " ".join(draft.editable))
    command = render.ask("What starts one run (such as python bench.py)", shlex.join(draft.command))
    metric = render.ask("Name of the number to improve (a line `name: 0.123` of the output)", draft.metric)
    better = direction_of(metric, "").value
    direction = render.ask("Which way is better", better, choices=DIRECTIONS)
    budget = render.ask("What one run may spend, such as 20s or 5m", draft.budget)
    checks, none = draft.checks, "none"
    if (
        not checks
        and (answer := render.ask("What must succeed before a keep, such as pytest -q", none)) != none
    ):
        checks = (_split(answer),)
    return replace(
        draft,
        editable=_split(editable),
        command=_split(command),
        metric=metric,
        direction=Direction(direction),
        budget=budget,
        checks=checks,
        likely_checks=() if checks else draft.likely_checks,
    )


def _read(text: str) -> Contract:
    """The contract that a draft becomes; what it does not take was an answer or a flag."""
    try:
        return read_contract(text)
    except ContractInvalid as error:
        raise Usage(error.problem, fix=error.fix) from None


def _editable(folder: Path, contract: Contract) -> list[str]:
    """The files that the globs match. Refuses globs that match nothing: agents could not change anything."""
    globs, found = contract.target.editable, []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(parent).relative_to(folder)
        found += [path for name in files if matches(path := (relative / name).as_posix(), globs)]
    if not found:
        raise TargetUnfit(
            f"no file in {folder} matches {', '.join(globs)}",
            fix="name files that exist with --edit, relative to the folder; `**` stands for any folders",
        )
    return found


def _write(folder: Path, draft: Draft, text: str) -> list[str]:
    """Write the contract, and a program.md where there is none; the names of what was written."""
    try:
        (folder / FILE).write_text(text, encoding="utf-8")
        written = [FILE]
        if not (folder / "program.md").exists():
            (folder / "program.md").write_text(program_text(draft), encoding="utf-8")
            written.append("program.md")
    except OSError as error:
        raise TargetUnfit(
            f"cannot write {error.filename}: {error.strerror}", fix="make it writable"
        ) from None
    render.say(f"wrote {' and '.join(written)}")
    return written


def _say_next(folder: Path, contract: Contract, written: list[str]) -> None:
    if contract.self_reported:
        render.say(
            "\nThe number is self-reported: code that agents may change can print what it likes.",
            "A `score` command in [measure] that agents may not change makes it trusted.",
        )
    commit = f"git add {' '.join(written)} && git commit -m 'A contract for Jumar'"
    render.say(f"\nRead {' and '.join(written)}, then:")
    render.say(*(f"  {line}" for line in (*entering(folder), commit, "jumar run")))
