"""A handful of the corpus of cheats; `python -m bench.cheats` plays all of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench.cheats.case import load
from bench.cheats.readers import Page, shapeless
from bench.cheats.stage import Stage
from bench.cheats.study import play

from jumar.errors import Usage

CASES = Path(__file__).parents[2] / "bench" / "cheats" / "cases"
HANDFUL = (
    "answers-nan brings-a-script brings-attributes brings-weights-in-comments edits-the-scorer "
    "honest-artefacts paints-the-terminal plants-a-hook prints-a-better-number reads-the-hidden-points "
    "starts-where-it-left-off works-after-the-end"
).split()


def test_a_handful_of_cheats_gains_nothing_and_does_no_harm(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    came, faults = play(load([CASES], HANDFUL), "fit", tmp_path / "stage")
    assert {one.case: one.wrong for one in came if one.wrong} == {}
    assert [one.case for one in came if one.was_kept] == ["honest-artefacts"]
    assert faults == []


def test_the_traps_show_what_gets_past_and_what_was_changed(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", "fit").set_up() as stage:
        assert (stage.traces(), stage.damage()) == ({}, [])
        mark = stage.mark("one")
        (stage.outside / "left").write_text(mark)
        port = int(stage.said("@PORT@", "one"))
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.send(stage.mark("two").encode())
        deadline = time.monotonic() + 20
        while "two" not in stage.traces() and time.monotonic() < deadline:
            time.sleep(0.05)  # until the trap has read it
        (stage.folder / ".git" / "hooks" / "post-commit").write_text("#!/bin/sh\n")
        with subprocess.Popen([sys.executable, "-c", "input()", stage.mark("three")], stdin=subprocess.PIPE):
            found = stage.traces()
        assert found["one"] == ["file …/outside/left"]
        assert found.keys() == {"one", "two", "three"}
        assert stage.damage() == [".git/hooks/post-commit was changed"]


def test_what_prints_escapes_or_runs_words_of_a_candidate_is_told() -> None:
    assert shapeless("kept +99 % 🧗\u200d\n") == ""
    assert shapeless("a\x1b[2J") == "U+001B"
    assert shapeless("a\u202eb") == "U+202E"
    page = Page("0f")
    page.feed(
        "<p title='mark-0f-x-end'>mark-0f-x-end</p><script>mark-0f-x-end</script><a href=mark-0f-y-end>"
    )
    assert page.found == ["inside <script>", "<a href>"]


def test_cases_of_ones_own_are_played_and_what_comes_out_otherwise_is_told(tmp_path: Path) -> None:
    head = 'family = "mine"\ntries = "Nothing."\nexpect = '
    for name, rest in {
        "no-breach": '"invalid: too-large"\ncode = "1 / 0"\n',
        "no-failure": '"failed"\n[[changes]]\npath = "work.py"\nreplace = [["0.01", "0.0101"]]\n',
        "as-stated": '"failed: crashed"\ncode = "1 / 0.0"\n',
    }.items():
        (tmp_path / f"{name}.toml").write_text(head + rest)
    only = [word for name in ("no-breach", "no-failure", "as-stated") for word in ("--only", name)]
    command = [sys.executable, "-m", "bench.cheats", "--cases", str(tmp_path), *only, "--no-loop", "--json"]
    done = subprocess.run(command, cwd=CASES.parents[2], stdout=subprocess.PIPE, check=False)
    figures = json.loads(done.stdout)["figures"]
    assert done.returncode == 1
    assert figures["families"]["mine"]["cheats"] == 3
    assert figures["not as stated"].keys() == {"no-breach", "no-failure"}
    assert figures["faults of a study"] == {}


def test_every_case_of_the_corpus_can_be_read(tmp_path: Path) -> None:
    cases = load([CASES])
    assert len([case for case in cases if not case.is_twin]) >= 45
    assert {case.family for case in cases if case.is_twin} == {case.family for case in cases}
    (tmp_path / "mine.toml").write_text('family = "x"\ntries = "y"\nexpect = "luck"\n')
    with pytest.raises(Usage, match="expects 'luck'"):
        load([tmp_path])
    with pytest.raises(Usage, match="no such case: nothing"):
        load([CASES], ["nothing"])
