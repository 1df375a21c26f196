from __future__ import annotations

from pathlib import Path

import pytest

from jumar.ledgers.said import remember, unsaid


def test_what_was_said_counts_also_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nope")
    assert unsaid(tmp_path, "agent", ["a"]) == ["a"]
    remember(tmp_path, "agent", ["a"])
    assert unsaid(tmp_path, "agent", ["a", "b"]) == ["b"]


def test_a_user_without_a_home_has_said_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert unsaid(tmp_path, "agent", ["a"]) == ["a"]
