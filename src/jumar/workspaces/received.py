"""Reads what came from elsewhere out of git's objects, and trusts none of it.

Sizes are looked at before anything is loaded, and of trees only what differs is walked, up to a bound: a
tree can be named as deep, and stand for as many paths, as whoever made it liked. Content is named by its
hash, so a record that names its commit cannot be moved to another one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pygit2
from pygit2.enums import ObjectType

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import EXECUTABLE, TreeFile
from jumar.errors import Breach
from jumar.rules.scope import MOST_BYTES, MOST_DEPTH, MOST_EDITS
from jumar.workspaces.objects import FOLDER, content_of, name_of, subtree
from jumar.workspaces.patches import merge_files

MOST_TAG_BYTES = 16 << 10
MOST_COMMIT_BYTES = 64 << 10
MOST_TREE_BYTES = 8 << 20  #: of one folder's list
MOST_LOOKED = 50_000  #: entries of trees
_WHO = "Jumar <jumar@localhost>"


class Received(NamedTuple):
    """A commit that came with a record: what it changes below the target's folder, path by path."""

    commit: str
    parent: str
    record: bytes
    was: Mapping[str, TreeFile]
    now: Mapping[str, TreeFile]

    def edits(self, repo: pygit2.Repository) -> tuple[Edit, ...]:
        """The change as edits of the commit's own parent."""
        paths = dict.fromkeys((*self.was, *self.now))
        return tuple(_edit(repo, path, self.now.get(path)) for path in paths)

    def onto(self, repo: pygit2.Repository, files: Mapping[str, TreeFile]) -> tuple[Edit, ...] | None:
        """The same change as edits of a tree of ours; None where both change the same places."""
        return merge_files(repo, self.was, files, self.now)


def tag_of(commit: str, name: str, at_s: int, record: bytes) -> tuple[str, bytes]:
    """An annotated tag: the record, standing on its commit. The same record gives the same tag."""
    head = f"object {commit}\ntype commit\ntag {name}\ntagger {_WHO} {at_s} +0000\n\n"
    content = head.encode() + record
    return hashlib.sha1(b"tag %d\0" % len(content) + content, usedforsecurity=False).hexdigest(), content


def read_tag(repo: pygit2.Repository, sha: str) -> tuple[str, bytes]:
    """The commit that a tag stands on, and the tag's words. Raises ValueError for what is no such tag."""
    content = _load(repo, sha, ObjectType.TAG, MOST_TAG_BYTES)
    head, _, words = content.partition(b"\n\n")
    lines = head.split(b"\n")
    first, kind = lines[0].decode("ascii", "replace"), lines[1] if len(lines) > 1 else b""
    if not first.startswith("object ") or kind != b"type commit":
        raise ValueError("it stands on no commit")
    return first.removeprefix("object "), words


def receive(repo: pygit2.Repository, sha: str, prefix: tuple[str, ...]) -> Received:
    """What a tag brought. Raises ValueError for what cannot be read, Breach for what lies out of bounds."""
    commit, record = read_tag(repo, sha)
    _load(repo, commit, ObjectType.COMMIT, MOST_COMMIT_BYTES)
    made = repo[commit].peel(pygit2.Commit)
    if len(made.parent_ids) != 1:
        raise ValueError(f"its commit has {len(made.parent_ids)} parents, not one")
    parent = str(made.parent_ids[0])
    _load(repo, parent, ObjectType.COMMIT, MOST_COMMIT_BYTES)
    was: dict[str, TreeFile] = {}
    now: dict[str, TreeFile] = {}
    for path, before, after in _Walk(repo).changes(repo[parent].peel(pygit2.Commit).tree_id, made.tree_id):
        inside = _below(path, prefix)
        if before:
            was[inside] = before
        if after:
            now[inside] = after
        if len(was.keys() | now.keys()) > MOST_EDITS:
            raise ValueError(f"it changes more than {MOST_EDITS} files")
    _check_size(repo, was)
    _check_size(repo, now)
    return Received(commit, parent, record, was, now)


def _below(path: str, prefix: tuple[str, ...]) -> str:
    names = path.split("/")
    if tuple(names[: len(prefix)]) != prefix:
        raise Breach(
            f"{ascii(path)[:200]} lies outside the target's folder",
            fix="change only editable files",
            code="outside-scope",
        )
    return "/".join(names[len(prefix) :])


def _edit(repo: pygit2.Repository, path: str, file: TreeFile | None) -> Edit:
    if file is None:
        return Edit(path=path, content=None)
    # What is no file is refused by its mode; it has no content to read.
    plain = file.mode in (REGULAR, EXECUTABLE)
    return Edit(path=path, content=content_of(repo, file.blob) if plain else b"", mode=file.mode)


def _check_size(repo: pygit2.Repository, files: Mapping[str, TreeFile]) -> None:
    size_bytes = 0
    for file in files.values():
        if file.mode in (REGULAR, EXECUTABLE):
            kind, size = repo.odb.read_header(file.blob)
            size_bytes += size
            if kind != ObjectType.BLOB or size_bytes > MOST_BYTES:
                raise ValueError(f"it changes files of more than {MOST_BYTES:,} bytes")


class _Walk:
    """Goes through two trees side by side, where they differ."""

    def __init__(self, repo: pygit2.Repository) -> None:
        self._repo, self._looked = repo, 0

    def changes(
        self, old: pygit2.Oid | None, new: pygit2.Oid | None, above: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, TreeFile | None, TreeFile | None]]:
        """Path by path: what was there, and what is now."""
        if len(above) > MOST_DEPTH:
            raise ValueError(f"it changes what lies deeper than {MOST_DEPTH} folders")
        before, after = self._entries(old), self._entries(new)
        for name in dict.fromkeys((*before, *after)):
            was, now = before.get(name), after.get(name)
            if was == now:
                continue
            folders = [entry[1] if entry and entry[0] == FOLDER else None for entry in (was, now)]
            if any(folders):
                yield from self.changes(folders[0], folders[1], (*above, name))
            files = [_file(entry) for entry in (was, now)]
            if any(files):
                yield "/".join((*above, name)), files[0], files[1]

    def _entries(self, tree: pygit2.Oid | None) -> dict[str, tuple[int, pygit2.Oid]]:
        if tree is None:
            return {}
        _load(self._repo, tree, ObjectType.TREE, MOST_TREE_BYTES)
        found: dict[str, tuple[int, pygit2.Oid]] = {}
        for entry in subtree(self._repo, tree):
            self._looked += 1
            name = name_of(entry)
            if name in found or self._looked > MOST_LOOKED:
                raise ValueError("its tree names a path twice, or too many")
            found[name] = (int(entry.filemode), entry.id)
        return found


def _file(entry: tuple[int, pygit2.Oid] | None) -> TreeFile | None:
    return TreeFile(mode=entry[0], blob=str(entry[1])) if entry and entry[0] != FOLDER else None


def _load(repo: pygit2.Repository, sha: str | pygit2.Oid, kind: ObjectType, most_bytes: int) -> bytes:
    """An object's bytes, once it is known to be of this kind and size."""
    try:
        found, size = repo.odb.read_header(sha)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise ValueError(f"object {os.fsdecode(str(sha))[:40]} is missing or damaged") from error
    if found != kind or size > most_bytes:
        wanted = f"a {kind.name.lower()} of at most {most_bytes:,} bytes"
        raise ValueError(f"object {str(sha)[:10]} is not {wanted}")
    content: bytes = repo.odb.read(sha)[1]
    return content
