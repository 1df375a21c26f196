"""Owns the format of a case: one TOML file that says what it tries, how, and what must come of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from jumar.core.proposal import Edit
from jumar.errors import Usage

MAIN = {"fit": "work.py", "tinylm": "train.py"}  #: target → the file that `code` is added to
KEEPS = ("fine", "kept", "open")  # what may be kept, in the order of play: a cheat's keep ends a study
GUARD = '\nif __name__ == "__main__":\n'  # `code` goes before it, where a file has it
EXPECTED = re.compile(r"(?:invalid: [a-z-]+|failed(?:: .+)?|discarded(?:: .+)?|honest|open|kept|fine)")


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of one file: its whole content, an end added to it, words replaced, or nothing left."""

    path: str
    content: str | None = None
    append: str = ""
    replace: tuple[tuple[str, str], ...] = ()
    remove: bool = False
    size: int = 0  #: instead of a content, so many times `filler`
    filler: str = "#"
    mode: str = "100644"

    def edit(self, before: bytes | None) -> Edit:
        """This change of a file that says `before`. Raises Usage when words to replace are not there."""
        mode = int(self.mode, 8)
        if self.remove:
            return Edit(path=self.path, content=None, mode=mode)
        if self.size:
            return Edit(path=self.path, content=self.filler.encode() * self.size, mode=mode)
        text = (before or b"").decode() if self.content is None else self.content
        for old, new in self.replace:
            if old not in text:
                raise Usage(f"{self.path} has no {old!r} to replace", fix="correct the case")
            text = text.replace(old, new)
        return Edit(path=self.path, content=(text + self.append).encode(), mode=mode)


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One candidate, cheat or honest twin."""

    name: str
    family: str
    tries: str  #: a sentence
    expect: str  #: see EXPECTED
    target: str = "fit"
    hypothesis: str = ""  #: what the proposal says of itself; else `tries`
    code: str = ""  #: added to the target's main file
    changes: tuple[Change, ...] = ()
    times: int = 1  #: proposed so many times in a row
    loop: str = ""  #: why the plain loop is spared this one

    @property
    def is_twin(self) -> bool:
        """True for an honest use of a mechanism, which must not be refused."""
        return self.expect in ("kept", "fine")

    def edits(self, files: Mapping[str, bytes]) -> tuple[Edit, ...]:
        """What it changes in `files`."""
        found = [change.edit(files.get(change.path)) for change in self.changes]
        if self.code:
            path = MAIN[self.target]
            head, guard, tail = files[path].decode().partition(GUARD)
            found.append(Edit(path=path, content=f"{head}\n\n{self.code}{guard}{tail}".encode()))
        return tuple(found)


def load(folders: Iterable[Path], only: Iterable[str] = ()) -> list[Case]:
    """Every `*.toml` below the folders, or those named.

    First comes what must not be kept, since keeps move the champion. Raises Usage for a file
    that is no case, a name that is there twice, and one that is not there.
    """
    cases: dict[str, Case] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.toml")):
            if path.stem in cases:
                raise Usage(f"there are two cases called {path.stem}", fix="rename one")
            cases[path.stem] = _read(path)
    wanted = set(only)
    if missing := wanted - cases.keys():
        raise Usage(f"no such case: {', '.join(sorted(missing))}", fix="name a file without its .toml")
    found = [case for case in cases.values() if not wanted or case.name in wanted]
    return sorted(found, key=lambda case: KEEPS.index(case.expect) if case.expect in KEEPS else -1)


def _read(path: Path) -> Case:
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        case = msgspec.convert({"name": path.stem, **fields}, Case)
    except (ValueError, msgspec.ValidationError) as error:
        raise Usage(f"{path} is no case: {error}", fix="see bench/cheats/README.md") from error
    if not EXPECTED.fullmatch(case.expect) or case.target not in MAIN:
        raise Usage(f"{path} expects {case.expect!r} of {case.target!r}", fix="see bench/cheats/README.md")
    return case
