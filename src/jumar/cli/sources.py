"""Owns what can be read out of a Python source without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_SOURCE_BYTES = 1 << 20
_NAMED = re.compile(r"\s*(?:METRIC\s+)?([A-Za-z_][\w./-]{0,63})\s*[:=]\s*")


def read(path: Path) -> str:
    """A file's text, as far as one may care for it."""
    with path.open("rb") as file:
        return file.read(MOST_SOURCE_BYTES).decode("utf-8", "replace")


def _nodes(source: str) -> list[ast.AST]:
    """Every node, in the order of the text; nothing of what does not parse."""
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if hasattr(node, "lineno")]
    except (SyntaxError, ValueError, RecursionError):
        return []
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]


def constant(source: str, name: str) -> float | None:
    """A module's constant that is a number above 0."""
    for node in _nodes(source):
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            value: Any = node.value.value if isinstance(node.value, ast.Constant) else None
            if type(value) in (int, float) and value > 0:
                return float(value)
    return None


def printed_names(source: str, after: str | None = None) -> Iterator[str]:
    """The names of `print("name: …")` lines, in order; those after a printed line, when one is given."""
    waiting = after is not None
    for node in _nodes(source):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"):
            continue
        text = _opening(node.args[0]) if node.args else ""
        if waiting:
            waiting = text.strip() != after
        elif match := _NAMED.match(text):
            yield match[1]


def _opening(node: ast.expr) -> str:
    """The text that a printed string begins with; of an f-string, what stands before the first value."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0] if node.values else node
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def imports(source: str) -> set[str]:
    """The top-level names of what is imported anywhere."""
    found = set[str]()
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def home_paths(source: str) -> list[str]:
    """Folders that `os.path.join(os.path.expanduser("~"), "a", "b")` names, as `~/a/b`."""
    found = []
    for node in _nodes(source):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.path.join", "join") and node.args:
            first, rest = ast.unparse(node.args[0]), node.args[1:]
            words = [part.value for part in rest if isinstance(part, ast.Constant)]
            if "expanduser('~')" in first and words and len(words) == len(rest):
                found.append("/".join(["~", *map(str, words)]))
    return list(dict.fromkeys(found))


def at_home(path: str) -> Path:
    """A `~/` path on this machine."""
    return Path(path).expanduser()
