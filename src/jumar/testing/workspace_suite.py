"""The exam of every workspace. Subclass it, supply the fixtures, and pytest holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jumar.core.proposal import Edit
from jumar.core.workspace import EXECUTABLE, Workspace
from jumar.errors import TargetUnfit
from jumar.testing.repository import Repository
from jumar.testing.workspace_case import BRANCH, LINES, REF, Opens, edit
from jumar.testing.workspace_commits import CommitExam
from jumar.testing.workspace_folders import FolderExam


class WorkspaceSuite(CommitExam, FolderExam):
    """Supply `opens`, which opens the target in a folder and can be sent to another process."""

    # Reading

    def test_everything_below_the_target_is_listed(
        self, workspace: Workspace, head: str, repository: Repository
    ) -> None:
        listed = repository.git("ls-tree", "-r", "HEAD:pkg").splitlines()
        expected = {line.split("\t")[1]: line.split()[:3:2] for line in listed}
        files = {path: [f"{file.mode:o}", file.blob] for path, file in workspace.files(head).items()}
        assert files == expected

    @pytest.mark.parametrize(
        "path", ["", "src", "gone.py", "train.py/x", "../other/notes.txt", "/train.py", "l"]
    )
    def test_what_is_no_file_cannot_be_read(
        self, workspace: Workspace, repository: Repository, path: str
    ) -> None:
        (repository.folder / "pkg/l").symlink_to("train.py")
        assert workspace.read(repository.commit(), path) is None

    def test_a_commit_that_is_not_there_is_an_error_with_a_cure(
        self, workspace: Workspace, tmp_path: Path
    ) -> None:
        for read in (
            lambda: workspace.files("1" * 40),
            lambda: workspace.read("1" * 40, "train.py"),
            lambda: workspace.materialise("1" * 40, tmp_path / "out"),
            lambda: workspace.diff("1" * 40, "2" * 40),
        ):
            with pytest.raises(TargetUnfit, match=r"has no object 1111"):
                read()

    # Comparing and joining

    def test_a_diff_reads_as_git_s_own(self, workspace: Workspace, head: str, repository: Repository) -> None:
        edits = [
            edit("train.py", LINES.replace("line 5", "line five").encode()),
            edit("src/model.py", None),
            edit("new.py", b"x = 1\n"),
            edit("crlf.txt", b"one\r\nthree\r\n"),
        ]
        made = workspace.commit(head, edits, message="m", ref=REF)
        diff = workspace.diff(head, made.sha)
        repository.git("rm", "-q", "--cached", "pkg/.gitattributes")
        (repository.folder / "pkg/.gitattributes").unlink()
        (repository.folder / ".git/p").write_text(diff, encoding="utf-8", newline="")
        own = repository.git("diff", "--relative=pkg", "--abbrev=7", "--no-renames", head, made.sha)
        assert diff.strip().replace("\r", "") == own.replace("\r", "")
        repository.git("reset", "-q", "--hard", head)
        repository.git("apply", "--index", "--directory=pkg", ".git/p")
        assert repository.git("write-tree", "--prefix=pkg/") == made.tree

    def test_a_diff_names_what_it_cannot_show(self, workspace: Workspace, head: str) -> None:
        edits = [edit("pixel.png", b"\0"), edit("latin.txt", b"caf\xe9\n")]
        diff = workspace.diff(head, workspace.commit(head, edits, message="m", ref=REF).sha)
        assert "Binary files a/pixel.png and b/pixel.png differ" in diff
        assert "+caf\N{REPLACEMENT CHARACTER}" in diff
        assert workspace.diff(head, head) == ""

    @pytest.mark.parametrize(
        ("ours", "theirs", "merged"),
        [
            (edit("src/model.py", b"x = 2\n"), edit("train.py", b"1\n"), edit("train.py", b"1\n")),
            (edit("train.py", b"1\n"), edit("new/a.py", b"1\n"), edit("new/a.py", b"1\n")),
            (edit("train.py", b"1\n"), edit("src/model.py", None), edit("src/model.py", None)),
            (
                edit("train.py", LINES.replace("line 1", "first").encode()),
                edit("train.py", LINES.replace("line 9", "läst\r").encode()),
                edit("train.py", LINES.replace("line 1", "first").replace("line 9", "läst\r").encode()),
            ),
            (edit("train.py", b""), edit("run.sh", b"exit\n"), edit("run.sh", b"exit\n", EXECUTABLE)),
        ],
        ids=["other file", "new file", "removed file", "other lines", "mode"],
    )
    def test_changes_that_do_not_meet_are_joined(
        self, workspace: Workspace, head: str, ours: Edit, theirs: Edit, merged: Edit
    ) -> None:
        mine = workspace.commit(head, [ours], message="ours", ref="refs/jumar/mar5/1").sha
        other = workspace.commit(head, [theirs], message="theirs", ref="refs/jumar/mar5/2").sha
        assert workspace.merge(head, mine, other) == (merged,)
        joined = workspace.commit(mine, [merged], message="both", ref="refs/jumar/mar5/3").sha
        assert workspace.read(joined, merged.path) == merged.content
        assert workspace.merge(head, joined, other) == ()

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            (edit("train.py", b"1\n"), edit("train.py", b"2\n")),
            (edit("train.py", b"1\n"), edit("train.py", None)),
            (edit("train.py", None), edit("train.py", b"1\n")),
            (edit("new.py", b"1\n"), edit("new.py", b"2\n")),
            (edit("new", b"1\n"), edit("new/a.py", b"2\n")),
            (edit("new/a.py", b"1\n"), edit("new", b"2\n")),
            (edit("pixel.png", b"\x89PNG\0\xfe"), edit("pixel.png", b"\x89PNG\1\xff")),
        ],
    )
    def test_changes_that_meet_are_a_conflict(
        self, workspace: Workspace, head: str, ours: Edit, theirs: Edit
    ) -> None:
        mine = workspace.commit(head, [ours], message="ours", ref="refs/jumar/mar5/1").sha
        other = workspace.commit(head, [theirs], message="theirs", ref="refs/jumar/mar5/2").sha
        assert workspace.merge(head, mine, other) is None

    # The user's own

    def test_nothing_of_the_user_s_is_touched_and_no_program_is_run(
        self, opens: Opens, repository: Repository, tmp_path: Path
    ) -> None:
        mark = tmp_path / "mark"
        repository.write("pkg/train.py", "stashed\n")
        repository.git("stash", "-q")
        repository.write("pkg/src/model.py", "staged\n")
        repository.git("add", "-A")
        repository.write("pkg/train.py", "dirty\r\n")
        repository.write("pkg/untracked.py", "")
        for key, value in {
            "core.autocrlf": "true",
            "core.fsmonitor": f"echo fsmonitor >> {mark}; false",
            "filter.lfs.clean": f"echo clean >> {mark}; cat",
            "filter.lfs.smudge": f"echo smudge >> {mark}; cat",
            "diff.lfs.textconv": f"echo textconv >> {mark}; cat",
            "merge.union.driver": f"echo merge >> {mark}",
            "core.logAllRefUpdates": "always",
        }.items():
            repository.git("config", key, value)
        repository.add_hooks(mark)
        head = repository.git("rev-parse", "HEAD")
        mark.unlink(missing_ok=True)
        before = repository.state()
        workspace = opens(repository.folder / "pkg")
        with pytest.raises(TargetUnfit):
            workspace.pin(["**"], include_dirty=False)
        pinned = workspace.pin(["*.py", "src", "weights.bin"], include_dirty=True)
        made = workspace.commit(pinned, [edit("weights.bin", b"x"), edit("a.py", b"")], message="m", ref=REF)
        workspace.point(BRANCH, pinned, old=None)
        workspace.point(BRANCH, made.sha, old=pinned)
        workspace.materialise(made.sha, tmp_path / "out")
        assert workspace.diff(head, made.sha)
        assert workspace.merge(pinned, head, made.sha) is not None
        changed = {path for path, was in before.items() if repository.state().get(path) != was}
        added = repository.state().keys() - before.keys()
        assert changed == set()
        assert [path for path in added if "logs/refs/jumar/" not in path] == []
        assert not mark.exists()
