"""The workspace on git's own objects: commits are made and read without any work tree.

Promised beside the protocol: what it commits stays reachable from refs/jumar, so no garbage
collection takes it; it survives a power cut (objects and refs are synced before a call returns);
hooks, filters and the user's identity are never used. A workspace is for one thread; open another for
another. Not stopped: somebody who rewrites refs/jumar.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import Option

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import EXECUTABLE, Committed, TreeFile
from jumar.errors import Breach, TargetUnfit
from jumar.workspaces import parcels, refs
from jumar.workspaces.checkout import Checkout, listed
from jumar.workspaces.durable import make_durable, shared_folder
from jumar.workspaces.folder import write_folder
from jumar.workspaces.leftovers import Garbage, release
from jumar.workspaces.objects import Placed, content_of, list_files, translated, tree_of, write_tree
from jumar.workspaces.patches import merge_files, unified_diff

AUTHOR = ("Jumar", "jumar@localhost")
SNAPSHOTS = refs.OWN + "snapshots/"
MOST_UNSYNCED = 64  # commits that may become the champion next; more are never under way
# libgit2 would keep up to 256 MiB of parsed objects; the trees and commits of a study need few.
_MOST_CACHED_BYTES = 16 << 20

# What libgit2 says of repositories it does not open → what to do.
_CURES = {
    "not owned by current user": "git config --global --add safe.directory {root}",
    "partialclone": "work in a full clone: clone it without --filter",
    "refstorage": "git refs migrate --ref-format=files",
    "object format": "work in a SHA-1 repository",
}


Keep = Callable[[str, bytes], None]


def open_workspace(
    folder: Path, *, now: Callable[[], float] = time.time, keep: Keep | None = None
) -> GitWorkspace:
    """The workspace of the target in `folder`, which may lie deep inside a repository.

    `keep` is given each commit that is made, as a parcel for other clones.

    Raises TargetUnfit where there is no repository, none with a work tree, no commit yet, or one
    that git itself would not trust.
    """
    pygit2.option(Option.SET_CACHE_MAX_SIZE, _MOST_CACHED_BYTES)
    folder = folder.resolve()
    repo = _open(folder)
    if repo.is_bare:
        raise TargetUnfit(f"{repo.path} is a bare repository", fix="work in a clone of it")
    inside = os.path.relpath(folder, Path(repo.workdir).resolve())
    prefix = () if inside == "." else tuple(inside.split("/"))
    if ".." in prefix or folder.is_relative_to(repo.path):
        raise TargetUnfit(f"{folder} is not in the work tree of {repo.path}", fix="name the target's folder")
    if repo.head_is_unborn:
        raise TargetUnfit(
            f"the repository of {folder} has no commit yet", fix="git add -A && git commit -m 'first commit'"
        )
    repo.set_ident(*AUTHOR)
    return GitWorkspace(repo, prefix, now, keep)


def _open(folder: Path) -> pygit2.Repository:
    try:
        found = pygit2.discover_repository(str(folder))
        if found is not None:
            return pygit2.Repository(found)
    except (pygit2.GitError, KeyError) as error:
        cure = next((cure for words, cure in _CURES.items() if words in str(error)), "see `git status` there")
        raise TargetUnfit(
            f"the git repository of {folder} cannot be opened: {error}", fix=cure.format(root=_root(folder))
        ) from error
    raise TargetUnfit(
        f"{folder} is not in a git repository", fix="git init && git add -A && git commit -m 'first commit'"
    )


def _root(folder: Path) -> Path:
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


class GitWorkspace:
    """Implements core.workspace.Workspace; made by `open_workspace`."""

    def __init__(
        self,
        repo: pygit2.Repository,
        prefix: tuple[str, ...],
        now: Callable[[], float],
        keep: Keep | None = None,
    ) -> None:
        self._repo = repo
        self._prefix = prefix
        self._now = now
        self._keep = keep
        self._unsynced: dict[str, tuple[pygit2.Oid, ...]] = {}

    def pin(self, paths: Sequence[str], *, include_dirty: bool) -> str:
        with translated("cannot compare the work tree with HEAD"):
            head = self._repo.head.peel(pygit2.Commit)
            checkout = Checkout(self._repo, self._prefix)
            changes = checkout.changes(self.files(str(head.id)), paths)
            if not changes:
                return str(head.id)
            if not include_dirty:
                raise TargetUnfit(
                    f"not as committed: {listed(changes)}",
                    fix="commit (git add, git commit), or start from the files as they are: --include-dirty",
                )
            placed = checkout.snapshot(changes)
            # Dated as HEAD is, so that the same files give the same commit however often they are pinned.
            words = "Jumar: the work tree as it was"
            sha = self._write(str(head.id), placed, words, head.commit_time).sha
            self._sync(sha, SNAPSHOTS + sha)
            return sha

    @property
    def places(self) -> tuple[Path, ...]:
        """Every folder with what git knows of this repository, what runs may not see included."""
        objects = shared_folder(self._repo) / "objects"
        alternates = objects / "info" / "alternates"
        borrowed = alternates.read_text(encoding="utf-8").splitlines() if alternates.exists() else []
        places = (Path(self._repo.path), objects.parent, *(objects / line for line in borrowed))
        return tuple(dict.fromkeys(place.resolve() for place in places))

    @property
    def repository(self) -> tuple[pygit2.Repository, tuple[str, ...]]:
        """The repository, and the names of the folders on the way to the target's."""
        return self._repo, self._prefix

    def files(self, commit: str) -> Mapping[str, TreeFile]:
        with translated(f"cannot read commit {commit}"):
            tree = tree_of(self._repo, commit, self._prefix)
            return dict(list_files(self._repo, tree)) if tree is not None else {}

    def read(self, commit: str, path: str) -> bytes | None:
        with translated(f"cannot read {path!a} of commit {commit}"):
            file = self._find(commit, path)
            if file is None or file.mode not in (REGULAR, EXECUTABLE):
                return None
            return content_of(self._repo, file.blob)

    def commit(self, parent: str, edits: Sequence[Edit], *, message: str, ref: str) -> Committed:
        refs.check_ref(ref)
        with translated("cannot commit"):
            placed = {edit.path: self._place(parent, edit) for edit in edits}
            return self._write(parent, placed, message, int(self._now()), ref)

    def materialise(self, commit: str, folder: Path, *, without: Sequence[str] = ()) -> None:
        with translated(f"cannot write commit {commit} into {folder}"):
            tree = tree_of(self._repo, commit, self._prefix)
            if tree is None:
                where = "/".join(self._prefix)
                raise TargetUnfit(f"commit {commit} has no folder {where}", fix="commit the target")
            write_folder(self._repo, tree, folder, without)

    def point(self, ref: str, new: str, *, old: str | None) -> None:
        refs.check_ref(ref)
        with translated(f"cannot move {ref}"):
            if old is not None:  # the first is the user's own commit
                self._sync(new, ref)
            refs.swap(self._repo, ref, new, old=old)

    def drop(self, ref: str) -> None:
        """Remove a ref of ours; git forgets in time what nothing else keeps."""
        refs.check_ref(ref)
        with translated(f"cannot remove {ref}"):
            refs.drop(self._repo, ref)

    def resolve(self, ref: str) -> str | None:
        with translated(f"cannot read {ref!a}"):
            return refs.resolve(self._repo, ref)

    @contextmanager
    def held(self, study: str) -> Iterator[None]:
        """Clear away what a killed controller left of its work on a study, which the caller holds."""
        shared = shared_folder(self._repo)
        with translated(f"cannot take up the refs of study {study}"):
            release(shared, refs.OWN + study, refs.BRANCHES + study)
            garbage = Garbage(shared)
        try:
            yield
        finally:
            garbage.remove()

    def bring(self, base: str, commits: Mapping[str, str], fetch: parcels.Fetch) -> None:
        """Have commits that another clone made: see `parcels.bring`."""
        with translated("cannot take over commits"):
            parcels.bring(self._repo, base, commits, fetch)

    def diff(self, old: str, new: str) -> str:
        with translated(f"cannot compare {old} with {new}"):
            return unified_diff(self._repo, self.files(old), self.files(new))

    def merge(self, base: str, ours: str, theirs: str) -> tuple[Edit, ...] | None:
        with translated(f"cannot merge {theirs} into {ours}"):
            return merge_files(self._repo, self.files(base), self.files(ours), self.files(theirs))

    def _sync(self, commit: str, ref: str) -> None:
        """Have a commit on the disk before a branch says that it is what was gained.

        Only such commits: a sync per experiment costs 3 to 9 ms, and what a power cut takes of
        the discarded ones is as much as git itself would lose.
        """
        objects = self._unsynced.pop(commit, None)
        if objects is None:  # made by an earlier process
            os.sync()
        else:
            make_durable(self._repo, objects, ref)

    def _find(self, commit: str, path: str) -> TreeFile | None:
        try:
            path.encode()
        except UnicodeEncodeError:  # a name that is not UTF-8: git's trees are not searched by such
            return self.files(commit).get(path)
        tree = tree_of(self._repo, commit, self._prefix)
        if tree is None or not path or path not in tree:
            return None
        entry = tree[path]
        return TreeFile(mode=int(entry.filemode), blob=str(entry.id))

    def _place(self, parent: str, edit: Edit) -> Placed | None:
        """What an edit puts in its place. The mode of a file that exists is kept."""
        before = self._find(parent, edit.path)
        mode = before.mode if before is not None else REGULAR
        if edit.mode not in (REGULAR, mode) or mode not in (REGULAR, EXECUTABLE):
            raise Breach(
                f"{edit.path} is not an ordinary file, or would no longer be one",
                fix="change the contents of ordinary files only",
                code="mode-change",
            )
        return None if edit.content is None else Placed(mode, self._repo.create_blob(edit.content))

    def _write(
        self, parent: str, placed: Mapping[str, Placed | None], message: str, at_s: int, ref: str = ""
    ) -> Committed:
        """Commit `placed` on top of `parent`, and keep it by `ref` (or as a snapshot)."""
        repo, above = self._repo, self._repo[parent]
        changes = {(*self._prefix, *path.split("/")): what for path, what in placed.items()}
        written = [what.blob for what in placed.values() if what is not None]
        tree = write_tree(repo, above.peel(pygit2.Tree), changes, written) or repo.TreeBuilder().write()
        signature = pygit2.Signature(*AUTHOR, at_s, 0)
        commit = repo.create_commit(None, signature, signature, message, tree, [above.id])
        sha = str(commit)
        refs.keep(repo, ref or SNAPSHOTS + sha, sha)
        self._unsynced[sha] = (*written, tree, commit)
        if self._keep is not None:
            self._keep(sha, parcels.packed(repo, self._unsynced[sha]))
        if len(self._unsynced) > MOST_UNSYNCED:
            del self._unsynced[next(iter(self._unsynced))]
        inside = tree_of(repo, sha, self._prefix)
        return Committed(sha=sha, tree=str(inside.id if inside is not None else repo.TreeBuilder().write()))
