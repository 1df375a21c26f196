"""Builds the site: stages the pages, has Zensical lay them out, and lets nothing of it ask the network.

python -m docs.site [FOLDER]     into FOLDER (default: build/site)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docs.site.pages import ROOT, links_of, place_of, shown, staged

HERE = Path(__file__).parent
OWN = ("theme.css", "offline.js", "mark.svg")
_NAV = re.compile(r"^nav = \[.*?^\]", re.MULTILINE | re.DOTALL)
# What Zensical adds for pages that are opened from disk comes from a host; ours comes with the site.
_SHIM = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"[^>]*></script>')
_BASE = re.compile(r'"base":"([^"]*)"')


class NotBuilt(Exception):
    """The pages have a fault; the message is Zensical's, or names the pictures that are not there."""


def build(out: Path) -> None:
    """Make the site in `out`. Raises NotBuilt for a link or picture that leads nowhere, or any warning."""
    if lost := sorted(lost_pictures(shown())):
        raise NotBuilt("there is no such picture: " + ", ".join(lost))
    with tempfile.TemporaryDirectory(prefix="jumar-docs-") as scratch:
        stage = Path(scratch)
        _stage(stage)
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
        env = os.environ | {"NO_COLOR": "1"}
        done = subprocess.run(command, cwd=stage, env=env, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        if done.returncode != 0 or "Warning" in said:
            raise NotBuilt(said)
        for page in (stage / "site").rglob("*.html"):
            page.write_text(_at_home(page.read_text(encoding="utf-8")), encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(stage / "site", out)


def lost_pictures(pages: Iterable[str]) -> Iterable[str]:
    """The pictures that pages show and that are not there, with the page: Zensical says nothing of them."""
    for page in pages:
        for link in links_of((ROOT / page).read_text(encoding="utf-8")):
            place = place_of(link.target, page)
            if link.image and not link.is_external and not _is_shown(place):
                yield f"{link.target} on {page}"


def _is_shown(place: str) -> bool:
    return place.startswith("docs/") and place.endswith(".png") and (ROOT / place).is_file()


def menu() -> list[Any]:
    """The menu, with the pages of folders written out."""
    settings = tomllib.loads((HERE / "zensical.toml").read_text(encoding="utf-8"))
    return list(_unfolded(settings["project"]["nav"]))


def _unfolded(items: Iterable[Any]) -> Iterable[Any]:
    for item in items:
        if isinstance(item, dict):
            yield {
                title: below if isinstance(below, str) else list(_unfolded(below))
                for title, below in item.items()
            }
        elif item.endswith("/*"):
            folder = item.removesuffix("*")
            yield from sorted(
                name for name in shown().values() if name.startswith(folder) and "README" not in name
            )
        else:
            yield item


def _stage(stage: Path) -> None:
    names, pages = shown(), stage / "docs"
    for page, name in names.items():
        place = pages / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(staged(page, names), encoding="utf-8")
    for picture in (ROOT / "docs").rglob("*.png"):
        place = pages / picture.relative_to(ROOT / "docs")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, place)
    for name in OWN:
        shutil.copyfile(HERE / name, pages / name)
    settings = (HERE / "zensical.toml").read_text(encoding="utf-8")
    (stage / "zensical.toml").write_text(
        _NAV.sub(lambda _: f"nav = {_toml(menu())}", settings), encoding="utf-8"
    )


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {_toml(below)}' for key, below in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else f"[{', '.join(map(_toml, value))}]"


def _at_home(page: str) -> str:
    base = _BASE.search(page)
    own = f'<script src="{base[1].rstrip("/") if base else "."}/offline.js"></script>'
    return _SHIM.sub(own, page)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "site"
    try:
        build(folder)
    except NotBuilt as fault:
        sys.exit(str(fault))
    print(f"open {folder / 'index.html'}")
