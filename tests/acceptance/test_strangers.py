"""A record that came with its folder may be looked at; it starts no program and reaches no server."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.agents.registry import leads_anywhere
from jumar.app import open_study
from jumar.home import Options
from jumar.testing.repository import only_here
from jumar.testing.tiny import EXACT, Cli


def git(folder: Path, *words: str) -> None:
    named = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    subprocess.run(
        ["git", *named, *words], cwd=folder, env=only_here(folder), check=True, capture_output=True
    )


@pytest.fixture
def recorded(tiny: Callable[..., Path], tmp_path: Path, jumar: Cli) -> tuple[Path, str]:
    """A target with a study whose agent is a program, and how that is called."""
    program = tmp_path / "agent"
    program.write_text("#!/bin/sh\nsed -i 's/^RATE = .*/RATE = 2.0/' work.py\necho hypothesis: slower\n")
    program.chmod(0o755)
    folder, spec = tiny(work=EXACT), f"command:{program} {{brief}}"
    jumar(folder, "run", "--agent", spec, "--experiments", "1")
    assert (folder / ".jumar").is_dir()
    return folder, spec


def test_a_record_that_came_with_the_folder_starts_no_program(
    recorded: tuple[Path, str], tmp_path: Path, jumar: Cli
) -> None:
    folder, spec = recorded
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)
    assert open_study(copy).experiments(), "it may be read"
    said = jumar(copy, "run", "--experiments", "1", expect=2).stderr
    assert "never named in this folder" in said and f"--agent '{spec}'" in said
    assert [leads_anywhere(each) for each in ("openai:m@http://a.example/v1", "openai:m")] == [True, False]
    open_study(folder).run(experiments=1)
    open_study(copy, options=Options(agent=spec)).run(experiments=1)
    open_study(copy).run(experiments=1)


def test_a_record_that_somebody_committed_is_refused(tiny: Callable[..., Path], jumar: Cli) -> None:
    folder = tiny()
    (folder / ".jumar").mkdir()
    (folder / ".jumar/server").write_text("postgresql://ann@127.0.0.1:1/x\n")
    git(folder, "add", "-f", ".jumar")
    for verb in ("status", "run", "export"):
        said = jumar(folder, verb, expect=5).stderr
        assert "somebody committed" in said and "git rm -r --cached .jumar" in said
    git(folder, "commit", "-qm", "nothing to see")
    git(folder, "rm", "-qr", ".jumar")
    jumar(folder, "run", expect=5)
    git(folder, "commit", "-qm", "no record")
    assert "no study tiny here yet" in jumar(folder, "log", expect=2).stderr


def test_a_server_that_came_with_the_folder_is_not_asked(tiny: Callable[..., Path], jumar: Cli) -> None:
    folder = tiny()
    (folder / ".jumar").mkdir()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.1)
        url = f"postgresql://ann@127.0.0.1:{server.getsockname()[1]}/x?sslmode=disable"
        (folder / ".jumar/server").write_text(f"{url}\n")
        for verb in ("status", "run"):
            said = jumar(folder, verb, expect=2, extra={"PGPASSWORD": "of another server"}).stderr
            assert "you never named here" in said and f"--ledger '{url}'" in said
        with pytest.raises(TimeoutError):
            server.accept()
