"""Folders that travel: what arrives is what was sent, and what is there already stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jumar.executors import freight
from jumar.executors.freight import MOST_IDLE, Depot, Packer, gather, outline, spread


@pytest.fixture
def packer() -> Packer[bytes]:
    return Packer(lambda crate: crate)


def tree(place: Path, **files: str) -> Path:
    for name, content in {"train.py": "x = 1\n", "prepare.py": "y = 2\n", **files}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    return place


def contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_folder_arrives_as_it_was(tmp_path: Path, packer: Packer[bytes]) -> None:
    sent = tree(tmp_path / "sent")
    (sent / "empty" / "folder").mkdir(parents=True)
    (sent / "run.sh").write_text("#!/bin/sh\n")
    (sent / "run.sh").chmod(0o755)
    (sent / "link").symlink_to("train.py")
    (sent / "nothing").touch()
    got = tmp_path / "got"
    Depot(tmp_path / "depot").build(packer.pack(sent), got, packer.crates.__getitem__)
    assert contents(got) == contents(sent)
    assert (got / "empty" / "folder").is_dir() and (got / "link").readlink() == Path("train.py")
    assert (got / "run.sh").stat().st_mode & 0o111 and not (got / "train.py").stat().st_mode & 0o111


def test_only_what_is_not_there_travels(tmp_path: Path, packer: Packer[bytes]) -> None:
    depot, asked_for = Depot(tmp_path / "depot"), []

    def fetch(number: int) -> bytes:
        asked_for.append(number)
        return packer.crates[number]

    for number, content in enumerate(("x = 1\n", "x = 2\n", "x = 1\n")):
        sent = tree(tmp_path / f"sent{number}", **{"train.py": content})
        depot.build(packer.pack(sent), tmp_path / f"got{number}", fetch)
        assert contents(tmp_path / f"got{number}") == contents(sent)
    assert asked_for == [0, 1] and len(packer.crates) == 2
    assert len(packer.crates[1]) < len(packer.crates[0]), "the file that did not change stayed at home"


def test_large_files_travel_in_parts(
    tmp_path: Path, packer: Packer[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freight, "PART_BYTES", 1000)
    sent = tree(tmp_path / "sent", large="".join(str(n) for n in range(2000)))
    Depot(tmp_path / "depot").build(packer.pack(sent), tmp_path / "got", packer.crates.__getitem__)
    assert contents(tmp_path / "got") == contents(sent) and len(packer.crates) > 3


def test_what_runs_share_is_made_once_and_a_file_can_travel_alone(
    tmp_path: Path, packer: Packer[bytes]
) -> None:
    sent, depot = tree(tmp_path / "sent"), Depot(tmp_path / "depot")
    there = depot.shared(packer.pack(sent, stands=True), packer.crates.__getitem__)
    (sent / "train.py").write_text("x = 3\n")
    again = Depot(tmp_path / "depot").shared(packer.pack(sent, stands=True), packer.crates.__getitem__)
    assert again == there and (there / "train.py").read_text() == "x = 1\n"
    alone = depot.shared(packer.pack(sent / "train.py"), packer.crates.__getitem__)
    assert alone.read_text() == "x = 3\n"


def test_what_a_run_left_comes_back_but_for_what_is_neither_file_nor_folder(tmp_path: Path) -> None:
    out = tree(tmp_path / "out", **{"below/curve.jsonl": "{}\n"})
    (out / "passwd").symlink_to("/etc/passwd")
    (out / "etc").symlink_to("/etc")
    spread(gather(out), tmp_path / "back")
    assert set(contents(tmp_path / "back")) == {"train.py", "prepare.py", "below/curve.jsonl"}
    assert not (tmp_path / "back" / "etc").exists()


def test_an_outline_tells_other_files_apart(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one"), tree(tmp_path / "other")
    assert outline(one) == outline(other)
    (other / "more").write_text("!")
    assert outline(one) != outline(other)


def test_crates_that_are_in_nothing_any_more_are_let_go_of(tmp_path: Path) -> None:
    packer: Packer[bytes] = Packer(lambda crate: crate)
    standing, left = tmp_path / "data", tmp_path / "out"
    for folder in (standing, left):
        folder.mkdir()
    (standing / "data").write_text("data")
    packer.pack(standing, stands=True)
    for n in range(3 * MOST_IDLE):
        (left / "model").write_text(str(n))
        last = packer.pack(left)
    assert len(packer.crates) == MOST_IDLE + 2
    for each in (packer.pack(standing, stands=True), last):
        assert set(each.crates.values()) <= set(packer.crates)
    (left / "model").write_text("0")
    Depot(tmp_path / "depot").build(packer.pack(left), tmp_path / "got", packer.crates.__getitem__)
    assert (tmp_path / "got" / "model").read_text() == "0", "what was let go of is sent anew"


def test_names_need_not_be_text(tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.mkdir()
    with open(os.path.join(os.fsencode(sent), b"caf\xe9"), "w") as file:
        file.write("x")
    packer: Packer[bytes] = Packer(lambda crate: crate)
    depot = Depot(tmp_path / "depot")
    there = depot.shared(packer.pack(sent), packer.crates.__getitem__)
    assert os.listdir(os.fsencode(there)) == [b"caf\xe9"] and outline(there) == outline(sent)
