"""Targets that cannot be measured: each is refused before anything is spent, with what mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.testing.repository import Repository
from jumar.testing.tiny import CONTRACT, EXACT, NOISY, Cli, contract

Tiny = Callable[..., Path]
NO_NUMBER = 4
UNFIT = 3
USAGE = 2

SHORT = CONTRACT.replace('timeout = "60s"', 'timeout = "2s"').replace('budget = "20s"', 'budget = "1s"')
BRIEF = CONTRACT.replace('budget = "20s"', 'budget = "1s"')
REPORTS = 'print("loss: 1")\n'

UNMEASURABLE = {
    "crashes": ("raise SystemExit(3)\n", CONTRACT, "crashed: exit code 3", "jumar show 0 --log"),
    "lacks a module": ("import nowhere_to_be_found\n", CONTRACT, "No module named", "install it"),
    "prints no metric": ('print("done")\n', CONTRACT, "no line `loss: <number>`", "print a line `loss: "),
    "prints NaN": ('print("loss: nan")\n', CONTRACT, "loss is nan", "finite loss"),
    "sleeps past its timeout": ("import time; time.sleep(60)\n", SHORT, "timed out", "raise `timeout`"),
    "works past its budget": ("while True: pass\n", BRIEF, "over budget", "$JUMAR_BUDGET_S"),
    "fills the disk": (
        'import os; open(os.environ["JUMAR_OUT"] + "/big", "wb").write(bytes(90_000_000))\n' + REPORTS,
        contract(run='disk = "50MiB"'),
        "over disk",
        "raise `disk`",
    ),
    "eats the memory": (
        "x = bytearray(900_000_000)\n" + REPORTS,
        contract(run='memory = "200MiB"'),
        "out of memory",
        "raise `memory`",
    ),
    "floods the output": (
        'print("y" * 3_000_000)\n' + REPORTS,
        contract(run='output = "1MiB"'),
        "over output",
        "raise `output`",
    ),
    "needs the network": (
        'import urllib.request; urllib.request.urlopen("http://localhost.localdomain:9")\n' + REPORTS,
        CONTRACT,
        "URLError",
        "network = true",
    ),
    "writes beside $JUMAR_OUT": (
        'open("result", "w").write("1")\n' + REPORTS,
        CONTRACT,
        "Read-only",
        "$JUMAR_OUT",
    ),
    "is all noise": (
        'import random; print("loss:", random.expovariate(1))\n',
        contract(measure="baseline = 12"),
        "moves by",
        "make one run say more",
    ),
    "is started by nothing": (
        NOISY,
        CONTRACT.replace('"python", "work.py"', '"pyhton", "work.py"'),
        "pyhton does not exist",
        "correct `command`",
    ),
}


@pytest.mark.parametrize(("work", "terms", "problem", "fix"), UNMEASURABLE.values(), ids=UNMEASURABLE)
def test_a_target_is_refused_that(
    work: str, terms: str, problem: str, fix: str, tiny: Tiny, jumar: Cli
) -> None:
    folder = tiny(work=work, contract=terms)
    said = jumar(folder, "run", expect=NO_NUMBER).stderr
    assert said.startswith("problem: ")
    told, _, remedy = said.partition("\nfix:     ")
    assert problem in told
    assert fix in remedy
    study = open_study(folder)
    record = study.record()
    assert record is not None
    assert "\n" not in record.reason
    assert not [run for one in study.experiments() for run in one.runs if run.is_open]


def test_after_the_target_is_mended_the_same_command_starts_another_study(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work="raise SystemExit(3)\n")
    jumar(folder, "run", expect=NO_NUMBER)
    assert "crashed" in jumar(folder, "status").stdout
    Repository(folder).commit(**{"work.py": EXACT})
    jumar(folder, "run", "--experiments", "1")
    assert open_study(folder).name == "tiny-2"
    assert "cannot go on" in jumar(folder, "run", "--study", "tiny", expect=USAGE).stderr


def test_a_metric_without_noise_is_noticed_and_said(tiny: Tiny, jumar: Cli) -> None:
    said = jumar(tiny(work=REPORTS + "RATE = 1.0\n"), "run", "--experiments", "2").stdout
    assert "loss has no noise" in said
    assert "equal to the champion" in said


def test_a_folder_without_a_repository_is_told_how_to_make_one(tmp_path: Path, jumar: Cli) -> None:
    (tmp_path / "jumar.toml").write_text(CONTRACT)
    (tmp_path / "work.py").write_text(EXACT)
    assert "git init" in jumar(tmp_path, "run", expect=UNFIT).stderr


def test_a_repository_without_a_commit_is_told_to_make_one(tmp_path: Path, jumar: Cli) -> None:
    Repository(tmp_path)
    (tmp_path / "jumar.toml").write_text(CONTRACT)
    (tmp_path / "work.py").write_text(EXACT)
    assert "git commit" in jumar(tmp_path, "run", expect=UNFIT).stderr


def test_a_detached_head_is_as_good_as_a_branch(
    tiny: Tiny, jumar: Cli, assert_sound: Callable[[Path], None]
) -> None:
    folder = tiny(work=EXACT)
    user = Repository(folder)
    user.git("checkout", "--detach")
    head = (folder / ".git" / "HEAD").read_text()
    jumar(folder, "run", "--experiments", "2")
    assert (folder / ".git" / "HEAD").read_text() == head
    assert_sound(folder)


def test_globs_that_match_nothing_are_named(tiny: Tiny, jumar: Cli) -> None:
    said = jumar(tiny(contract=CONTRACT.replace('["work.py"]', '["src/*.py"]')), "run", expect=UNFIT).stderr
    assert "no committed file matches [target] editable = src/*.py" in said


def test_a_dirty_work_tree_is_refused_with_the_two_ways_out(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=EXACT)
    (folder / "work.py").write_text(EXACT.replace("RATE = 3.0", "RATE = 2.5"))
    said = jumar(folder, "run", expect=UNFIT).stderr
    assert "work.py" in said
    assert "git commit" in said
    assert "--include-dirty" in said
    assert not open_study(folder).experiments()


def test_include_dirty_starts_from_the_files_as_they_are_and_leaves_them_so(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=EXACT)
    (folder / "work.py").write_text(EXACT.replace("RATE = 3.0", "RATE = 2.5"))
    user = Repository(folder)
    before = {path: seen for path, seen in user.state().items() if not path.startswith(".jumar/")}
    jumar(folder, "run", "--include-dirty", "--experiments", "1")
    assert {path: seen for path, seen in user.state().items() if not path.startswith(".jumar/")} == before
    record = open_study(folder).record()
    assert record is not None
    assert "RATE = 2.5" in user.git("show", f"{record.terms.base}:work.py")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--agent", "tunr"), "there is no agent 'tunr'"),
        (("--agent", "replay"), "replay needs a folder"),
        (("--agent", "tuner=0.7", "--agent", "nop=0.2"), "sum to 0.9, not to 1"),
        (("--agent", "tuner=0.7", "--agent", "tunr=0.3"), "there is no agent 'tunr'"),
        (("--scale", "huge"), "no scale `huge`"),
        (("--sandbox", "bubblewarp"), "no sandbox called 'bubblewarp'"),
        (("--experiments", "0"), "not in the range"),
    ],
)
def test_a_name_that_nothing_answers_to_is_refused_before_anything_is_pinned(
    words: tuple[str, ...], problem: str, tiny: Tiny, jumar: Cli
) -> None:
    folder = tiny()
    assert problem in jumar(folder, "run", *words, expect=USAGE).stderr
    assert open_study(folder).record() is None
    assert Repository(folder).git("for-each-ref", "refs/jumar", "refs/heads/jumar") == ""


def programs_without(name: str, folder: Path) -> str:
    """A PATH with every program of this one's but `name`."""
    folder.mkdir()
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).glob("*"):
            link = folder / program.name
            link.unlink(missing_ok=True)
            link.symlink_to(program)
    (folder / name).unlink(missing_ok=True)
    return str(folder)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="there is no bubblewrap to do without")
def test_without_bubblewrap_the_next_sandbox_is_taken_or_the_fix_is_named(
    tiny: Tiny, jumar: Cli, tmp_path: Path
) -> None:
    folder = tiny(work=EXACT)
    path = {"PATH": programs_without("bwrap", tmp_path / "bin")}
    done = jumar(folder, "run", "--experiments", "1", expect=None, extra=path)
    if done.returncode == 0:
        record = open_study(folder).record()
        assert record is not None
        assert record.terms.sandbox == "landlock"
    else:
        assert done.returncode == UNFIT
        assert "install bubblewrap" in done.stderr


def test_the_last_resort_says_what_it_waives(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=EXACT)
    said = jumar(folder, "run", "--experiments", "1", "--sandbox", "process").stdout
    assert "the sandbox `process` does not promise, as was accepted: " in said
    record = open_study(folder).record()
    assert record is not None
    assert {"hides_files", "no_network"} <= set(record.terms.waived)


def test_a_weaker_sandbox_in_a_later_sitting_is_in_the_record(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=EXACT)
    jumar(folder, "run", "--experiments", "1")
    said = jumar(folder, "run", "--experiments", "1", "--sandbox", "process").stdout
    assert "this sitting runs in the sandbox `process`; the study began in" in said


def test_a_study_keeps_its_agent_and_its_scale(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=EXACT)
    jumar(folder, "run", "--experiments", "1")
    said = jumar(folder, "run", "--agent", "nop", expect=USAGE).stderr
    assert "goes on with its agent `tuner`" in said
    assert "--new --agent nop" in said


def test_a_contract_that_changes_later_does_not_change_the_study(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(work=EXACT)
    jumar(folder, "run", "--experiments", "1")
    (folder / "jumar.toml").write_text(CONTRACT.replace('"minimize"', '"maximize"'))
    Repository(folder).commit()
    done = jumar(folder, "run", "--experiments", "1")
    assert "jumar.toml has changed" in done.stderr
    assert "--new" in done.stderr
    assert open_study(folder).contract.measure.metric.direction.value == "minimize"
    jumar(folder, "run", "--experiments", "1", "--new")
    fresh = open_study(folder)
    assert (fresh.name, fresh.contract.measure.metric.direction.value) == ("tiny-2", "maximize")
