"""What a run leaves is measured and made safe to read, however odd it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from jumar.sandboxes.leavings import settle, size_bytes


def test_files_and_folders_become_readable_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(bytes(10_000))
    (tmp_path / "a" / "b" / "file").chmod(0o4000)
    (tmp_path / "a").chmod(0o700)
    total = settle(tmp_path)
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    assert 10_000 < total < 40_000
    assert size_bytes(tmp_path, 1 << 30) == total


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


def test_counting_stops_when_enough_was_seen(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).touch()
    assert size_bytes(tmp_path, 8192) == 3 * 4096
