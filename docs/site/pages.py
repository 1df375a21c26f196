"""Owns what becomes a page of the site: which files, under which names, and where their links lead then."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Files beside docs/ that are pages too, by the names that they have there.
GUESTS = {
    "AGENTS.md": "working-on-jumar.md",
    "CHANGELOG.md": "changelog.md",
    "LOG.md": "measurements.md",
    "bench/cheats/README.md": "cheats.md",
    "src/jumar/integrations/skill/SKILL.md": "skill.md",
}
HOME = "docs/index.md"
INSTEAD = {"README.md": "index.md"}  # what the site says in its own way

_FENCE = re.compile(r"^(?P<in> *)(?P<ticks>`{3,})[^\n]*\n.*?^(?P=in)(?P=ticks) *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?P<image>!?)\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]*)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """One link or image of a page, and where it stands."""

    start: int
    end: int
    image: bool
    words: str
    target: str

    @property
    def is_external(self) -> bool:
        """True when it leads out of this repository."""
        return re.match(r"[a-z][a-z0-9+.-]*:", self.target) is not None


def shown() -> dict[str, str]:
    """Every page: where its text lies in the repository → its name on the site."""
    own = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md")))
    return {path: path.removeprefix("docs/") for path in own} | GUESTS


def links_of(text: str) -> Iterator[Link]:
    """The links of a page, but for what stands in code."""
    for found in _LINK.finditer(prose_of(text)):
        start, end = found.span("words")
        words = text[start:end]
        yield Link(found.start(), found.end(), bool(found["image"]), words, found["target"])


def anchors_of(text: str) -> set[str]:
    """What `#…` may lead to: each heading, as git hosts name it."""
    headings = (text[slice(*found.span(1))] for found in _HEADING.finditer(_without_fences(text)))
    return {slug(heading) for heading in headings}


def slug(heading: str) -> str:
    """The anchor of a heading."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.replace("`", "")).strip().lower().replace(" ", "-")


def place_of(target: str, page: str) -> str:
    """The file, relative to the repository, that a link on `page` leads to; a folder's is its README."""
    path = target.partition("#")[0]
    place = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    readme = posixpath.join(place, "README.md")
    return readme if (ROOT / readme).is_file() else place


def staged(page: str, names: dict[str, str]) -> str:
    """A page's text as the site needs it: links lead to names there, or are only words."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if page == HOME:
        text = f"---\nhide: [navigation, toc]\n---\n\n{text}"

    def renamed(link: Link) -> str:
        place, _, anchor = place_of(link.target, page), *link.target.partition("#")[1:]
        if link.image:
            name = place.removeprefix("docs/")
        elif place in names or place in INSTEAD:
            name = names.get(place) or INSTEAD[place]
        else:
            return link.words  # a file that is no page
        way = posixpath.relpath(name, posixpath.dirname(names[page]) or ".")
        if place == page and anchor:
            way = ""
        anchor = f"#{anchor}" if anchor and place in names else ""
        return f"{'!' if link.image else ''}[{link.words}]({way}{anchor})"

    return _widened(_replaced(text, renamed))


def _widened(text: str) -> str:
    """Lists as Python's Markdown reads them: what belongs to an item stands four columns in, apart."""
    lines: list[str] = []
    width, fenced, parted = 0, False, True
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        item = None if fenced else re.match(r"(?:\d+\.|[-*]) +", line)
        if item:
            if lines and lines[-1] and (parted or not width):
                lines.append("")
            width, parted = len(item[0]), False
        elif not line:
            parted = True
        elif not line.startswith(" " * width):
            width = 0
        belongs = width and not item and line.startswith(" " * width)
        lines.append(f"{' ' * (4 - width)}{line}" if belongs else line)
    return "\n".join(lines)


def _replaced(text: str, renamed: Callable[[Link], str]) -> str:
    pieces, done = [], 0
    for link in links_of(text):
        if not link.is_external:
            pieces += [text[done : link.start], renamed(link)]
            done = link.end
    return "".join([*pieces, text[done:]])


def prose_of(text: str) -> str:
    """The text with all code blanked out, every character where it was."""
    return _CODE.sub(_blank, _without_fences(text))


def _without_fences(text: str) -> str:
    return _FENCE.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
