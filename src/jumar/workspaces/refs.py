"""Moves refs by compare-and-swap, under git's own lock files and without running its hooks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pygit2

from jumar.errors import EnvironmentUnfit, LedgerConflict, TargetUnfit, Usage
from jumar.workspaces.durable import make_durable, shared_folder
from jumar.workspaces.leftovers import POLL_S, Watched

OWN = "refs/jumar/"
BRANCHES = "refs/heads/jumar/"
DISPLACED = "refs/jumar/displaced/"
GIVE_UP_S = 30.0
# How libgit2 says that another process has the lock: seen before it tried, or when it tried.
_TAKEN = ("failed to lock file", ".lock': File exists")


def check_ref(ref: str) -> None:
    """Raise Usage for a ref that is not ours to write, or no name that git takes."""
    if not ref.startswith((OWN, BRANCHES)) or not pygit2.reference_is_valid_name(ref):
        raise Usage(
            f"{ref!a} is not a ref that Jumar writes",
            fix=f"use a name that git accepts, under {OWN} or {BRANCHES}",
        )


def resolve(repo: pygit2.Repository, ref: str) -> str | None:
    """The commit that `ref` points at, or None where there is no such ref."""
    found = repo.references.get(ref)
    return str(found.peel(pygit2.Commit).id) if found is not None else None


def swap(repo: pygit2.Repository, ref: str, new: str, *, old: str | None) -> None:
    """Move `ref` from `old` (None: it must not exist) to `new`; atomic between processes.

    Raises LedgerConflict when it is elsewhere, TargetUnfit when it is checked out or another ref
    is in the way.
    """
    _check_free(repo, ref)
    with _locked(repo, ref) as transaction:
        now = resolve(repo, ref)
        if now != old:
            raise LedgerConflict(
                f"{ref} is at {now or 'nothing'}, not at {old or 'nothing'}: someone else moved it",
                fix="run again; if this repeats, see who else writes this ref: git reflog show " + ref,
            )
        transaction.set_target(ref, new, message="jumar: moved")
    make_durable(repo, (), ref)


def keep(repo: pygit2.Repository, ref: str, new: str) -> None:
    """Make `ref` keep `new`, not yet durably. What it kept before stays kept, under refs/jumar/displaced."""
    before = repo.references.get(ref)
    if before is None:
        _check_free(repo, ref)
    elif str(before.target) != new:
        keep(repo, DISPLACED + str(before.target), str(before.target))
    with _locked(repo, ref) as transaction:
        transaction.set_target(ref, new, message="jumar: kept")


def drop(repo: pygit2.Repository, ref: str) -> None:
    """Let go of what `ref` keeps; one that is not there is gone already."""
    if ref in repo.references:
        repo.references.delete(ref)


def _check_free(repo: pygit2.Repository, ref: str) -> None:
    names = ref.split("/")
    for depth in range(3, len(names)):
        above = "/".join(names[:depth])
        if above in repo.references:
            raise TargetUnfit(
                f"{above} is in the way: git cannot have {ref} beside it",
                fix=f"give it another name, or drop it: git update-ref -d {above}",
            )
    branch = repo.branches.local.get(ref.removeprefix("refs/heads/")) if ref.startswith(BRANCHES) else None
    if branch is not None and branch.is_checked_out():
        raise TargetUnfit(
            f"the branch {branch.branch_name} is checked out, so moving it would change a work tree's HEAD",
            fix="check out something else there; to look at it in peace: git checkout --detach",
        )


@contextmanager
def _locked(repo: pygit2.Repository, ref: str) -> Iterator[pygit2.ReferenceTransaction]:
    """A transaction that holds git's lock on `ref`; committed on leaving, unless something was raised."""
    deadline_s = time.monotonic() + GIVE_UP_S
    watched = Watched(shared_folder(repo) / f"{ref}.lock")
    while True:
        transaction = repo.transaction()
        try:
            transaction.lock_ref(ref)
            break
        except pygit2.GitError as error:
            if not any(words in str(error) for words in _TAKEN):
                raise
            if time.monotonic() > deadline_s:
                raise EnvironmentUnfit(
                    f"{watched.lock} does not go away", fix=f"remove it: rm {watched.lock}"
                ) from error
            if watched.is_there():
                time.sleep(POLL_S)
    with transaction:
        yield transaction
