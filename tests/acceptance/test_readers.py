"""Every verb that looks at or steers a study, on one real study."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.testing.tiny import contract

Said = subprocess.CompletedProcess[str]
Jumar = Callable[..., Said]

# A program whose hypothesis and output try to write on the terminal of whoever looks at them.
LOUD = """\
RATE = 3.0  # 0.1 .. 10

print("\\x1b]0;owned\\x07\\x1b[2Jloud")
print(f"loss: {(RATE - 1) ** 2:.6f}")
"""


@pytest.fixture
def studied(tiny: Callable[..., Path], jumar: Jumar) -> Path:
    folder = tiny(work=LOUD)
    jumar(folder, "run", "--experiments", "3")
    return folder


def test_a_study_can_be_looked_at_from_every_side(studied: Path, jumar: Jumar) -> None:
    status = jumar(studied, "status").stdout
    assert "tiny (scale default)" in status
    assert "self-reported" in status

    log = jumar(studied, "log").stdout
    assert "the unchanged target" in log
    assert "RATE 3.0 →" in log

    shown = jumar(studied, "show", "1").stdout
    assert "hypothesis" in shown
    assert "screen" in shown

    changed = jumar(studied, "diff", "1").stdout
    assert "-RATE = 3.0  # 0.1 .. 10" in changed
    applied = subprocess.run(
        ["git", "apply", "--check"], cwd=studied, input=changed, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, applied.stderr

    rows = list(csv.reader(io.StringIO(jumar(studied, "export", "--tsv").stdout), delimiter="\t"))
    assert rows[0] == ["commit", "loss", "memory_gb", "status", "description"]
    assert len(rows) == 5

    again = jumar(studied, "replay", "--judge").stdout
    assert again.startswith("3 verdicts judged anew, 0 would be others")

    loud = jumar(studied, "show", "1", "--log").stdout
    assert "loud" in loud
    assert "\x1b" not in loud


def test_every_verb_that_looks_speaks_json_and_none_tells_the_secret(studied: Path, jumar: Jumar) -> None:
    summary = json.loads(jumar(studied, "status", "--json").stdout)["summary"]
    assert (summary["study"], summary["experiments"]) == ("tiny", 3)
    assert len(json.loads(jumar(studied, "log", "--json").stdout)) == 4
    assert json.loads(jumar(studied, "show", "0", "--json").stdout)["experiment"]["number"] == 0
    assert "diff --git" in json.loads(jumar(studied, "diff", "1", "--json").stdout)["diff"]
    lines = jumar(studied, "run", "--experiments", "1", "--new", "--json").stdout.splitlines()
    events = [json.loads(line)["event"] for line in lines[:-1]]
    assert events[0]["type"] == "study_started"
    assert events[0]["secret"] == ""
    assert events[-1]["type"] == "rested"
    assert json.loads(lines[-1])["summary"]["study"] == "tiny-2"


def test_what_is_not_there_is_refused_in_words(studied: Path, jumar: Jumar) -> None:
    assert "has no experiment 99" in jumar(studied, "show", "99", expect=2).stderr
    assert "no study nope" in jumar(studied, "status", "--study", "nope", expect=2).stderr
    assert "nobody runs study tiny now" in jumar(studied, "pause", expect=2).stderr
    taken = jumar(studied, "run", "--study", "tiny", "--new", expect=2).stderr
    assert "there is a study tiny already" in taken and "--study tiny-2" in taken
    assert "there is no agent" in jumar(studied, "run", "--new", "--agent", "tunner", expect=2).stderr


def test_what_there_is_to_know_is_said_where_nothing_can_be_shown(studied: Path, jumar: Jumar) -> None:
    assert "experiment 0 is the unchanged target" in jumar(studied, "diff", "0").stderr
    assert "'abc' is not a valid whole number" in jumar(studied, "show", "abc", expect=2).stderr
    (studied / "jumar.toml").write_text("[target\n")
    assert "jumar.toml cannot be read now" in jumar(studied, "status").stderr


def test_a_running_study_is_paused_told_and_stopped_from_another_terminal(
    tiny: Callable[..., Path], jumar: Jumar
) -> None:
    slow = "import time\n" + LOUD + "time.sleep(0.2)\n"
    folder = tiny(work=slow, contract=contract(experiments=500))
    running = jumar.start(folder, "run", "--include-dirty")  # type: ignore[attr-defined]
    try:
        assert running.stdout is not None
        assert "for the tuner in" in running.stdout.readline()
        assert "taken up by process" in running.stdout.readline()
        told = jumar(folder, "tell", "mind", "the", "gap").stdout
        assert "recorded in study tiny" in told
        assert "tuner, does not read it" in told
        asked = jumar(folder, "certify").stdout
        assert f"asked process {running.pid} to certify" in asked
        assert "asked to pause" in jumar(folder, "pause").stdout
        for _ in range(100):
            if "paused, by process" in jumar(folder, "status").stdout:
                break
            time.sleep(0.2)
        else:
            pytest.fail("the study never paused")
        assert "asked to go on" in jumar(folder, "resume").stdout
        assert "asked to stop" in jumar(folder, "stop").stdout
        said, _ = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0
    for heard in ("told: mind the gap", "asked to certify", "asked to pause", "asked to stop"):
        assert heard in said
    assert "resting: stopped by request" in said
    assert "resting: stopped by request" in jumar(folder, "status").stdout
