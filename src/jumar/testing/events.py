"""Small true-to-life events, for whoever examines a ledger."""

from __future__ import annotations

from msgspec.structs import replace

from jumar.core.event import Judged, Proposed, Rebased, RunEnded, RunStarted, StudyStarted
from jumar.core.experiment import BASELINE, Experiment
from jumar.core.job import Ending, ExitReport
from jumar.core.outcome import Measured
from jumar.core.proposal import Cost
from jumar.core.run import Purpose, Run
from jumar.core.verdict import Claim, Decision, Verdict

BASE = "b" * 40


def started(contract: str = "[target]\n") -> StudyStarted:
    """A study's terms."""
    return StudyStarted(
        base=BASE, contract=contract, scale="default", agent="tuner", secret="5e" * 32, sandbox="process"
    )


def proposed(number: int, *, usd: float = 0.0) -> Proposed:
    """Experiment `number`; 0 is the baseline."""
    experiment = Experiment(
        number=number,
        parent=BASE,
        commit=commit_of(number),
        tree=f"tree {number}",
        hypothesis=f"idea {number}: wärmer ≥ kälter",
        agent="tuner",
        details={"knobs": {"LR": 0.01, "name": None}},
        cost=Cost(usd=usd),
    )
    return Proposed(experiment=experiment)


def rebased(number: int) -> Rebased:
    """Experiment `number` on another champion."""
    before = proposed(number).experiment
    return Rebased(
        experiment=replace(before, parent="c" * 40, commit=f"{number:0>40}", tree=f"moved {number}")
    )


def commit_of(number: int) -> str:
    """The commit of experiment `number`."""
    return BASE if number == BASELINE else f"{number:040x}"


def run_started(number: int, index: int = 0) -> RunStarted:
    """The start of a run of experiment `number`."""
    return RunStarted(
        run=Run(
            key=f"{number}-{index}",
            experiment=number,
            commit=commit_of(number),
            seed=index,
            purpose=Purpose.SCREEN,
        )
    )


def run_ended(number: int, index: int = 0, *, value: float = 1.5) -> RunEnded:
    """Its end, with a number."""
    report = ExitReport(
        ending=Ending.EXITED, exit_code=0, wall_s=1.0, cpu_s=1.0, peak_memory_bytes=1 << 20, output_bytes=100
    )
    outcome = Measured(value=value, others={"cpu_s": 1.0}, items=(value, value))
    return RunEnded(key=f"{number}-{index}", outcome=outcome, report=report, artefacts={"log": "a" * 64})


def judged(number: int, decision: Decision = Decision.DISCARDED) -> Judged:
    """The verdict on experiment `number`."""
    verdict = Verdict(decision=decision, reason="as the evidence says", gain=0.1, interval=(0.05, 0.15))
    return Judged(experiment=number, verdict=verdict)


def claim(*, certified: bool) -> Claim:
    """What a certification found."""
    return Claim(
        experiment=1,
        baseline=BASE,
        champion=commit_of(1),
        baseline_value=2.0,
        champion_value=1.8,
        relative=0.1,
        relative_interval=(0.09, 0.11),
        pairs=3,
        certified=certified,
        reason="every pair agrees",
    )
