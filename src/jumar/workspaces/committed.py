"""Tells whether somebody committed a folder that nobody should: then it came with the code."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2


def is_committed(place: Path) -> bool:
    """Whether the last commit or the index of the repository around has `place`, or anything in it."""
    try:
        found = pygit2.discover_repository(str(place.parent))
        repo = pygit2.Repository(found) if found else None
        if repo is None or repo.is_bare:
            return False
        path = os.path.relpath(place, Path(repo.workdir).resolve())
        if not repo.head_is_unborn and path in repo.head.peel(pygit2.Tree):
            return True
        return any(entry.path == path or entry.path.startswith(f"{path}/") for entry in repo.index)
    except (pygit2.GitError, OSError):  # a repository that does not open: whoever works in it says so
        return False
