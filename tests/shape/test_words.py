"""One word, one meaning: names that say nothing, and synonyms of the glossary's words, are refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import jumar

PACKAGE = Path(jumar.__file__).parent
BANNED = ("manager", "helper", "util", "handle_", "new_", "_v2", "safe_")
IMPOSED = {"handle_error"}  # what socketserver calls


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_names_say_something(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [node.name.lower() for node in ast.walk(tree) if isinstance(node, kinds)]
    names = [name for name in names if name not in IMPOSED]
    bad = [name for name in [path.stem, *names] for word in BANNED if word in name]
    assert not bad
