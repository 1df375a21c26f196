"""Owns the verb that hooks call: notify."""

from __future__ import annotations

import sys

import click

from jumar.cli.verb import verb
from jumar.errors import Usage

WAYS = ("desktop", "webhook", "mail")


@verb("jumar notify desktop", "jumar notify mail me@example.org")
@click.argument("way", type=click.Choice(WAYS))
@click.argument("to", required=False, metavar="[URL|@FILE|ADDRESS]")
def notify(way: str, to: str | None) -> None:
    """Tell you what a hook is told: on the desktop, to a webhook, or by mail (ADDRESS).

    A webhook is named by its URL or, as others on the machine see a command line, by a FILE that holds it.

    Made to be named in ~/.config/jumar/hooks.toml, which gives it JSON on standard input. With nothing
    there, or at a terminal, it sends a sample: so you see whether it reaches you.
    """
    from jumar.hooks.ready import by_mail, by_webhook, on_desktop, read_told

    told = read_told(b"" if sys.stdin.isatty() else sys.stdin.buffer.read(1 << 20))
    if (way == "desktop") == bool(to):
        raise Usage(
            "the desktop needs no address" if to else f"nothing says where the {way} goes",
            fix="jumar notify desktop; jumar notify webhook @FILE; jumar notify mail ADDRESS",
        )
    if way == "desktop":
        on_desktop(told)
    elif way == "webhook":
        by_webhook(told, to or "")
    else:
        by_mail(told, to or "")
