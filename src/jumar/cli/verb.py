"""Owns what all verbs have in common: help that ends in two lines to paste, and the shared options."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Any], Any]


class Verb(click.Command):
    """A command whose help ends with two lines that one can paste."""

    def __init__(self, *args: Any, paste: tuple[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.paste = paste

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_paste(formatter, self.paste)


def write_paste(formatter: click.HelpFormatter, lines: tuple[str, str]) -> None:
    """The end of a help text. Never wrapped: a line that is broken cannot be pasted."""
    formatter.write("\nTry:\n" + "".join(f"  {line}\n" for line in lines))


def verb(first: str, second: str, **kwargs: Any) -> Decorator:
    """Make a function a verb, with the two lines that its help ends with."""
    return click.command(cls=Verb, paste=(first, second), **kwargs)


class Whole(click.IntRange):
    """A whole number; what is none is refused in these words."""

    name = "whole number"


class GpuShare(click.FloatRange):
    """How many GPUs a worker has, or `mig` for an instance of one."""

    name = "number, or mig"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "mig" else super().convert(value, param, ctx)


class Amount(click.ParamType[tuple[str, float]]):
    """So much of something: `NAME=N`, with N above 0."""

    name = "NAME=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        name, _, amount = value.partition("=")
        try:
            if name and 0 < float(amount) < math.inf:
                return name, float(amount)
        except ValueError:
            pass
        self.fail(f"{value!r} is not NAME=N with a number above 0, such as CPU=4", param, ctx)


folder_option = click.option(
    "-C",
    "--dir",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The target's folder (default: this one).",
)
study_option = click.option("--study", metavar="NAME", help="Which study (default: the latest).")
ledger_option = click.option(
    "--ledger",
    metavar="URL",
    help="Where the record is, such as postgresql://ann@host/db; remembered here. By itself: a file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Say it as JSON, for programs.")


def of_a_study(function: Any) -> Any:
    """The options of every verb that concerns one study."""
    return folder_option(study_option(function))
