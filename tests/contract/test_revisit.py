"""A champion that is not what it was any more, over real git: the machine changed, or its own time is up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.cli.main import ending
from jumar.core.agent import Brief
from jumar.core.evaluator import Evaluator, FinishedRun
from jumar.core.event import Entry, Revisited
from jumar.core.job import ExitReport, Job
from jumar.core.ledger import Condition
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Edit, Proposal
from jumar.core.run import Purpose
from jumar.core.verdict import Decision
from jumar.errors import NotMeasurable
from jumar.home import Home, Options
from jumar.reports.values import Values
from jumar.rules.revisit import CRASHES, PAIRS, UNSEEN
from jumar.study.loop import Loop
from jumar.study.tick import Tick
from jumar.testing.repository import Repository
from jumar.testing.tiny import contract

WORK = 'A = 3.0\n\nprint(f"loss: {A:.6f}")\n'
CRASH = Failed(why=Why.CRASHED, detail="exit code 1")
Weather = Callable[[float, int], Outcome]


class Script:
    """Proposes values of A, in order, each with a line of its own."""

    name = "script"
    repeats = False

    def __init__(self, *values: float) -> None:
        self._values = list(values)

    def propose(self, brief: Brief) -> Proposal | None:
        if not self._values:
            return None
        value = self._values.pop(0)
        content = WORK.replace("A = 3.0", f"A = {value}") + f"SERIAL = {brief.number}\n"
        edits = (Edit(path="work.py", content=content.encode()),)
        return Proposal(hypothesis=f"A {value}", edits=edits, agent="script")


class Changing:
    """An evaluator of a world that changes: what a value of A gives depends on how many were judged."""

    def __init__(self, evaluator: Evaluator, weather: Weather, judged: Callable[[], int]) -> None:
        self._evaluator, self.trusted = evaluator, evaluator.trusted
        self._weather, self._judged = weather, judged

    def scoring(self, finished: FinishedRun) -> Job | None:
        return self._evaluator.scoring(finished)

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome:
        outcome = self._evaluator.measure(finished, scored)
        assert isinstance(outcome, Measured)
        return self._weather(outcome.value, self._judged())


def ignore(_: Entry | Tick) -> None:
    """See nothing."""


@contextmanager
def sitting(folder: Path, agent: Script, weather: Weather, workers: int = 1) -> Iterator[Loop]:
    home, terms = Home(folder=folder, study="tiny"), (folder / "jumar.toml").read_text()

    def judged() -> int:
        record = open_study(folder).record()
        return sum(record.decisions.values()) if record else 0

    with assembled(home, terms, Options(workers=workers, oversubscribe=True), ignore) as parts:
        yield Loop(replace(parts, agent=agent, evaluator=Changing(parts.evaluator, weather, judged)))


def run(folder: Path, agent: Script, weather: Weather, workers: int = 1) -> Study:
    with sitting(folder, agent, weather, workers) as loop:
        loop.run()
    return open_study(folder)


@pytest.fixture
def folder(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    return repository({"work.py": WORK, "jumar.toml": contract(experiments=60)})


def decisions(study: Study) -> list[Decision | None]:
    return [one.verdict.decision if one.verdict else None for one in study.experiments()[1:]]


def revisits(study: Study) -> list[Revisited]:
    return [entry.event for entry in study.entries() if isinstance(entry.event, Revisited)]


def test_a_study_that_goes_on_with_other_workers_runs_its_champion_before_it_compares(folder: Path) -> None:
    def slower_beside_others(value: float, judged: int) -> Outcome:
        return Measured(value=value * (2.0 if judged else 1.0))

    run(folder, Script(2.0), slower_beside_others)
    study = run(folder, Script(1.9), slower_beside_others, workers=2)
    assert decisions(study) == [Decision.KEPT, Decision.KEPT]
    (found,) = revisits(study)
    assert found.experiment == 1 and not found.moved and "2 workers" in found.reason
    anew = {
        (one.run.commit, one.run.purpose)
        for one in study.experiment(1).runs
        if one.under and one.under.workers == 2
    }
    champion, base = study.experiment(1).experiment.commit, study.experiment(0).experiment.commit
    assert anew == {(champion, Purpose.REVISIT), (base, Purpose.REVISIT)}
    values = Values(study.experiments())
    assert values.of(study.experiment(0)) == 6.0 and values.of(study.experiment(1)) == 4.0, "as now"


def test_a_machine_that_becomes_slower_hides_no_gain_for_longer_than_a_revisit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def slower(value: float, judged: int) -> Outcome:
        return Measured(value=value if judged < 2 else 2 * value)

    study = run(folder, Script(2.0, *[2.5] * (UNSEEN + 1), 1.9), slower)
    assert decisions(study) == [Decision.KEPT, *[Decision.DISCARDED] * (UNSEEN + 1), Decision.KEPT]
    (found,) = revisits(study)
    assert (found.experiment, found.moved, found.runs) == (1, True, 1 + PAIRS)
    made = [one for one in study.experiment(1).runs if one.run.purpose is Purpose.REVISIT]
    assert len(made) == 1 + 2 * PAIRS
    champion = study.experiment(1)
    assert champion.since == min(run.started_at for run in made)
    assert Values(study.experiments()).of(champion) == 4.0, "and everybody reads the same"
    assert ending(["show", "1", "-C", str(folder)]) == 0
    assert "its runs count since" in capsys.readouterr().out


def test_a_champion_whose_time_is_up_takes_no_night_with_it(folder: Path) -> None:
    def until_then(value: float, judged: int) -> Outcome:
        return CRASH if value <= 2.0 and judged >= 1 else Measured(value=value)

    study = run(folder, Script(2.0, *[1.9] * CRASHES, 2.5), until_then)
    assert decisions(study) == [Decision.KEPT, *[Decision.FAILED] * CRASHES, Decision.KEPT]
    record = study.record()
    assert record is not None and record.champion == 2 + CRASHES
    assert "gave no number in 4 runs: crashed" in study.experiment(1).refuted
    kept = study.experiment(2 + CRASHES).experiment
    assert kept.parent == study.experiment(0).experiment.commit
    assert Repository(folder).git("rev-parse", "jumar/tiny") == kept.commit


def test_where_nothing_works_any_more_the_study_rests_and_goes_on_when_it_does(folder: Path) -> None:
    with pytest.raises(NotMeasurable, match="the champion gave no number in 4 runs"):
        run(
            folder,
            Script(2.0, *[1.9] * CRASHES),
            lambda value, judged: CRASH if judged >= 1 else Measured(value=value),
        )
    record = open_study(folder).record()
    assert record is not None and record.condition is Condition.RESTING
    study = run(folder, Script(1.8), lambda value, _: Measured(value=value))
    assert decisions(study)[-1] is Decision.KEPT
    record = study.record()
    assert record is not None and record.champion == 2 + CRASHES
