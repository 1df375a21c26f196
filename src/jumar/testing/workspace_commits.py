"""The part of the workspaces' exam that is about commits and the refs that keep them."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import EXECUTABLE, LINK, SUBMODULE, Workspace
from jumar.errors import Breach, LedgerConflict, TargetUnfit, Usage
from jumar.testing.repository import Repository
from jumar.testing.workspace_case import BRANCH, REF, Opens, WorkspaceCase, edit


class CommitExam(WorkspaceCase):
    """Edits become commits, stay reachable, and refs move only by compare-and-swap."""

    # Commits

    def test_an_edit_becomes_a_commit_and_nothing_else_changes(
        self, workspace: Workspace, head: str, repository: Repository
    ) -> None:
        content = b"\r\n\0\xff$Id$ \n\r no end of line"
        made = workspace.commit(head, [edit("train.py", content)], message="bolder\n\nwhy", ref=REF)
        assert workspace.read(made.sha, "train.py") == content
        assert workspace.resolve(REF) == made.sha
        assert repository.git("diff", "--name-only", head, made.sha) == "pkg/train.py"
        assert repository.git("log", "-1", "--format=%P %an <%ae> %cn %B", made.sha).split("\n")[0] == (
            f"{head} Jumar <jumar@localhost> Jumar bolder"
        )
        assert repository.git("fsck", "--strict", "--no-dangling") == ""

    def test_files_come_with_their_folders_and_the_last_one_takes_its_folder_away(
        self, workspace: Workspace, head: str
    ) -> None:
        edits = [edit("new/deep/a.py", b"1"), edit("src/model.py", None), edit("b.py", b"")]
        made = workspace.commit(head, edits, message="m", ref=REF)
        before, after = workspace.files(head), workspace.files(made.sha)
        assert after.keys() - before.keys() == {"new/deep/a.py", "b.py"}
        assert before.keys() - after.keys() == {"src/model.py"}
        back = workspace.commit(made.sha, [edit("src/model.py", b"x = 1\n")], message="m", ref=REF)
        assert workspace.files(back.sha)["src/model.py"] == before["src/model.py"]

    def test_equal_folders_have_equal_trees(self, workspace: Workspace, head: str) -> None:
        one = workspace.commit(head, [edit("train.py", b"1")], message="one", ref="refs/jumar/mar5/1")
        two = workspace.commit(head, [edit("train.py", b"2")], message="two", ref="refs/jumar/mar5/2")
        again = workspace.commit(two.sha, [edit("train.py", b"1")], message="three", ref="refs/jumar/mar5/3")
        assert one.tree == again.tree != two.tree
        assert one.sha != again.sha

    def test_an_empty_edit_and_an_emptied_folder_are_commits_too(
        self, workspace: Workspace, head: str
    ) -> None:
        same = workspace.commit(head, [], message="nothing", ref="refs/jumar/mar5/1")
        assert workspace.files(same.sha) == workspace.files(head)
        nothing = [edit(path, None) for path in workspace.files(head)]
        empty = workspace.commit(head, nothing, message="all gone", ref="refs/jumar/mar5/2")
        assert workspace.files(empty.sha) == {}

    def test_a_file_keeps_its_mode(self, workspace: Workspace, head: str) -> None:
        made = workspace.commit(head, [edit("run.sh", b"#!/bin/sh\nexit\n")], message="m", ref=REF)
        assert workspace.files(made.sha)["run.sh"].mode == EXECUTABLE
        assert workspace.files(made.sha)["train.py"].mode == REGULAR

    @pytest.mark.parametrize(
        "wrong",
        [
            edit("link", b"/etc/passwd", LINK),
            edit("train.py", b"", EXECUTABLE),
            edit("sub", b"0" * 40, SUBMODULE),
            edit("src", b"a file in place of a folder"),
            edit("train.py/x.py", b"a folder in place of a file"),
        ],
        ids=lambda wrong: wrong.path,
    )
    def test_only_contents_of_files_are_committed(self, workspace: Workspace, head: str, wrong: Edit) -> None:
        with pytest.raises(Breach):
            workspace.commit(head, [wrong], message="m", ref=REF)
        assert workspace.resolve(REF) is None

    @pytest.mark.parametrize(
        "ref",
        ["refs/heads/main", "HEAD", "refs/jumar/../heads/main", "refs/jumar/a b", "refs/jumar/x.lock", ""],
    )
    def test_no_ref_but_its_own_is_written(
        self, workspace: Workspace, head: str, repository: Repository, ref: str
    ) -> None:
        refs = repository.git("for-each-ref")
        with pytest.raises(Usage):
            workspace.commit(head, [edit("train.py", b"1")], message="m", ref=ref)
        with pytest.raises(Usage):
            workspace.point(ref, head, old=None)
        assert repository.git("for-each-ref") == refs

    def test_nothing_that_was_committed_is_lost_to_garbage_collection(
        self, workspace: Workspace, head: str, repository: Repository, opens: Opens
    ) -> None:
        repository.write("pkg/train.py", "dirty\n")
        snapshot = workspace.pin(["train.py"], include_dirty=True)
        made = [
            workspace.commit(snapshot, [edit("train.py", b"%d" % number)], message="m", ref=REF).sha
            for number in range(3)
        ]
        repository.git("checkout", "-q", "--", ".")
        repository.git("reflog", "expire", "--expire=now", "--all")
        repository.git("gc", "-q", "--prune=now")
        for reader in (workspace, opens(repository.folder / "pkg")):
            assert [reader.read(sha, "train.py") for sha in made] == [b"0", b"1", b"2"]
            assert reader.read(snapshot, "train.py") == b"dirty\n"
        after = workspace.commit(made[-1], [edit("train.py", b"3")], message="m", ref=REF)
        assert workspace.resolve(REF) == after.sha

    # Refs

    def test_a_ref_moves_only_from_where_it_is_believed_to_be(self, workspace: Workspace, head: str) -> None:
        new = workspace.commit(head, [edit("train.py", b"1")], message="m", ref=REF).sha
        with pytest.raises(LedgerConflict):
            workspace.point(BRANCH, new, old=head)
        assert workspace.resolve(BRANCH) is None
        workspace.point(BRANCH, head, old=None)
        for old in (None, new):
            with pytest.raises(LedgerConflict):
                workspace.point(BRANCH, new, old=old)
        assert workspace.resolve(BRANCH) == head
        workspace.point(BRANCH, new, old=head)
        assert workspace.resolve(BRANCH) == new

    def test_of_two_processes_that_move_a_ref_none_loses_the_other_s_move(
        self, opens: Opens, workspace: Workspace, head: str, repository: Repository
    ) -> None:
        workspace.point(BRANCH, head, old=None)
        context = multiprocessing.get_context("spawn")
        folder, together = repository.folder / "pkg", context.Barrier(2)
        movers = [
            context.Process(target=_move_often, args=(opens, folder, who, together)) for who in ("a", "b")
        ]
        for mover in movers:
            mover.start()
        for mover in movers:
            mover.join(60)
        assert [mover.exitcode for mover in movers] == [0, 0]
        authors = repository.git("log", "--format=%s", f"{head}..{BRANCH}").split()
        assert sorted(authors) == ["a"] * MOVES + ["b"] * MOVES

    def test_a_branch_that_is_checked_out_is_not_moved(
        self, workspace: Workspace, head: str, repository: Repository, tmp_path: Path
    ) -> None:
        new = workspace.commit(head, [edit("train.py", b"1")], message="m", ref=REF).sha
        workspace.point(BRANCH, head, old=None)
        repository.git("worktree", "add", "-q", str(tmp_path / "elsewhere"), "jumar/mar5")
        with pytest.raises(TargetUnfit, match=r"jumar/mar5 is checked out"):
            workspace.point(BRANCH, new, old=head)
        repository.git("worktree", "remove", str(tmp_path / "elsewhere"))
        repository.git("checkout", "-q", "jumar/mar5")
        with pytest.raises(TargetUnfit, match=r"checkout --detach"):
            workspace.point(BRANCH, new, old=head)
        assert repository.git("rev-parse", "HEAD") == head
        repository.git("checkout", "-q", "--detach")
        workspace.point(BRANCH, new, old=head)
        assert repository.git("rev-parse", "HEAD") == head

    def test_a_branch_of_the_user_s_that_is_in_the_way_is_named(
        self, workspace: Workspace, head: str, repository: Repository
    ) -> None:
        repository.git("branch", "jumar")
        repository.git("pack-refs", "--all")
        with pytest.raises(TargetUnfit, match=r"refs/heads/jumar is in the way"):
            workspace.point(BRANCH, head, old=None)


MOVES = 40


def _move_often(opens: Opens, folder: Path, who: str, together: Barrier) -> None:
    """Put so many commits on the branch, each on top of whatever is there by then."""
    workspace = opens(folder)
    together.wait(60)
    for number in range(MOVES):
        while True:
            now = workspace.resolve(BRANCH)
            assert now is not None
            ref = f"refs/jumar/{who}/{number}"
            new = workspace.commit(now, [edit(f"{who}.py", b"%d" % number)], message=who, ref=ref).sha
            try:
                workspace.point(BRANCH, new, old=now)
                break
            except LedgerConflict:
                continue
