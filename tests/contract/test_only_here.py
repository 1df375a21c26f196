"""Whoever makes a commit for a test or a bench makes it in the folder meant, and in none around it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import fast

from jumar.testing.repository import Repository


def by_repository(folder: Path, *words: str) -> None:
    (folder / ".git").write_text("")  # so that it makes none by itself
    repository = Repository(folder)
    (folder / ".git").unlink()
    repository.git(*words)


@pytest.mark.parametrize("git", [fast.git, by_repository])
@pytest.mark.parametrize("inherited", [False, True])
def test_a_folder_that_is_no_repository_yet_is_not_committed_into_the_one_around_it(
    git: Callable[..., object], inherited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = Repository(tmp_path / "around")
    commit = around.commit(here="ours\n")
    inner = tmp_path / "around" / "inner"
    inner.mkdir()
    (inner / "file").write_text("not for the repository around\n")
    if inherited:  # as where a hook of that repository started us
        monkeypatch.setenv("GIT_DIR", str(around.folder / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(around.folder))
    for words in (("add", "-A"), ("commit", "-qm", "start")):
        with pytest.raises(subprocess.CalledProcessError):
            git(inner, *words)
    assert around.git("rev-parse", "HEAD") == commit
    assert around.git("status", "--short") == "?? inner/"
