"""Owns the verbs that bring other programs' agents here: mcp and integrate."""

from __future__ import annotations

import shutil
import sys
from importlib import resources
from pathlib import Path

import click

from jumar.app import open_study
from jumar.cli import render
from jumar.cli.verb import of_a_study, verb
from jumar.errors import EnvironmentUnfit, Usage
from jumar.integrations.clients import CLIENTS


@verb("jumar mcp", "jumar mcp --http 8765")
@of_a_study
@click.option(
    "--http",
    "port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="On this machine's loopback instead.",
)
def mcp(folder: Path, study: str | None, port: int | None) -> None:
    """Serve a study to an agent of another program, by the Model Context Protocol (extra `mcp`).

    Over stdio, for the program that starts it; with --http for whichever finds it on the loopback.
    """
    live = open_study(folder, study=study)
    try:
        from jumar.mcp.server import serve_http, serve_stdio
    except ImportError as error:
        raise EnvironmentUnfit(
            f"the package {error.name} is missing", fix=f"{sys.executable} -m pip install 'jumar[mcp]'"
        ) from error
    if port is None:
        serve_stdio(live.folder, study)
        return
    try:
        serve_http(live.folder, study, port, render.note)
    except OSError as error:
        raise Usage(
            f"port {port} cannot be had: {error.strerror}", fix="name another, or 0 for any that is free"
        ) from error


@verb("jumar integrate claude-code", "jumar integrate codex --user")
@click.argument("client", type=click.Choice(sorted(CLIENTS)))
@click.option(
    "-C",
    "--dir",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The target's folder (default: this one).",
)
@click.option("--user", is_flag=True, help="For every folder of yours, below your home, not for this one.")
def integrate(client: str, folder: Path, user: bool) -> None:
    """Teach Claude Code or Codex to be the researcher of a study: installs a skill of Jumar's own.

    Nothing that is there is changed, but an older copy of the skill. How to bring in the MCP server, which
    the skill can do without, is printed.
    """
    place = CLIENTS[client]
    skill = (Path.home() if user else folder.resolve()) / place.skills / "jumar"
    shipped = resources.files("jumar.integrations") / "skill"
    if skill.is_symlink() or (skill.exists() and not (skill / "SKILL.md").is_file()):
        raise Usage(f"{skill} is there, and is no skill of Jumar's", fix="move it away")
    with resources.as_file(shipped) as source:
        shutil.copytree(source, skill, dirs_exist_ok=True)
    render.say(
        f"the skill is in {skill}",
        f"ask {place.name}: {place.ask}",
        "with the MCP server as well:",
        f"  {place.add}",
    )
