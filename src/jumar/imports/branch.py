"""The branch that a history was made on: which commits it names, when they were made, what they changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pygit2

from jumar.errors import JumarError, Usage
from jumar.rules.plain import short
from jumar.workspaces.git import GitWorkspace, open_workspace

_SHA = re.compile(r"[0-9a-f]{4,40}")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that a history names."""

    commit: str
    parent: str  #: the first one; the commit itself where it has none
    at: float
    on_branch: bool


class Branch:
    """Reads a repository, and changes nothing in it. Without one it knows no commit."""

    def __init__(self, folder: Path, name: str = "") -> None:
        self.name = name
        self._workspace: GitWorkspace | None = None
        try:
            self._workspace = open_workspace(folder)
        except JumarError:
            if name:
                raise
        self._tip: pygit2.Oid | None = None
        if self._workspace:
            repo, _ = self._workspace.repository
            try:
                self._tip = repo.revparse_single(name or "HEAD").peel(pygit2.Commit).id
            except (KeyError, ValueError, pygit2.GitError) as error:
                raise Usage(
                    f"there is no branch {short(name, 60)} here", fix="see `git branch --all`"
                ) from error
            self.name = name or ("" if repo.head_is_detached else repo.head.shorthand)

    def find(self, sha: str) -> Made | None:
        """The one commit whose name begins so; None where there is none here, or several."""
        if self._workspace is None or self._tip is None or not _SHA.fullmatch(sha):
            return None
        repo, _ = self._workspace.repository
        try:
            commit = repo[sha].peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return Made(
            commit=str(commit.id),
            parent=str(commit.parent_ids[0] if commit.parent_ids else commit.id),
            at=float(commit.commit_time),
            on_branch=commit.id == self._tip or repo.descendant_of(self._tip, commit.id),
        )

    def diff(self, old: str, new: str) -> str:
        """What changed between two commits that were found."""
        if self._workspace is None:
            return ""
        return self._workspace.diff(old, new)


def found_of(branch: Branch, shas: Mapping[int, str]) -> dict[int, Made]:
    """What is there of the commits that rows name."""
    made = {number: branch.find(sha.lower()) for number, sha in shas.items()}
    return {number: one for number, one in made.items() if one is not None}
