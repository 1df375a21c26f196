"""A terminal that goes away, as with a lost connection: the study rests as if it was asked to."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jumar.app import Study, open_study
from jumar.cli.exits import Exit
from jumar.testing.tiny import NOISY, Cli, contract, environment

Tiny = Callable[..., Path]
SLOW = NOISY + "import time\nif (RATE, WIDTH) != (3.0, 4): time.sleep(50)\n"


@pytest.fixture(autouse=True)
def hears_of_it() -> Iterator[None]:
    """A suite below nohup passes on that nobody hears of it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def wait_for_a_run(study: Study) -> None:
    deadline = time.monotonic() + 60
    while not any(run.is_open for one in study.experiments()[1:] for run in one.runs):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_rested(study: Study) -> None:
    record = study.record()
    assert record is not None
    assert record.reason == "interrupted"
    assert [run.lost for run in study.experiment(1).runs] == ["stopped by the user"]


def test_a_study_whose_terminal_goes_away_stops_now_and_loses_nothing(
    tiny: Tiny, assert_sound: Callable[[Path], None]
) -> None:
    folder = tiny(work=SLOW, contract=contract(experiments=3))
    master, slave = os.openpty()
    # `setsid -c` makes it the terminal of the study's own session, whose end is what hangs up.
    process = subprocess.Popen(
        ["setsid", "-c", *Cli.command("run", "--workers", "1")],
        cwd=folder,
        env=environment() | {"TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    os.set_blocking(master, False)
    try:
        wait_for_a_run(open_study(folder))
        os.close(master)
        assert process.wait(timeout=30) == Exit.INTERRUPTED
    finally:
        process.kill()
        process.wait()
    assert_rested(open_study(folder))
    assert_sound(folder)


def test_a_hang_up_leaves_a_log_that_is_a_file_its_last_words(
    tiny: Tiny, started: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = tiny(work=SLOW, contract=contract(experiments=3))
    process = started(folder, "run", "--workers", "1")
    wait_for_a_run(open_study(folder))
    process.send_signal(signal.SIGHUP)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == Exit.INTERRUPTED
    assert "stopping now; nothing is lost" in said
    assert_rested(open_study(folder))


def test_a_study_below_nohup_does_not_hear_of_it(tiny: Tiny, jumar: Cli) -> None:
    folder = tiny(contract=contract(experiments=2))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = jumar.start(folder, "run", "--workers", "1")
    finally:
        signal.signal(signal.SIGHUP, before)
    while process.poll() is None:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    assert process.communicate()[0].count("stopping now") == 0
    assert process.returncode == Exit.DONE
    record = open_study(folder).record()
    assert record is not None
    assert record.reason == "2 experiments were made (limit 2)"
