"""Every breach has its page."""

from __future__ import annotations

import re
from pathlib import Path

import jumar

PACKAGE = Path(jumar.__file__).parent
PAGES = Path(__file__).parents[2] / "docs" / "breaches"


def test_every_breach_has_a_page_and_every_page_is_listed() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if "testing" not in path.parts]
    raised = {code for path in sources for code in re.findall(r'\bcode="([a-z-]+)"', path.read_text("utf-8"))}
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    assert {"outside-scope", "git-internals"} <= raised <= pages
    listed = set(re.findall(r"\]\(([a-z-]+)\.md\)", (PAGES / "README.md").read_text("utf-8")))
    assert listed == pages
