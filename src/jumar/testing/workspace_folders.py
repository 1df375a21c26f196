"""The part of the workspaces' exam that is about work trees: what is pinned, and what is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.core.workspace import SUBMODULE, Workspace
from jumar.errors import EnvironmentUnfit, TargetUnfit
from jumar.testing.repository import POINTER, Repository
from jumar.testing.workspace_case import REF, Opens, WorkspaceCase, edit


class FolderExam(WorkspaceCase):
    """The user's files are compared and snapshotted, and folders written, byte by byte."""

    # Pinning

    def test_a_clean_target_is_pinned_to_head(self, workspace: Workspace, repository: Repository) -> None:
        repository.write("other/notes.txt", "dirty, but not the target's")
        repository.write("pkg/scratch.txt", "untracked, but nobody asks for it")
        head = repository.git("rev-parse", "HEAD")
        assert workspace.pin(["train.py", "src/**", "*.sh"], include_dirty=False) == head
        assert workspace.pin(["train.py"], include_dirty=True) == head

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda it: it.write("pkg/train.py", "changed\n"), r"train\.py \(modified\)"),
            (lambda it: (it.folder / "pkg/src/model.py").unlink(), r"src/model\.py \(deleted\)"),
            (lambda it: it.write("pkg/src/new.py", "x = 2\n"), r"src/new\.py \(untracked\)"),
            (lambda it: (it.folder / "pkg/train.py").chmod(0o755), r"train\.py \(modified\)"),
            (
                lambda it: (it.write("pkg/train.py", "staged\n"), it.git("add", "-A")),
                r"train\.py \(modified\)",
            ),
            (lambda it: (it.folder / "pkg/src/l.py").symlink_to("/etc"), r"src/l\.py \(untracked\)"),
            (
                lambda it: (it.write("pkg/score.py", "1\n"), it.write(".gitignore", "score.py\n")),
                r"score\.py",
            ),
        ],
        ids=["modified", "deleted", "untracked", "mode", "staged", "link", "ignored but named"],
    )
    def test_uncommitted_changes_are_refused_or_snapshotted(
        self,
        workspace: Workspace,
        repository: Repository,
        change: Callable[[Repository], object],
        words: str,
    ) -> None:
        head = repository.git("rev-parse", "HEAD")
        change(repository)
        before = repository.state()
        paths = ["train.py", "src/**/*.py", "score.py"]
        with pytest.raises(TargetUnfit, match=words + r".*git commit.*--include-dirty"):
            workspace.pin(paths, include_dirty=False)
        pinned = workspace.pin(paths, include_dirty=True)
        assert pinned == workspace.pin(paths, include_dirty=True)
        assert repository.state() == before
        assert repository.git("rev-parse", f"{pinned}^") == head
        repository.git("add", "-A", "-f", "pkg")
        assert repository.git("write-tree", "--prefix=pkg/") == repository.git("rev-parse", f"{pinned}:pkg")

    def test_what_git_ignores_and_repositories_inside_are_not_looked_at(
        self, workspace: Workspace, repository: Repository
    ) -> None:
        repository.write("pkg/.gitignore", "build/\n*.tmp.py\n")
        head = repository.commit()
        repository.write("pkg/build/made.py", "")
        repository.write("pkg/x.tmp.py", "")
        Repository(repository.folder / "pkg/inner").commit(**{"x.py": ""})
        assert workspace.pin(["**/*.py"], include_dirty=False) == head

    def test_line_ends_that_git_would_convert_are_no_change(
        self, opens: Opens, workspace: Workspace, repository: Repository
    ) -> None:
        repository.write("pkg/src/model.py", "x = 1\r\n")
        with pytest.raises(TargetUnfit):
            workspace.pin(["src"], include_dirty=False)
        repository.git("config", "core.autocrlf", "true")
        workspace = opens(repository.folder / "pkg")
        assert workspace.pin(["src"], include_dirty=False) == repository.git("rev-parse", "HEAD")
        repository.write("pkg/src/model.py", "x = 2\r\n")
        pinned = workspace.pin(["src"], include_dirty=True)
        assert workspace.read(pinned, "src/model.py") == b"x = 2\n"

    def test_a_large_file_behind_its_pointer_is_no_change_and_is_never_stored(
        self, workspace: Workspace, repository: Repository
    ) -> None:
        sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        head = repository.commit(**{"pkg/weights.bin": POINTER.format(sha256, 5)})
        repository.write("pkg/weights.bin", "hello")
        assert workspace.pin(["*.bin"], include_dirty=False) == head
        repository.write("pkg/weights.bin", "jello")
        with pytest.raises(TargetUnfit, match=r"filter program lfs"):
            workspace.pin(["*.bin"], include_dirty=True)

    # Folders

    def test_a_folder_is_written_as_it_was_committed(
        self, workspace: Workspace, head: str, repository: Repository, tmp_path: Path
    ) -> None:
        repository.git("config", "core.autocrlf", "true")
        before = os.umask(0o077)
        try:
            workspace.materialise(head, tmp_path / "out")
        finally:
            os.umask(before)
        written = {
            place.relative_to(tmp_path / "out").as_posix(): place
            for place in (tmp_path / "out").rglob("*")
            if not place.is_dir()
        }
        assert written.keys() == workspace.files(head).keys()
        for path, place in written.items():
            assert place.read_bytes() == workspace.read(head, path)
            assert place.stat().st_mode & 0o7777 == (0o755 if path == "run.sh" else 0o644)
            assert place.parent.stat().st_mode & 0o7777 == 0o755

    def test_paths_are_left_out_when_asked(self, workspace: Workspace, head: str, tmp_path: Path) -> None:
        out = tmp_path / "out"
        workspace.materialise(head, out, without=["src/", "./train.py", "pixel", "gone"])
        assert {path.name for path in out.iterdir()} >= {"run.sh", "pixel.png"}
        assert not (out / "src").exists() and not (out / "train.py").exists()

    @pytest.mark.parametrize(
        ("links", "stays"),
        [
            ({"a": "train.py"}, True),
            ({"a": "src"}, True),
            ({"a": "gone"}, True),
            ({"src/a": "../train.py"}, True),
            ({"src/a": "../../pkg/train.py"}, False),
            ({"a": "/etc/passwd"}, False),
            ({"a": ".."}, False),
            ({"a": "src/../../other/notes.txt"}, False),
            ({"a": "b", "b": "../other"}, False),
            ({"a": "d/up/../secret", "d/up": "."}, True),
            ({"a": "deep/er/up/../secret", "deep/er/up": "../.."}, False),
            ({"deep/er/a": "up/../secret", "deep/er/up": "../.."}, False),
            ({"a": "b", "b": "a"}, False),
        ],
    )
    def test_a_link_is_written_if_it_ends_inside(
        self, workspace: Workspace, repository: Repository, tmp_path: Path, links: dict[str, str], stays: bool
    ) -> None:
        for path, end in links.items():
            (repository.folder / "pkg" / path).parent.mkdir(parents=True, exist_ok=True)
            (repository.folder / "pkg" / path).symlink_to(end)
        workspace.materialise(repository.commit(), tmp_path / "out")
        asked = next(path for path in links if path.endswith("a"))
        assert (tmp_path / "out" / asked).is_symlink() == stays
        for place in (tmp_path / "out").rglob("*"):
            assert place.resolve().is_relative_to(tmp_path / "out")

    def test_submodules_are_left_alone(
        self, workspace: Workspace, repository: Repository, tmp_path: Path
    ) -> None:
        Repository(tmp_path / "library").commit(**{"lib.py": "x = 1\n"})
        repository.git("submodule", "--quiet", "add", str(tmp_path / "library"), "pkg/vendor")
        head = repository.commit()
        repository.write("pkg/vendor/lib.py", "dirty\n")
        assert workspace.pin(["**"], include_dirty=False) == head
        made = workspace.commit(head, [edit("train.py", b"1")], message="m", ref=REF)
        assert workspace.files(made.sha)["vendor"] == workspace.files(head)["vendor"]
        assert workspace.files(head)["vendor"].mode == SUBMODULE
        workspace.materialise(made.sha, tmp_path / "out")
        assert not (tmp_path / "out/vendor").exists()

    def test_a_folder_that_exists_is_not_written_into(
        self, workspace: Workspace, head: str, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir()
        with pytest.raises(EnvironmentUnfit, match=r"out: File exists"):
            workspace.materialise(head, tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []

    def test_two_thousand_files_and_names_of_any_bytes_make_the_journey(
        self, workspace: Workspace, repository: Repository, tmp_path: Path
    ) -> None:
        for number in range(2000):
            repository.write(f"pkg/many/{number % 50}/{number}.txt", str(number))
        odd = [os.fsdecode(b"pkg/latin\xe9.txt"), "pkg/новый файл.txt", "pkg/a\nb.txt"]
        for path in odd:
            repository.write(path, path.encode("utf-8", "replace"))
        head = repository.commit()
        assert (
            len(workspace.files(head))
            == len(repository.git("ls-tree", "-r", "-z", head, "pkg").split("\0")) - 1
        )
        workspace.materialise(head, tmp_path / "out")
        for path in (*odd, "pkg/many/49/1999.txt"):
            inside = path.removeprefix("pkg/")
            assert (tmp_path / "out" / inside).read_bytes() == workspace.read(head, inside) != None  # noqa: E711
        made = workspace.commit(head, [edit("train.py", b"1")], message="m", ref=REF)
        assert workspace.files(made.sha).keys() == workspace.files(head).keys()
