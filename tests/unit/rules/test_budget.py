from __future__ import annotations

import pytest

from jumar.core.contract import Budget, Clock, RunTerms
from jumar.core.job import Ending, ExitReport
from jumar.rules.budget import caps, overspent


def terms(clock: Clock, amount: float = 20.0) -> RunTerms:
    return RunTerms(
        command=("python", "train.py"),
        budget=Budget(amount=amount, clock=clock),
        timeout_s=90.0,
        memory_bytes=4 << 30,
        disk_bytes=1 << 30,
        output_bytes=16 << 20,
        processes=64,
    )


def spent(*, cpu_s: float = 0.0, wall_s: float = 0.0) -> ExitReport:
    return ExitReport(
        ending=Ending.EXITED, exit_code=0, wall_s=wall_s, cpu_s=cpu_s, peak_memory_bytes=0, output_bytes=0
    )


def test_the_caps_are_the_contracts_own() -> None:
    found = caps(terms(Clock.CPU))
    assert (found.wall_s, found.memory_bytes, found.processes) == (90.0, 4 << 30, 64)
    assert (found.output_bytes, found.disk_bytes) == (16 << 20, 1 << 30)


def test_only_a_budget_in_cpu_seconds_caps_those_and_with_room_above_the_tolerance() -> None:
    cpu_s = caps(terms(Clock.CPU)).cpu_s
    assert cpu_s is not None
    assert overspent(terms(Clock.CPU), spent(cpu_s=cpu_s)) is not None
    assert caps(terms(Clock.WALL)).cpu_s is None
    assert caps(terms(Clock.STEPS)).cpu_s is None


@pytest.mark.parametrize("clock", [Clock.CPU, Clock.WALL])
def test_the_last_step_and_leaving_python_are_tolerated(clock: Clock) -> None:
    assert overspent(terms(clock), spent(cpu_s=20.6, wall_s=20.6)) is None


def test_an_overrun_is_told_with_its_share() -> None:
    assert overspent(terms(Clock.CPU), spent(cpu_s=21.0, wall_s=5.0)) == (
        "spent 21.00 CPU seconds of a budget of 20 (+5.0%)"
    )


def test_each_clock_reads_its_own_meter() -> None:
    assert overspent(terms(Clock.CPU), spent(cpu_s=10.0, wall_s=80.0)) is None
    assert overspent(terms(Clock.WALL), spent(cpu_s=80.0, wall_s=10.0)) is None
    assert overspent(terms(Clock.WALL), spent(wall_s=80.0)) is not None


def test_steps_are_counted_by_the_target_alone() -> None:
    assert overspent(terms(Clock.STEPS, 300), spent(cpu_s=9999.0, wall_s=9999.0)) is None
