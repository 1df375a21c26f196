"""The key that browsers' cookies are made from: only its owner's, and the same for each server of a study."""

from __future__ import annotations

import stat
from pathlib import Path

from jumar.web.gate import KEY_FILE, Gate, kept_key


def test_every_server_of_a_study_knows_the_browsers_that_another_let_in(tmp_path: Path) -> None:
    own = tmp_path / "studies" / "tiny"
    key = kept_key(own)
    assert stat.S_IMODE((own / KEY_FILE).stat().st_mode) == 0o600
    assert kept_key(own) == key
    one, other = (Gate(key, port=7700, read_only=False) for _ in range(2))
    assert other.knows(one.pass_value)
    assert one.token != other.token
    (own / KEY_FILE).unlink()
    assert kept_key(own) != key


def test_a_key_that_others_may_have_read_is_replaced(tmp_path: Path) -> None:
    key = kept_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    renewed = kept_key(tmp_path)
    assert renewed != key
    (tmp_path / KEY_FILE).write_bytes(b"short")
    assert kept_key(tmp_path) not in (renewed, b"short")


def test_a_key_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"k" * 32)
    elsewhere.chmod(0o600)
    (tmp_path / KEY_FILE).symlink_to(elsewhere)
    assert kept_key(tmp_path) != b"k" * 32
    assert elsewhere.read_bytes() == b"k" * 32


def test_where_nothing_can_be_written_a_key_lives_as_long_as_its_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert kept_key(tmp_path / "file") != kept_key(tmp_path / "file")
