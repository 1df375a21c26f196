"""Owns where each program looks for skills, and how it is told of an MCP server."""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    """A program in which somebody's agent lives."""

    name: str
    skills: str  #: folder of skills, below a project's folder or below the home
    ask: str  #: what a person types there
    add: str  #: the command that adds the MCP server


CLIENTS = {
    "claude-code": Client("Claude Code", ".claude/skills", "/jumar", "claude mcp add jumar -- jumar mcp"),
    "codex": Client("Codex", ".agents/skills", "$jumar", "codex mcp add jumar -- jumar mcp"),
}
