from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jumar.cli.nexts import entering


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment that this process seems to run from, put on PATH but not activated."""
    own = tmp_path / "my venv"
    (own / "bin").mkdir(parents=True)
    (own / "bin" / "activate").touch()
    (own / "bin" / "jumar").touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(own))
    monkeypatch.setenv("PATH", str(own / "bin"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return own


def test_an_environment_that_is_not_active_is_activated_first(venv: Path, tmp_path: Path) -> None:
    assert entering(tmp_path / "a b") == [f". '{venv}/bin/activate'", f"cd '{tmp_path}/a b'"]


def test_one_that_is_active_needs_nothing(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    assert entering(Path()) == []


def test_nor_does_one_with_a_link_on_path(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "jumar").symlink_to(venv / "bin" / "jumar")
    monkeypatch.setenv("PATH", str(links))
    assert entering(Path()) == []


def test_a_python_that_is_no_environment_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert entering(Path()) == []
