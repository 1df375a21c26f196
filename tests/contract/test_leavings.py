"""What a run leaves is measured and made safe to read, however odd it is."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import time
from pathlib import Path

import pytest

from jumar.sandboxes import leavings
from jumar.sandboxes.leavings import Census, files, nameless, settle


def test_files_and_folders_become_readable_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(bytes(10_000))
    (tmp_path / "a" / "b" / "file").chmod(0o4000)
    (tmp_path / "a").chmod(0o700)
    total = settle(tmp_path)
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert total == 3 * (16 << 10)  # two folders and a file, each less than an entry costs
    assert sum(files(tmp_path)) == total


def test_what_could_block_a_reader_is_removed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    settle(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_further_name_of_a_file_elsewhere_is_removed_and_the_file_left_alone(tmp_path: Path) -> None:
    secret, out = tmp_path / "secret", tmp_path / "out"
    out.mkdir()
    secret.write_text("kept")
    secret.chmod(0o600)
    os.link(secret, out / "stolen")
    settle(out)
    assert list(out.iterdir()) == []
    assert secret.stat().st_mode & 0o777 == 0o600


def test_links_that_lead_anywhere_else_are_removed_and_never_followed(tmp_path: Path) -> None:
    other, out = tmp_path / "other", tmp_path / "out"
    (out / "deeper").mkdir(parents=True)
    other.mkdir()
    other.chmod(0o700)
    (other / "secret").touch()
    (out / "step-300").write_text("weights")
    for name, end in {
        "folder": str(other),
        "stolen": str(other / "secret"),
        "up": "../other/secret",
        "chain": "stolen",
        "absent": "nothing",
        "deeper/up": "../step-300",
        "self": ".",
        "latest": "step-300",
    }.items():
        (out / name).symlink_to(end)
    settle(out)
    assert [path.name for path in out.rglob("*") if path.is_symlink()] == ["latest"]
    assert (out / "latest").read_text() == "weights"
    assert other.stat().st_mode & 0o777 == 0o700


def test_folders_too_deep_to_walk_are_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    here = os.open(out, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    settle(out)
    assert max(len(Path(folder).relative_to(out).parts) for folder, _, _ in os.walk(out)) < 70
    shutil.rmtree(out)


@pytest.mark.parametrize("mode", [0o300, 0o000], ids=oct)
def test_a_folder_that_its_maker_closed_is_counted(tmp_path: Path, mode: int) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    (closed / "inner" / "file").write_bytes(bytes(100_000))
    (closed / "inner").chmod(mode)
    closed.chmod(mode)
    assert sum(files(tmp_path)) > 100_000


def test_what_a_link_leads_to_is_neither_counted_nor_opened(tmp_path: Path) -> None:
    other, out = tmp_path / "other", tmp_path / "out"
    out.mkdir()
    other.mkdir()
    (other / "file").write_bytes(bytes(100_000))
    other.chmod(0)
    (out / "link").symlink_to(other)
    assert sum(files(out)) < 50_000
    assert other.stat().st_mode & 0o777 == 0
    other.chmod(0o700)


def test_what_is_nested_too_deeply_to_walk_is_more_than_any_cap(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * 70)).mkdir(parents=True)
    assert sum(files(tmp_path)) > 1 << 50


def test_a_count_goes_on_where_the_last_look_left_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leavings, "_PERIOD_S", 0.0)
    monkeypatch.setattr(leavings, "_MOMENT_S", -1.0)  # over with the first thing found
    costs = iter([3, 4, 5])
    census = Census(lambda: costs)
    assert [census.look() for _ in range(3)] == [3, 7, 12]
    assert census.look() == 12
    costs = iter([1])
    assert [census.look(), census.look()] == [12, 1]


def test_a_look_at_very_many_files_is_short(tmp_path: Path) -> None:
    for number in range(20_000):
        os.close(os.open(tmp_path / str(number), os.O_CREAT | os.O_WRONLY))
    census, looks = Census(lambda: files(tmp_path)), 0
    time.sleep(leavings._PERIOD_S)
    while census.look() < 20_000 * (16 << 10):
        looks += 1
    assert looks > 2


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel shows what is only mapped to root alone")
def test_a_file_that_is_only_mapped_is_counted_once(tmp_path: Path) -> None:
    processes = [f"/proc/{os.getpid()}"]
    before = sum(nameless(tmp_path, lambda: processes))
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, bytes(1 << 20))
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p  # that of Python keeps the file open
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    places = [libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0) for _ in range(2)]
    os.unlink(tmp_path / "file")
    os.close(fd)
    try:
        assert sum(nameless(tmp_path, lambda: processes)) - before >= 1 << 20
        assert sum(nameless(tmp_path, lambda: processes)) - before < 2 << 20
    finally:
        for place in places:
            libc.munmap(ctypes.c_void_p(place), 4096)
