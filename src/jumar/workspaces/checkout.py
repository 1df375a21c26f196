"""Compares the user's work tree with HEAD, and snapshots it, without writing a byte of either.

The index is not asked: what counts is whether the files that a study rests on are those of the
commit it starts from. Line ends are compared as `git add` would store them (`core.autocrlf`, `text`
and `eol` attributes); filter programs are not run.
"""

from __future__ import annotations

import enum
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pygit2

from jumar.core.proposal import REGULAR
from jumar.core.workspace import EXECUTABLE, LINK, SUBMODULE, TreeFile
from jumar.errors import TargetUnfit
from jumar.rules.scope import matches
from jumar.workspaces.objects import Placed, content_of

_WILDCARD = re.compile(r"[*?\[]")
# What git-lfs stores in place of a file (git-lfs, docs/spec.md).
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_MOST_POINTER_BYTES = 1024
_SHOWN = 5


class How(enum.Enum):
    """How a file of the work tree differs from HEAD's."""

    MODIFIED = "modified"
    DELETED = "deleted"
    UNTRACKED = "untracked"


class Change(NamedTuple):
    """A file that differs. `path` is relative to the target's folder."""

    path: str
    how: How


class Checkout:
    """The work tree's version of the target's folder."""

    def __init__(self, repo: pygit2.Repository, prefix: tuple[str, ...]) -> None:
        self._repo = repo
        self._below = "".join(f"{name}/" for name in prefix)
        self._root = os.path.join(repo.workdir, self._below)
        self._modes_count = "core.filemode" not in repo.config or repo.config.get_bool("core.filemode")

    def changes(self, files: Mapping[str, TreeFile], globs: Sequence[str]) -> tuple[Change, ...]:
        """What differs between HEAD's `files` and the work tree, as far as `globs` cover it."""
        found: dict[str, How] = {}
        for path, file in files.items():
            if file.mode != SUBMODULE and matches(path, globs) and (how := self._compare(path, file)):
                found[path] = how
        inside = tuple(f"{path}/" for path, file in files.items() if file.mode == SUBMODULE)
        for path in self._present(globs):
            if path not in files and not path.startswith(inside) and matches(path, globs):
                found[path] = How.UNTRACKED
        return tuple(Change(path, found[path]) for path in sorted(found))

    def snapshot(self, changes: Iterable[Change]) -> dict[str, Placed | None]:
        """The work tree's version of what changed, as `git add` would store it; None for removed.

        Raises TargetUnfit for a file that a filter program (git-lfs, say) would have to store.
        """
        return {path: None if how is How.DELETED else self._store(path) for path, how in changes}

    def _compare(self, path: str, file: TreeFile) -> How | None:
        place = self._root + path
        try:
            mode = os.lstat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return How.DELETED
        if stat.S_ISLNK(mode):
            same = file.mode == LINK and _blob_id(os.fsencode(os.readlink(place))) == file.blob
        elif not stat.S_ISREG(mode):
            return How.DELETED
        elif self._modes_count and bool(mode & stat.S_IXUSR) != (file.mode == EXECUTABLE):
            same = False
        else:
            same = str(pygit2.hashfile(place)) == file.blob or self._same_when_stored(path, file)
        return None if same else How.MODIFIED

    def _same_when_stored(self, path: str, file: TreeFile) -> bool:
        try:
            if str(self._repo.hashfile(self._below + path)) == file.blob:
                return True
        except pygit2.GitError:  # core.safecrlf refuses to convert it: then it is not the same
            return False
        pointer = _POINTER.match(content_of(self._repo, file.blob)[:_MOST_POINTER_BYTES])
        if pointer is None:
            return False
        with open(self._root + path, "rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == pointer[1].decode()

    def _store(self, path: str) -> Placed:
        place = self._root + path
        mode = os.lstat(place).st_mode
        if stat.S_ISLNK(mode):
            return Placed(LINK, self._repo.create_blob(os.fsencode(os.readlink(place))))
        if isinstance(program := self._repo.get_attr(self._below + path, "filter"), str):
            raise TargetUnfit(
                f"{path} is stored through the filter program {program}, which Jumar does not run",
                fix="commit it",
            )
        kind = EXECUTABLE if mode & stat.S_IXUSR else REGULAR
        return Placed(kind, self._repo.create_blob_fromworkdir(self._below + path))

    def _present(self, globs: Sequence[str]) -> Iterator[str]:
        """Files that the globs could cover and git does not ignore; named in full, also ignored ones."""
        starts: set[str] = set()
        for glob in globs:
            names = [name for name in glob.removeprefix("!").split("/") if name not in ("", ".")]
            wild = next((at for at, name in enumerate(names) if _WILDCARD.search(name)), len(names))
            if ".." not in names:
                starts.add("/".join(names[:wild]))
        for start in sorted(starts):
            place = self._root + start
            if os.path.isfile(place) or os.path.islink(place):
                yield start
            elif os.path.isdir(place):
                yield from self._walk(start)

    def _walk(self, start: str) -> Iterator[str]:
        folder = f"{start}/" if start else ""
        if start and self._repo.path_is_ignored(f"{self._below}{folder}"):
            return
        with os.scandir(self._root + folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        if start and any(entry.name == ".git" for entry in listed):
            return  # a repository of its own
        for entry in listed:
            path = folder + entry.name
            if entry.name == ".git":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(path)
            elif entry.is_symlink() or entry.is_file():  # not a socket, not a pipe
                if not self._repo.path_is_ignored(self._below + path):
                    yield path


def listed(changes: Sequence[Change]) -> str:
    """The changes in words, the first few by name."""
    words = [f"{path} ({how.value})" for path, how in changes[:_SHOWN]]
    more = len(changes) - _SHOWN
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def _blob_id(content: bytes) -> str:
    return str(pygit2.hash(content))
