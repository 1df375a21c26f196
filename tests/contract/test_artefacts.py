"""The promises of artefacts, over the folder that keeps them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from jumar.errors import LedgerUnfit
from jumar.ledgers.artefacts import FolderArtefacts


@pytest.fixture
def artefacts(tmp_path: Path) -> FolderArtefacts:
    return FolderArtefacts(tmp_path / "artefacts")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"step 1 loss 2.9\n" * 1000, os.urandom(1000)])
def test_what_is_put_comes_back(artefacts: FolderArtefacts, content: bytes) -> None:
    digest = artefacts.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert artefacts.get(digest) == content


def test_the_same_content_is_kept_once_and_small(artefacts: FolderArtefacts, tmp_path: Path) -> None:
    content = b"step 1 loss 2.9\n" * 1000
    assert artefacts.put(content) == artefacts.put(content)
    (file,) = files(tmp_path)
    assert file.stat().st_size < len(content) / 10


@pytest.mark.parametrize("damage", [b"", b"not zlib at all", None], ids=["empty", "garbage", "gone"])
def test_a_damaged_artefact_is_refused_until_it_is_put_again(
    artefacts: FolderArtefacts, tmp_path: Path, damage: bytes | None
) -> None:
    digest = artefacts.put(b"a log")
    (file,) = files(tmp_path)
    file.write_bytes(damage) if damage is not None else file.unlink()
    with pytest.raises(LedgerUnfit, match=f"{digest[:12]}.*restore {file}"):
        artefacts.get(digest)
    artefacts.put(b"a log")
    assert artefacts.get(digest) == b"a log"


def test_another_content_in_its_place_is_refused(artefacts: FolderArtefacts, tmp_path: Path) -> None:
    digest = artefacts.put(b"a log")
    (file,) = files(tmp_path)
    other = FolderArtefacts(tmp_path / "other")
    other.put(b"a better log")
    file.write_bytes(files(tmp_path / "other")[0].read_bytes())
    with pytest.raises(LedgerUnfit, match="no longer says what was written"):
        artefacts.get(digest)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_what_is_no_digest_reads_no_file(artefacts: FolderArtefacts, name: str) -> None:
    with pytest.raises(LedgerUnfit, match="no digest"):
        artefacts.get(name)


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnfit, match="cannot be written below"):
        FolderArtefacts(tmp_path / "file").put(b"x")
