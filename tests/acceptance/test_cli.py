"""The command line as a whole: exit codes, complaints, tracebacks only on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.testing.tiny import contract, environment

Jumar = Callable[..., subprocess.CompletedProcess[str]]


def test_a_verb_that_does_not_exist_is_answered_with_the_nearest(jumar: Jumar, tmp_path: Path) -> None:
    done = jumar(tmp_path, "stauts", expect=2)
    assert done.stderr == "problem: there is no verb `stauts`\nfix:     did you mean `jumar status`?\n"


def test_without_a_verb_the_help_is_shown_and_nothing_is_wrong(jumar: Jumar, tmp_path: Path) -> None:
    done = jumar(tmp_path)
    assert done.stdout.startswith("Usage: jumar")
    assert (done.stdout, done.stderr) == (jumar(tmp_path, "--help").stdout, "")


def test_an_option_that_does_not_exist_is_answered_with_the_nearest(jumar: Jumar, tmp_path: Path) -> None:
    done = jumar(tmp_path, "status", "--jsno", expect=2)
    assert "fix:     did you mean --json?" in done.stderr


def test_a_folder_without_a_contract_is_told_to_init(jumar: Jumar, tmp_path: Path) -> None:
    done = jumar(tmp_path, "status", expect=2)
    assert "jumar init" in done.stderr


def test_a_wrong_contract_is_told_with_its_line(jumar: Jumar, tmp_path: Path) -> None:
    (tmp_path / "jumar.toml").write_text('[target]\nname = "x"\neditable = ["a.py"]\nprogam = "p.md"\n')
    done = jumar(tmp_path, "status", expect=2)
    assert "jumar.toml:4: [target] has no key `progam`" in done.stderr
    assert "did you mean `program`?" in done.stderr


def test_a_traceback_is_shown_on_demand(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jumar", "status"]
    env = os.environ | {"JUMAR_TRACEBACK": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert "jumar init" in done.stderr


def test_control_characters_of_a_foreign_text_do_not_reach_the_terminal(jumar: Jumar, tmp_path: Path) -> None:
    (tmp_path / "jumar.toml").write_bytes(b'[target]\nname = "\\u001b]0;x\\u0007"\n')
    done = jumar(tmp_path, "status", expect=2)
    assert "\x1b" not in done.stderr


def test_a_reader_that_has_seen_enough_gets_no_complaint(tmp_path: Path) -> None:
    line = f"{sys.executable} -m jumar --help | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("Usage: jumar")
    assert done.stderr == ""


def test_a_ledger_that_is_none_is_a_matter_of_the_ledger(jumar: Jumar, tiny: Callable[..., Path]) -> None:
    folder = tiny()
    (folder / ".jumar").mkdir()
    (folder / ".jumar" / "ledger.db").write_bytes(b"this is no database" * 100)
    done = jumar(folder, "status", expect=5)
    assert "problem: " in done.stderr
    assert "fix: " in done.stderr


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_reader_that_goes_away_does_not_end_the_study(
    words: list[str], jumar: Jumar, tiny: Callable[..., Path]
) -> None:
    folder = tiny(contract=contract(experiments=3))
    line = f"{sys.executable} -m jumar run --workers 1 {' '.join(words)} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "BrokenPipe" not in done.stderr
    status = json.loads(jumar(folder, "status", "--json").stdout)
    assert status["summary"]["experiments"] == 3
    assert status["summary"]["condition"] == "finished"
