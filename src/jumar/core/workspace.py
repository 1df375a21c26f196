"""Where edits become commits without the user's work tree, index, HEAD or stash being touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from jumar.core.proposal import Edit

# What a path of a commit is, in git's own numbers, beside proposal.REGULAR.
EXECUTABLE = 0o100755
LINK = 0o120000
SUBMODULE = 0o160000


class TreeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One path of a commit, as git knows it. `mode` tells files, links and submodules apart."""

    mode: int
    blob: str


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that was made. Equal `tree`s are equal folders."""

    sha: str
    tree: str


class Workspace(Protocol):
    """Isolates edits, and promises this.

    All paths are relative to the target's folder, which may be deep inside a larger repository;
    the rest of the repository goes along unchanged in every commit. No hook, filter, attribute or
    line-ending setting of the repository is ever applied: bytes in, the same bytes out.
    """

    def pin(self, paths: Sequence[str], *, include_dirty: bool) -> str:
        """The commit a study starts from: HEAD's.

        `paths` are the globs and files that matter (editable, contract, program, scorer). Raises
        TargetUnfit when one of them differs from HEAD or is untracked, unless `include_dirty`,
        which snapshots the work tree's version of them into a commit on top of HEAD.
        """
        ...

    def files(self, commit: str) -> Mapping[str, TreeFile]:
        """Every path below the target's folder."""
        ...

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's bytes, or None where the commit has no such regular file."""
        ...

    def commit(self, parent: str, edits: Sequence[Edit], *, message: str, ref: str) -> Committed:
        """Make `parent` plus `edits` a commit and point `ref` (under refs/jumar/) at it."""
        ...

    def materialise(self, commit: str, folder: Path, *, without: Sequence[str] = ()) -> None:
        """Write the target's folder as of `commit` into `folder`, which must not exist.

        Paths at or below one of `without` are left out. Links whose end lies outside the folder,
        and submodules, are left out too. Files are mode 0644 or 0755, folders 0755.
        """
        ...

    def point(self, ref: str, new: str, *, old: str | None) -> None:
        """Move `ref` from `old` (None: it must not exist) to `new`, or raise LedgerConflict."""
        ...

    def resolve(self, ref: str) -> str | None:
        """The commit that `ref` points at."""
        ...

    def diff(self, old: str, new: str) -> str:
        """Unified diff of the target's folder between two commits."""
        ...

    def merge(self, base: str, ours: str, theirs: str) -> tuple[Edit, ...] | None:
        """What `base`..`theirs` changed, as edits on top of `ours`; None where they conflict."""
        ...
