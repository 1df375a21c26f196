"""Parcels: what a commit brought along, as bytes, for clones of the same repository that lack it.

Nothing in a parcel is believed: git names every object by what it says, so a clone has the very commit
that the record names, or it does not have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec
import pygit2

from jumar.errors import CommitLost
from jumar.workspaces import refs

Fetch = Callable[
    [Sequence[str]], Mapping[str, bytes]
]  #: the parcels of some commits, as far as there are any
AT_ONCE = 64  # parcels in memory

_shape = msgspec.msgpack.Decoder(list[tuple[int, bytes]])


def packed(repo: pygit2.Repository, objects: Iterable[pygit2.Oid]) -> bytes:
    """These objects, whole."""
    return msgspec.msgpack.encode([repo.odb.read(oid)[:2] for oid in objects])


def bring(repo: pygit2.Repository, base: str, commits: Mapping[str, str], fetch: Fetch) -> None:
    """Have every one of `commits` (by the ref that keeps each), whose history begins at `base`.

    Raises CommitLost for one that is neither here nor among the parcels.
    """
    wanted = [sha for sha in dict.fromkeys([base, *commits.values()]) if sha not in repo]
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        for parcel in fetch(some).values():
            # One that was damaged brings nothing, and then its commit is missing.
            with suppress(msgspec.DecodeError, pygit2.GitError, ValueError, OverflowError):
                for kind, content in _shape.decode(parcel):
                    repo.odb.write(kind, content)
    for sha in (base, *commits.values()):
        if sha not in repo:
            raise CommitLost(
                f"this clone lacks commit {sha[:10]}, on which the study stands",
                fix="fetch it from the clone that has it: git fetch REMOTE, with the branch it is on",
            )
    for ref, sha in commits.items():
        if refs.resolve(repo, ref) != sha:
            refs.keep(repo, ref, sha)
