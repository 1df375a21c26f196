"""What every exam of workspaces starts from: a repository with everything one must not trip over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import Workspace
from jumar.testing.repository import POINTER, Repository

Opens = Callable[[Path], Workspace]
REF = "refs/jumar/mar5/1"
BRANCH = "refs/heads/jumar/mar5"
LINES = "".join(f"line {number}\n" for number in range(1, 10))


def edit(path: str, content: bytes | None, mode: int = REGULAR) -> Edit:
    """One edit, in few words."""
    return Edit(path=path, content=content, mode=mode)


class WorkspaceCase:
    """The target is `pkg/`, deep in a repository of a user's; `opens` comes with the suite."""

    @pytest.fixture
    def repository(self, tmp_path: Path) -> Repository:
        repository = Repository(tmp_path / "repository")
        repository.write("pkg/train.py", LINES)
        repository.write("pkg/run.sh", "#!/bin/sh\n", executable=True)
        repository.write("pkg/src/model.py", "x = 1\n")
        repository.write("pkg/crlf.txt", b"one\r\ntwo\r\n")
        repository.write("pkg/pixel.png", b"\x89PNG\0\xff")
        repository.write("pkg/weights.bin", POINTER.format("0" * 64, 5))
        repository.write(
            "pkg/.gitattributes", "*.bin filter=lfs diff=lfs -text\n*.py ident -diff merge=union\n"
        )
        repository.write("other/notes.txt", "not the target's\n")
        repository.commit("start")
        return repository

    @pytest.fixture
    def workspace(self, opens: Opens, repository: Repository) -> Workspace:
        return opens(repository.folder / "pkg")

    @pytest.fixture
    def head(self, workspace: Workspace) -> str:
        return workspace.pin([], include_dirty=False)
