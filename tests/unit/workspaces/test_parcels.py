"""Commits that come from another clone, and what is made of damaged ones."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pygit2
import pytest

from jumar.errors import TargetUnfit
from jumar.workspaces.parcels import bring

DAMAGED = (b"", b"no parcel", msgspec.msgpack.encode([(99, b"?")]), msgspec.msgpack.encode([(1 << 60, b"?")]))


@pytest.mark.parametrize("parcel", DAMAGED)
def test_a_damaged_parcel_is_a_missing_commit(tmp_path: Path, parcel: bytes) -> None:
    repo = pygit2.init_repository(str(tmp_path), bare=True)
    sha = "1" * 40
    with pytest.raises(TargetUnfit, match="lacks commit 1111111111"):
        bring(repo, sha, {"refs/jumar/tiny/1": sha}, lambda shas: {each: parcel for each in shas})
