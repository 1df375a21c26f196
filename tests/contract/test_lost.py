"""Runs whose machine died: made once more, judged once, and never held against the candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.event import RunEnded, RunLost, RunStarted
from jumar.core.executor import Ended, Executor, Lost
from jumar.core.job import Job
from jumar.core.probe import Sweep
from jumar.core.proposal import Edit, Proposal
from jumar.core.run import Purpose
from jumar.core.verdict import Decision
from jumar.errors import EnvironmentUnfit
from jumar.home import Home, Options
from jumar.study.loop import Loop
from jumar.testing.tiny import NOISY, contract


class Mortal:
    """An executor whose machines die in the middle of the runs that it is told."""

    def __init__(self, real: Executor, dying: Callable[[str], bool]) -> None:
        self._real, self._dying = real, dying
        self.slots, self.under = real.slots, real.under
        self.wake, self.cancel, self.close = real.wake, real.cancel, real.close

    def submit(self, job: Job) -> None:
        self._real.submit(job)

    def wait(self, timeout_s: float) -> tuple[Ended | Lost, ...]:
        ended = self._real.wait(timeout_s)
        return tuple(Lost(key=e.key, reason="node 7 died") if self._dying(e.key) else e for e in ended)


class Turns:
    """Proposes one good edit, and then nothing."""

    name = "turns"
    repeats = False

    def __init__(self) -> None:
        self._rates = [1.0]

    def propose(self, brief: Brief) -> Proposal | None:
        if not self._rates:
            return None
        content = NOISY.replace("RATE = 3.0", f"RATE = {self._rates.pop()}").encode()
        return Proposal(hypothesis="slower", edits=(Edit(path="work.py", content=content),), agent=self.name)


@pytest.fixture
def folder(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    return repository({"work.py": NOISY, "jumar.toml": contract(experiments=3)})


def sit(folder: Path, dying: Callable[[str], bool], work: Callable[[Loop], object]) -> Study:
    home, text = Home(folder=folder, study="tiny"), (folder / "jumar.toml").read_text()
    with assembled(home, text, Options(workers=2), lambda _: None) as parts:
        work(Loop(replace(parts, agent=Turns(), executor=Mortal(parts.executor, dying))))
    return open_study(folder)


def first_of_each(kinds: set[str], done: set[str]) -> Callable[[str], bool]:
    """Dies under the first run of each kind that comes: of a number, or of a probe."""

    def dying(key: str) -> bool:
        kind = key if key in kinds else ""
        is_first = bool(kind) and kind not in done
        done.add(kind)
        return is_first

    return dying


def test_a_lost_run_is_made_once_more_and_everything_is_judged_once(folder: Path) -> None:
    lost = {"0-1", "1-1", "1-3"}  # of the baseline, a screen, a side of a pair
    study = sit(folder, first_of_each(lost, set()), lambda loop: loop.run())
    events = [entry.event for entry in study.entries()]
    assert {each.key for each in events if isinstance(each, RunLost)} == lost
    assert {each.reason for each in events if isinstance(each, RunLost)} == {"node 7 died"}
    baseline, experiment = study.experiments()
    assert [each.verdict.decision for each in (baseline, experiment) if each.verdict] == [Decision.KEPT] * 2
    started = [each.run.key for each in events if isinstance(each, RunStarted)]
    ended = [each.key for each in events if isinstance(each, RunEnded)]
    assert sorted(started) == sorted({*ended, *lost}) and len(ended) == len(set(ended))
    confirming = [run for run in experiment.runs if run.run.purpose is Purpose.CONFIRM]
    again = [run.run.pair for run in confirming if run.run.attempt]
    assert again and set(again) == {run.run.pair for run in confirming if run.lost}


def test_a_run_that_is_lost_twice_lets_the_study_rest_and_it_goes_on_later(folder: Path) -> None:
    with pytest.raises(EnvironmentUnfit, match=r"run 1-\d was lost, and so was .*: node 7 died"):
        sit(folder, lambda key: key.startswith("1-"), lambda loop: loop.run())
    study = open_study(folder)
    record = study.record()
    assert record and "was lost" in record.reason
    assert study.experiments()[1].verdict is None
    study = sit(folder, lambda _: False, lambda loop: loop.run())
    verdict = study.experiments()[1].verdict
    assert verdict and verdict.decision is Decision.KEPT and len(study.experiments()) == 2


def test_a_lost_run_of_a_probe_is_made_again(folder: Path) -> None:
    sit(folder, lambda _: False, lambda loop: loop.run())
    told: list[object] = []
    sweep = Sweep(knobs=("RATE",), runs=3, share=1.0)
    dying = first_of_each({"0-p2"}, set())
    study = sit(folder, dying, lambda loop: told.append(loop.look(sweep)))
    assert told and "RATE" in str(told[0])
    assert [run.lost for run in study.experiments()[0].runs if run.lost] == ["node 7 died"]
