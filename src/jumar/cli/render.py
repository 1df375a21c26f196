"""Owns every character that Jumar prints; nothing else writes to the terminal."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from io import TextIOWrapper
from typing import Any

import click
import msgspec
from rich.console import Console

from jumar.core.event import Entry, StudyStarted
from jumar.core.ledger import StudyRecord
from jumar.rules.plain import plain

_BEYOND_ASCII = re.compile(r"[^ -~]")
WIDTH_WITHOUT_TERMINAL = 160  # a pipe has no edge; wide enough for a hypothesis and its reason


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the verb, where Rich would end the process and what it works on."""
        raise  # noqa: PLE0704  (called by Rich while it handles the BrokenPipeError)


def begin() -> None:
    """Have every character printed, as `?` where the terminal's encoding has none for it."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def console() -> Console:
    """Standard output as Rich sees it. Nothing that is printed is ever read as markup."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return _Console(markup=False, emoji=False, highlight=False, width=width)


def say(*things: Any) -> None:
    """Print texts and Rich tables."""
    console().print(*things, sep="\n")


def raw(text: str) -> None:
    """Print text exactly as it is, for other programs to read."""
    sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")


def data(value: object) -> None:
    """Print one value as readable JSON."""
    raw(msgspec.json.format(_encoded(value), indent=2).decode("utf-8"))


def line(value: object) -> None:
    """Print one value as one line of JSON, at once."""
    raw(_encoded(value).decode("utf-8"))
    flush()


def trouble(problem: str, fix: str) -> None:
    """Say on standard error what is wrong and what to do; both may quote what others wrote."""
    flush()
    sys.stderr.write(f"problem: {plain(problem, lines=True)}\nfix:     {plain(fix, lines=True)}\n")


def note(text: str) -> None:
    """Say something on standard error that is no part of the result."""
    flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def flush() -> None:
    """Hand over what was printed so far."""
    sys.stdout.flush()


def go_silent() -> None:
    """Print nowhere from now on: whoever read our output has gone.

    Standard error only where it has lost its reader as well.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


def hang_up() -> None:
    """Print nowhere what would go to the terminal: it has gone. Safe in a signal handler."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        # Whether it is one cannot be asked any more; files and pipes are no character devices.
        if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def without_secret(value: Any) -> Any:
    """A value as it may be shown: who knows a study's secret knows the seeds of runs to come."""
    match value:
        case StudyStarted():
            return msgspec.structs.replace(value, secret="")
        case StudyRecord():
            return msgspec.structs.replace(value, terms=without_secret(value.terms))
        case Entry():
            return msgspec.structs.replace(value, event=without_secret(value.event))
        case dict():
            return {key: without_secret(each) for key, each in value.items()}
        case _:
            return value


def _encoded(value: object) -> bytes:
    """JSON in ASCII: a terminal obeys some characters beyond it, and what agents wrote may hold any."""
    text = msgspec.json.encode(without_secret(value)).decode("utf-8")
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text).encode("ascii")


def ask(question: str, default: str | None, *, choices: list[str] | None = None) -> str:
    """A person's answer, asked for until there is one."""
    kind = click.Choice(choices) if choices else str
    while not (answer := str(click.prompt(question, default or "", type=kind, show_default=bool(default)))):
        say("this cannot be guessed: type an answer (Ctrl-C ends, nothing is written)")
    return answer
