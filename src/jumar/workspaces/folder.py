"""Writes a tree into a folder as it is: no filters, no way out of the folder by a link."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import pygit2

from jumar.core.workspace import EXECUTABLE, LINK, SUBMODULE
from jumar.errors import TargetUnfit
from jumar.workspaces.objects import FOLDER, content_of, name_of, subtree

# As many links as Linux follows before it gives up (man 7 path_resolution).
_MOST_HOPS = 40


def write_folder(repo: pygit2.Repository, tree: pygit2.Tree, folder: Path, without: Sequence[str]) -> None:
    """Write `tree` into `folder`, which must not exist, less paths at or below one of `without`.

    Raises OSError for a folder that exists, and TargetUnfit for names that no checkout can have.
    """
    left_out = frozenset(path.removeprefix("./").rstrip("/") for path in without)
    links: dict[str, str] = {}
    _write(repo, tree, _Place(os.fspath(folder), "", left_out, links))
    for path, end in links.items():
        if ends_inside(path, links):
            os.symlink(end, folder / path)


def ends_inside(path: str, links: Mapping[str, str]) -> bool:
    """True when following `path`, through every link of the tree on its way, never leaves the folder."""
    ahead = deque(path.split("/"))
    at: list[str] = []
    hops = 0
    while ahead:
        name = ahead.popleft()
        if name in ("", "."):
            continue
        if name == "..":
            if not at:
                return False
            at.pop()
            continue
        at.append(name)
        end = links.get("/".join(at))
        if end is not None:
            hops += 1
            if hops > _MOST_HOPS or end.startswith("/") or "\0" in end:
                return False
            at.pop()
            ahead.extendleft(reversed(end.split("/")))
    return True


class _Place:
    """Where in the folder the writing is, with what is shared on the way down."""

    __slots__ = ("folder", "left_out", "links", "path")

    def __init__(self, folder: str, path: str, left_out: frozenset[str], links: dict[str, str]) -> None:
        self.folder = folder
        self.path = path
        self.left_out = left_out
        self.links = links

    def below(self, name: str) -> _Place:
        return _Place(f"{self.folder}/{name}", f"{self.path}{name}/", self.left_out, self.links)


def _write(repo: pygit2.Repository, tree: pygit2.Tree, place: _Place) -> None:
    os.mkdir(place.folder, 0o755)
    os.chmod(place.folder, 0o755)  # whatever the umask
    for entry in tree:
        name = name_of(entry)
        if name in ("", ".", "..", ".git") or "/" in name:
            raise TargetUnfit(
                f"the repository has a file named {place.path + name!a}, which cannot be written",
                fix="see what `git fsck` says, and commit without it",
            )
        if place.path + name in place.left_out:
            continue
        mode = entry.filemode
        if mode == FOLDER:
            _write(repo, subtree(repo, entry.id), place.below(name))
        elif mode == LINK:
            place.links[place.path + name] = os.fsdecode(content_of(repo, entry.id))
        elif mode != SUBMODULE:
            _write_file(f"{place.folder}/{name}", content_of(repo, entry.id), executable=mode == EXECUTABLE)


def _write_file(path: str, content: bytes, *, executable: bool) -> None:
    mode = 0o755 if executable else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with open(descriptor, "wb", buffering=0) as file:
        os.fchmod(descriptor, mode)
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
