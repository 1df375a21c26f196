"""The README's tree is the table of contents of the source, so it may not lie."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import jumar

PACKAGE = Path(jumar.__file__).parent
README = PACKAGE.parents[1] / "README.md"
FOLDERS = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


def told_of(folder: Path) -> set[str]:
    """The modules that the README's tree names for a package."""
    tree = README.read_text(encoding="utf-8").split("src/jumar/", 1)[1].split("```", 1)[0]
    if folder == PACKAGE:
        return set(re.findall(r"^├── (\w+)\.py", tree, re.MULTILINE))
    lines = tree.split(f"├── {folder.name}/", 1)[1].split("├──", 1)[0].splitlines()[1:]
    return {name for line in lines for name in line.replace("│", " ").split()}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_tree_names_every_module(folder: Path) -> None:
    modules = {path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "__main__")}
    assert told_of(folder) == modules
