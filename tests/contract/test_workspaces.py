"""The workspace on git, held to the exam of every workspace, and in the repositories people have."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.core.proposal import Edit
from jumar.core.workspace import Workspace
from jumar.errors import EnvironmentUnfit, TargetUnfit
from jumar.testing.repository import Repository
from jumar.testing.workspace_suite import WorkspaceSuite
from jumar.workspaces import leftovers, refs
from jumar.workspaces.git import open_workspace


class TestGitWorkspace(WorkspaceSuite):
    @pytest.fixture
    def opens(self) -> Callable[[Path], Workspace]:
        return open_workspace


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.commit(**{"train.py": "x = 1\n"})
    return repository


def edited(content: bytes) -> list[Edit]:
    return [Edit(path="train.py", content=content)]


def use(folder: Path, content: bytes = b"x = 2\n") -> str:
    """Go once around: pin, commit, point and read back."""
    workspace = open_workspace(folder)
    head = workspace.pin(["train.py"], include_dirty=False)
    made = workspace.commit(head, edited(content), message="m", ref="refs/jumar/s/1")
    workspace.point("refs/heads/jumar/s", made.sha, old=workspace.resolve("refs/heads/jumar/s"))
    assert open_workspace(folder).read(made.sha, "train.py") == content
    return made.sha


def refused(folder: Path, words: str) -> TargetUnfit:
    with pytest.raises(TargetUnfit, match=words) as caught:
        open_workspace(folder)
    return caught.value


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    assert "git init" in refused(tmp_path, r"not in a git repository").fix
    refused(tmp_path / "gone", r"not in a git repository")


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    Repository(tmp_path / "empty")
    assert "git commit" in refused(tmp_path / "empty", r"no commit yet").fix


def test_a_bare_repository_and_git_s_own_folder_are_refused(repository: Repository, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    refused(tmp_path / "bare", r"bare repository")
    refused(repository.folder / ".git", r"not in the work tree")


def test_a_repository_of_a_kind_libgit2_does_not_open_is_refused(tmp_path: Path) -> None:
    Repository(tmp_path / "sha256", "--object-format=sha256").commit(**{"a": ""})
    assert "SHA-1" in refused(tmp_path / "sha256", r"object format").fix


def test_a_partial_clone_is_refused_with_the_way_out(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "extensions.partialClone", "origin")
    repository.git("config", "core.repositoryFormatVersion", "1")
    assert "without --filter" in refused(repository.folder, r"partialclone").fix


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_repository_that_git_does_not_trust_is_refused_with_the_command(repository: Repository) -> None:
    subprocess.run(["chown", "-R", "12345", str(repository.folder)], check=True)
    (repository.folder / "deep").mkdir()
    fix = refused(repository.folder / "deep", r"not owned by current user").fix
    assert fix == f"git config --global --add safe.directory {repository.folder}"


def test_a_detached_head_is_as_good_as_a_branch(repository: Repository) -> None:
    repository.git("checkout", "-q", "--detach")
    use(repository.folder)
    assert repository.git("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


def test_a_target_may_be_reached_through_a_link(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.folder)
    use(tmp_path / "link")


def test_a_linked_work_tree_shares_commits_and_refs_with_its_repository(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    places = open_workspace(tmp_path / "side").places
    assert set(places) == {repository.folder / ".git", repository.folder / ".git" / "worktrees" / "side"}
    before = repository.state()
    sha = use(tmp_path / "side")
    changed = {path for path, was in before.items() if repository.state().get(path) != was}
    assert changed == set()
    assert repository.git("rev-parse", "jumar/s", "refs/jumar/s/1").split() == [sha, sha]
    use(repository.folder)


def test_a_shallow_clone_is_enough(repository: Repository, tmp_path: Path) -> None:
    repository.commit(**{"train.py": "x = 3\n"})
    repository.git("clone", "-q", "--depth=1", f"file://{repository.folder}", str(tmp_path / "shallow"))
    use(tmp_path / "shallow")


def test_packed_refs_are_seen_and_moved(repository: Repository) -> None:
    first = use(repository.folder)
    repository.git("pack-refs", "--all")
    workspace = open_workspace(repository.folder)
    assert workspace.resolve("refs/heads/jumar/s") == first
    new = workspace.commit(first, edited(b"x = 3\n"), message="m", ref="refs/jumar/s/1").sha
    workspace.point("refs/heads/jumar/s", new, old=first)
    assert repository.git("rev-parse", "jumar/s", "refs/jumar/s/1").split() == [new, new]


def test_a_target_that_is_not_committed_has_no_folder_to_write(
    repository: Repository, tmp_path: Path
) -> None:
    repository.write("new/train.py", "x = 1\n")
    workspace = open_workspace(repository.folder / "new")
    with pytest.raises(TargetUnfit, match=r"train\.py \(untracked\)"):
        workspace.pin(["train.py"], include_dirty=False)
    head = repository.git("rev-parse", "HEAD")
    with pytest.raises(TargetUnfit, match=r"has no folder new"):
        workspace.materialise(head, tmp_path / "out")
    assert workspace.files(head) == {}
    pinned = workspace.pin(["train.py"], include_dirty=True)
    assert workspace.read(pinned, "train.py") == b"x = 1\n"


@pytest.mark.parametrize("off_s", [-3600, 0, 3600])
def test_a_lock_of_a_process_that_was_killed_is_broken_whatever_the_clock_says(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, off_s: float
) -> None:
    monkeypatch.setattr(leftovers, "STALE_S", 0.05)
    sha = use(repository.folder)
    for ref in ("refs/heads/jumar/s", "refs/jumar/s/1"):
        lock = repository.write(f".git/{ref}.lock", "")
        os.utime(lock, (0, time.time() + off_s))
    new = use(repository.folder, b"x = 3\n")
    assert repository.git("rev-parse", "jumar/s", "refs/jumar/s/1").split() == [new, new] != [sha, sha]
    assert list(repository.folder.glob(".git/refs/**/*.lock")) == []


def test_whoever_takes_a_study_up_removes_the_locks_on_its_refs_and_on_no_others(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "STALE_S", 0.05)
    for ref in ("refs/heads/jumar/s", "refs/jumar/s/1", "refs/jumar/other/1", "refs/heads/main"):
        repository.write(f".git/{ref}.lock", "")
    with open_workspace(repository.folder).held("s"):
        pass
    left = {
        path.relative_to(repository.folder).as_posix() for path in repository.folder.glob(".git/**/*.lock")
    }
    assert left == {".git/refs/jumar/other/1.lock", ".git/refs/heads/main.lock"}


def test_objects_that_nobody_goes_on_writing_are_removed_when_a_study_is_let_go(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_DEAD_S", 0.01)
    dead, live = (repository.write(f".git/objects/tmp_object_git2_{n}", "x") for n in ("dead", "live"))
    with open_workspace(repository.folder).held("s"):
        time.sleep(0.02)
        live.write_text("xy")
        new = repository.write(".git/objects/tmp_object_git2_new", "x")
    assert (dead.exists(), live.exists(), new.exists()) == (False, True, True)


def test_a_lock_of_a_process_that_lives_is_waited_for(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = use(repository.folder)
    lock = repository.write(".git/refs/heads/jumar/s.lock", "")
    monkeypatch.setattr(refs, "GIVE_UP_S", 0.05)
    with pytest.raises(EnvironmentUnfit, match=rf"rm {lock}"):
        open_workspace(repository.folder).point("refs/heads/jumar/s", sha, old=sha)
    assert lock.exists()


def test_the_time_of_a_commit_can_be_handed_in(repository: Repository) -> None:
    workspace = open_workspace(repository.folder, now=lambda: 1_772_668_800.9)
    head = repository.git("rev-parse", "HEAD")
    made = workspace.commit(head, edited(b""), message="m", ref="refs/jumar/s/1")
    assert repository.git("log", "-1", "--format=%at %ct", made.sha) == "1772668800 1772668800"


@pytest.mark.parametrize("name", ["..", ".git"])
def test_a_tree_with_a_name_that_leads_elsewhere_is_not_written(
    repository: Repository, tmp_path: Path, name: str
) -> None:
    blob = repository.git("rev-parse", "HEAD:train.py")
    raw = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    place = repository.write(".git/raw", raw)
    tree = repository.git("hash-object", "-t", "tree", "-w", "--literally", str(place))
    sha = repository.git("commit-tree", "-m", "evil", tree)
    with pytest.raises(TargetUnfit, match=r"cannot be written"):
        open_workspace(repository.folder).materialise(sha, tmp_path / "out")
