"""Reads and writes git's objects, and turns git's faults into errors that say what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import pygit2

from jumar.core.workspace import SUBMODULE, TreeFile
from jumar.errors import Breach, CommitLost, EnvironmentUnfit

FOLDER = 0o040000  #: git's mode of a tree within a tree


class Placed(NamedTuple):
    """What a path of a tree shall be."""

    mode: int
    blob: pygit2.Oid


Changes = Mapping[tuple[str, ...], Placed | None]  #: by the names on the way; None removes


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what goes wrong in git or on its disk as CommitLost or EnvironmentUnfit."""
    try:
        yield
    except KeyError as error:
        raise CommitLost(
            f"{doing}: the repository has no object {error.args[0]}",
            fix="work in the clone that has it; a partial one gets the rest by: git fetch --refetch",
        ) from error
    except (pygit2.GitError, ValueError) as error:
        raise EnvironmentUnfit(
            f"{doing}: {error}", fix="see what `git fsck` says of the repository"
        ) from error
    except OSError as error:
        raise EnvironmentUnfit(
            f"{doing}: {error.strerror or error} ({error.filename or 'in the repository'})",
            fix="see that the disk has room and that the folder can be written",
        ) from error


def subtree(repo: pygit2.Repository, tree: pygit2.Oid) -> pygit2.Tree:
    """The tree of that id. Raises KeyError when the repository does not have it."""
    return repo[tree].peel(pygit2.Tree)


def content_of(repo: pygit2.Repository, blob: str | pygit2.Oid) -> bytes:
    """The bytes of a blob, as they are. Raises KeyError when the repository does not have it."""
    return repo[blob].peel(pygit2.Blob).data


def name_of(entry: pygit2.Object) -> str:
    """An entry's name; bytes that are not UTF-8 as os.fsdecode has them."""
    return os.fsdecode(entry.raw_name or b"")


def tree_of(repo: pygit2.Repository, commit: str, prefix: tuple[str, ...]) -> pygit2.Tree | None:
    """The tree at `prefix` of a commit, or None where the commit has no such folder."""
    tree = repo[commit].peel(pygit2.Tree)
    for name in prefix:
        if name not in tree or tree[name].filemode != FOLDER:
            return None
        tree = subtree(repo, tree[name].id)
    return tree


def list_files(repo: pygit2.Repository, tree: pygit2.Tree, above: str = "") -> Iterator[tuple[str, TreeFile]]:
    """Every path below `tree` that is not a folder."""
    for entry in tree:
        path = above + name_of(entry)
        if entry.filemode == FOLDER:
            yield from list_files(repo, subtree(repo, entry.id), f"{path}/")
        else:
            yield path, TreeFile(mode=int(entry.filemode), blob=str(entry.id))


def write_tree(
    repo: pygit2.Repository, base: pygit2.Tree | None, changes: Changes, written: list[pygit2.Oid]
) -> pygit2.Oid | None:
    """`base` with `changes` (None removes); everything else goes along untouched. None when empty.

    Every tree it writes is added to `written`.
    Raises Breach where a file, link or submodule stands in the place of a folder, or the reverse.
    """
    builder = repo.TreeBuilder(base) if base is not None else repo.TreeBuilder()
    below: dict[str, dict[tuple[str, ...], Placed | None]] = {}
    for (name, *rest), placed in changes.items():
        if rest:
            below.setdefault(name, {})[tuple(rest)] = placed
        else:
            _check_kind(builder, name, is_folder=False)
            _put(builder, name, placed)
    for name, inner in below.items():
        _check_kind(builder, name, is_folder=True)
        before = builder.get(name)
        inside = write_tree(repo, subtree(repo, before.id) if before is not None else None, inner, written)
        _put(builder, name, Placed(FOLDER, inside) if inside is not None else None)
    if not len(builder):
        return None
    written.append(builder.write())
    return written[-1]


def _put(builder: pygit2.TreeBuilder, name: str, placed: Placed | None) -> None:
    if placed is not None:
        builder.insert(name, placed.blob, placed.mode)
    elif builder.get(name) is not None:
        builder.remove(name)


def _check_kind(builder: pygit2.TreeBuilder, name: str, *, is_folder: bool) -> None:
    before = builder.get(name)
    if before is None or (before.filemode != SUBMODULE and (before.filemode == FOLDER) == is_folder):
        return
    raise Breach(
        f"{name} is not of the kind that the edit takes it for (file, folder, link or submodule)",
        fix="edit files where they are",
        code="not-a-file",
    )
