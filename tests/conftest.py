"""What every test starts from: an environment without our variables, and `--live` to spend."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from jumar.ledgers.postgres import let_go
from jumar.testing.postgres import LocalServer, local_server, program
from jumar.testing.repository import only_here

for name in [name for name in os.environ if name.startswith("JUMAR_")]:
    del os.environ[name]


os.environ["XDG_STATE_HOME"] = _STATE = tempfile.mkdtemp(prefix="jumar-tests-")  # and without our user's
atexit.register(shutil.rmtree, _STATE, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live", action="store_true", help="run tests that need a GPU, a model or a cluster")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skipped = {"live": "needs --live"} if not config.getoption("--live") else {}
    if "ray" not in config.getoption("-m"):
        skipped["ray"] = "needs -m ray"
    for item in items:
        for marker, reason in skipped.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user without any settings of their own."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main"]
    env = only_here(folder) | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Makes a git repository with the given files committed."""

    def make(files: Mapping[str, str], name: str = "target") -> Path:
        folder = tmp_path / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
        git(folder, "init", "-q")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "start")
        return folder

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalServer]:
    """A PostgreSQL server; a test takes a fresh place on it."""
    if program("initdb") is None:
        pytest.skip("no PostgreSQL server is installed here: apt install postgresql")
    with local_server() as server:
        yield server
        let_go()
