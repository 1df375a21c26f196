"""No god files: the four places that rot elsewhere are held small by a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import jumar

PACKAGE = Path(jumar.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_MODULE_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 400, 60, 6


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_fits_in_the_head(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_MODULE_LINES
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "a module opens with what it owns"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MOST_FUNCTION_LINES, node.name
            names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            own = [name for name in names if name not in ("self", "cls")]
            # A click command has one parameter per option; its options are its documentation.
            if "cli" not in path.parts:
                assert len(own) <= MOST_PARAMETERS, f"{node.name} has {len(own)} parameters"
