"""Owns the verb that serves a study as pages: web."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from jumar.app import open_study
from jumar.cli import render
from jumar.cli.verb import of_a_study, verb
from jumar.errors import EnvironmentUnfit, Usage


@verb("jumar web", "jumar web --read-only --host 0.0.0.0 --no-browser")
@of_a_study
@click.option("--port", type=click.IntRange(0, 65535), default=7700, show_default=True, help="0: any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--read-only", is_flag=True, help="Without buttons, and nothing can be asked of the study.")
@click.option(
    "--let-others-steer",
    is_flag=True,
    help="With --host: whoever reads the token on the network can stop the study and approve changes.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def web(folder: Path, study: str | None, host: str, port: int, **chosen: bool) -> None:
    """Serve a study as live pages in a browser, until Ctrl-C (extra `web`).

    The address that is printed carries a token, which lets a browser in; it is for this server alone.
    """
    live = open_study(folder, study=study)
    try:
        from jumar.web.server import Serving, is_loopback, serve
    except ImportError as error:
        raise EnvironmentUnfit(
            f"the package {error.name} is missing", fix=f"{sys.executable} -m pip install 'jumar[web]'"
        ) from error
    if not is_loopback(host) and not chosen["read_only"] and not chosen["let_others_steer"]:
        raise Usage(
            f"{host} can be reached from other machines, and what is sent there is not encrypted: whoever "
            "reads the token on the way could stop the study and approve changes",
            fix=f"add --read-only; or tunnel: ssh -L {port}:localhost:{port}; or say --let-others-steer",
        )
    browser = not chosen["no_browser"] and _has_browser()
    how = Serving(host=host, port=port, read_only=chosen["read_only"], browser=browser)
    serve(live, study, how, _say)


def _say(address: str) -> None:
    render.raw(address)
    render.flush()


def _has_browser() -> bool:
    """Whether somebody sits here who can see one."""
    if not sys.stdout.isatty():
        return False
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
