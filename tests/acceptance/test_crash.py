"""Studies that are killed, interrupted and steered: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from jumar.app import Study, open_study
from jumar.testing.tiny import NOISY, Cli, contract

Start = Callable[..., "subprocess.Popen[str]"]
Tiny = Callable[..., Path]
Sound = Callable[[Path], None]
HELD = 3
INTERRUPTED = 130


def slow(seconds: float) -> str:
    return NOISY + f"\nimport time\ntime.sleep({seconds})\n"


def wait_until(holds: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def judged(study: Study) -> int:
    record = study.record()
    return sum(record.decisions.values()) if record else 0


def running(study: Study) -> int:
    return sum(run.is_open for one in study.experiments() for run in one.runs)


def wait_for_quiet(study: Study) -> int:
    """Waits until no run was started for a second and a half; how many there are by then."""
    runs, since, deadline = -1, time.monotonic(), time.monotonic() + 60
    while running(study) or time.monotonic() - since < 1.5:
        assert time.monotonic() < deadline, "it never paused"
        now = len([run for one in study.experiments() for run in one.runs])
        if now != runs:
            runs, since = now, time.monotonic()
        time.sleep(0.05)
    return runs


def survivors(token: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes()
        except OSError:
            continue
        if token.encode() in line:
            found.append(line.decode(errors="replace"))
    return found


def test_a_study_whose_controller_is_killed_again_and_again_loses_nothing(
    tiny: Tiny, jumar: Cli, started: Start, assert_sound: Sound
) -> None:
    token = "marked-for-the-kill-test"
    terms = contract(experiments=16).replace('"work.py"]\nbudget', f'"work.py", "{token}"]\nbudget')
    folder = tiny(work=slow(0.2), contract=terms)
    study, dice = open_study(folder), random.Random(1)
    kills = 0
    while kills < 6:
        process = started(folder, "run")
        wait_until(lambda: study.holder() is not None, "the study is held")
        if kills % 2:  # else a busy machine might never have come as far as a run
            wait_until(lambda: running(study) > 0 or study.holder() is None, "a run is under way")
        time.sleep(dice.uniform(0.05, 1.0) if kills % 2 == 0 else dice.uniform(0.0, 0.1))
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
        wait_until(lambda: not survivors(token), "every process of the run is gone", timeout_s=10)
    assert kills >= 5
    assert "its process ended without a word" in jumar(folder, "status").stdout

    jumar(folder, "run")

    assert_sound(folder)
    experiments = study.experiments()
    assert all(one.verdict for one in experiments)
    assert judged(study) == len(experiments) - 1 >= 16
    lost = [run for one in experiments for run in one.runs if run.lost]
    assert lost, "not one of the kills hit a run"
    assert all(run.outcome is None for run in lost)


def test_a_backup_made_while_the_study_runs_restores(
    tiny: Tiny, jumar: Cli, started: Start, assert_sound: Sound, tmp_path: Path
) -> None:
    folder, backup = tiny(work=slow(0.1), contract=contract(experiments=500)), tmp_path / "backups" / "monday"
    study, process = open_study(folder), started(folder, "run", "--agent", "nop")
    wait_until(lambda: judged(study) > 2, "three experiments are judged")
    jumar(folder, "backup", str(backup))
    assert process.poll() is None, "it was to be copied while it runs"
    process.kill()
    process.wait()
    (folder / ".jumar").rename(tmp_path / "lost")
    shutil.copytree(backup, folder / ".jumar")
    restored = open_study(folder)
    before = judged(restored)
    assert before > 2
    assert "the chain of" in jumar(folder, "doctor", "--ledger").stdout
    jumar(folder, "run", "--experiments", "2")
    assert judged(restored) == before + 2
    assert_sound(folder)
    said = jumar(folder, "doctor", "--ledger", expect=None).stdout
    assert "as they were kept" in said
    assert "the repository agrees" in said or "the ledger knows nothing" in said  # what came after the copy


def test_ctrl_c_once_finishes_what_runs_and_the_same_command_goes_on(
    tiny: Tiny, jumar: Cli, started: Start, assert_sound: Sound
) -> None:
    folder = tiny(work=slow(0.4), contract=contract(experiments=2))
    study, process = open_study(folder), started(folder, "run")
    wait_until(lambda: len(study.experiments()) > 1 and running(study) > 0, "an experiment runs")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert "finishing what runs; Ctrl-C again stops now" in said
    assert "resting: interrupted" in said
    runs = [run for one in study.experiments() for run in one.runs]
    assert all(run.outcome for run in runs)
    assert_sound(folder)
    jumar(folder, "run")
    assert judged(study) >= 2
    assert_sound(folder)


def test_ctrl_c_twice_stops_now_and_loses_nothing(
    tiny: Tiny, jumar: Cli, started: Start, assert_sound: Sound
) -> None:
    token = "marked-for-ctrl-c"
    terms = contract(experiments=3).replace('"work.py"]\nbudget', f'"work.py", "{token}"]\nbudget')
    folder = tiny(work=NOISY + "import time\nif (RATE, WIDTH) != (3.0, 4): time.sleep(50)\n", contract=terms)
    study, process = open_study(folder), started(folder, "run", "--agent", f"replay:{patches(folder)}")
    wait_until(lambda: len(study.experiments()) > 1 and running(study) > 0, "an experiment runs")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    while "finishing what runs" not in (line := process.stdout.readline()):
        assert line, "it ended without a word"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert "stopping now; nothing is lost" in said
    (lost,) = [run for run in study.experiment(1).runs if run.lost]
    assert lost.lost == "stopped by the user"
    assert study.experiment(1).is_open
    assert survivors(token) == []
    assert_sound(folder)


def patches(folder: Path) -> Path:
    """One change that never ends."""
    idea = folder.parent / "ideas" / "1-hangs"
    idea.mkdir(parents=True)
    (idea / "work.py").write_text((folder / "work.py").read_text().replace("RATE = 3.0", "RATE = 2.0"))
    return idea.parent


def test_a_second_run_of_the_same_study_is_told_who_holds_it(tiny: Tiny, jumar: Cli, started: Start) -> None:
    folder = tiny(work=slow(0.5), contract=contract(experiments=500))
    study, process = open_study(folder), started(folder, "run")
    wait_until(lambda: study.record() is not None, "the study has begun")
    said = jumar(folder, "run", expect=HELD).stderr
    assert f"process {process.pid} on " in said
    assert "jumar stop" in said
    assert process.poll() is None


def test_a_study_is_steered_from_another_process(
    tiny: Tiny, jumar: Cli, started: Start, assert_sound: Sound
) -> None:
    folder = tiny(work=slow(0.1), contract=contract(experiments=500))
    study, process = open_study(folder), started(folder, "run")
    wait_until(lambda: judged(study) > 0, "an experiment is judged")
    jumar(folder, "pause")
    before = wait_for_quiet(study)
    jumar(folder, "tell", "mind the width")
    assert wait_for_quiet(study) == before
    jumar(folder, "resume")
    wait_until(lambda: running(study) > 0, "it goes on")
    jumar(folder, "stop")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "resting: stopped by request" in said
    assert "mind the width" in str([entry.event for entry in study.entries()])
    assert_sound(folder)
    assert "nobody runs study" in jumar(folder, "stop", expect=2).stderr


def test_a_branch_with_foreign_commits_is_left_alone(
    tiny: Tiny, jumar: Cli, assert_sound: Sound, repository: Callable[..., Path]
) -> None:
    folder = tiny(contract=contract(experiments=2))
    jumar(folder, "run", "--experiments", "1")
    foreign = commit_on(folder, "jumar/tiny")
    said = jumar(folder, "run", expect=HELD).stderr
    assert "the branch jumar/tiny has commits that are not this study's" in said
    assert "git branch -m jumar/tiny" in said
    assert git(folder, "rev-parse", "jumar/tiny") == foreign
    git(folder, "branch", "-m", "jumar/tiny", "mine")
    jumar(folder, "run")
    assert git(folder, "rev-parse", "mine") == foreign
    assert_sound(folder)


def test_a_branch_that_is_in_the_way_of_a_new_study_is_named_before_anything_runs(
    tiny: Tiny, jumar: Cli
) -> None:
    folder = tiny()
    git(folder, "branch", "jumar/tiny")
    said = jumar(folder, "run", expect=HELD).stderr
    assert "the branch jumar/tiny has commits that are not this study's" in said
    assert not open_study(folder).experiments()


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit_on(folder: Path, branch: str) -> str:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@localhost")
    tree = git(folder, "rev-parse", f"{branch}^{{tree}}")
    commit = git(folder, *who, "commit-tree", tree, "-p", branch, "-m", "mine")
    git(folder, "update-ref", f"refs/heads/{branch}", commit)
    return commit
