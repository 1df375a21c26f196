"""What a certification takes back, over real git, where the holdout disagrees with the search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.assembly import assembled
from jumar.core.agent import Brief
from jumar.core.evaluator import Evaluator, FinishedRun
from jumar.core.event import Certified, Entry, Refuted, Wish
from jumar.core.job import ExitReport, Job
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Edit, Proposal
from jumar.core.run import Purpose, Side
from jumar.home import Home, Options
from jumar.study.loop import Loop
from jumar.study.tick import Tick
from jumar.testing.repository import Repository
from jumar.testing.tiny import contract

WORK = "A = 3.0\n" + "#\n" * 8 + 'B = 3.0\n\nprint(f"loss: {A + B:.6f}")\n'
FITTED = 1.0  # a value of A that does well on the search's data only


class Script:
    """Proposes values of A and B, in order."""

    name = "script"
    repeats = False

    def __init__(
        self,
        *ideas: tuple[float, float],
        work: str = WORK,
        extra: Mapping[tuple[float, float], str] = MappingProxyType({}),
    ) -> None:
        self.ideas, self.briefs = list(ideas), list[Brief]()
        self._work, self._extra = work, extra

    def propose(self, brief: Brief) -> Proposal | None:
        self.briefs.append(brief)
        if not self.ideas:
            return None
        a, b = self.ideas.pop(0)
        content = self._work.replace("A = 3.0", f"A = {a}").replace("B = 3.0", f"B = {b}")
        content += self._extra.get((a, b), "")
        edits = (Edit(path="work.py", content=content.encode()),)
        return Proposal(hypothesis=f"A {a}, B {b}", edits=edits, agent="script")


class OtherHoldout:
    """An evaluator whose holdout finds out what was fitted to the search's data."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator, self.trusted = evaluator, evaluator.trusted

    def scoring(self, finished: FinishedRun) -> Job | None:
        return self._evaluator.scoring(finished)

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome:
        outcome = self._evaluator.measure(finished, scored)
        assert isinstance(outcome, Measured)
        fitted = f"A = {FITTED}" in (finished.tree / "work.py").read_text()
        if finished.run.purpose is Purpose.CERTIFY and fitted:
            return replace(outcome, value=outcome.value + 4)
        return outcome


def ignore(_: Entry | Tick) -> None:
    """See nothing."""


@contextmanager
def sitting(folder: Path, agent: Script, observe: Callable[[Entry | Tick], None] = ignore) -> Iterator[Loop]:
    home, terms = Home(folder=folder, study="tiny"), (folder / "jumar.toml").read_text()
    with assembled(home, terms, Options(workers=1), observe) as parts:
        yield Loop(replace(parts, agent=agent, evaluator=OtherHoldout(parts.evaluator)))


def run(folder: Path, agent: Script, observe: Callable[[Entry | Tick], None] = ignore) -> Study:
    with sitting(folder, agent, observe) as loop:
        loop.run()
    return open_study(folder)


@pytest.fixture
def folder(repository: Callable[[Mapping[str, str]], Path]) -> Path:
    return repository({"work.py": WORK, "jumar.toml": contract(experiments=40)})


def branch(study: Study) -> str:
    return Repository(study.folder).git("rev-parse", f"jumar/{study.name}")


def champion(study: Study) -> tuple[int, str]:
    record = study.record()
    assert record is not None
    return record.champion, record.champion_commit


def commit(study: Study, number: int) -> str:
    return study.experiment(number).experiment.commit


class Crash(Exception):
    """The power is cut."""


def cut_at_refutation(event: Entry | Tick) -> None:
    if isinstance(event, Entry) and isinstance(event.event, Refuted):
        raise Crash


def test_what_was_kept_since_the_last_certified_champion_falls_together(folder: Path) -> None:
    run(folder, Script((2.0, 3.0)))
    study = run(folder, Script((FITTED, 3.0), (FITTED, 2.5)))
    assert champion(study) == (1, commit(study, 1))
    assert branch(study) == commit(study, 1)
    assert [one.refuted != "" for one in study.experiments()] == [False, False, True, True]
    record = study.record()
    assert record is not None and record.claim is not None
    assert (record.claim.experiment, record.claim.certified) == (1, True)
    (claim,) = [e.event.claim for e in study.entries() if isinstance(e.event, Certified)][1:]
    assert claim.refuted and claim.working == pytest.approx(2.5 / 6)


def test_without_a_certified_champion_the_unchanged_target_is_champion_again(folder: Path) -> None:
    study = run(folder, Script((FITTED, 3.0)))
    assert champion(study) == (0, commit(study, 0))
    assert branch(study) == commit(study, 0)


def test_the_search_goes_on_from_what_stands_and_agents_are_told(folder: Path) -> None:
    run(folder, Script((FITTED, 3.0)))
    agent = Script((2.0, 3.0))
    study = run(folder, agent)
    assert agent.briefs[0].parent == commit(study, 0)
    assert agent.briefs[0].history[1].refuted
    assert champion(study) == (2, commit(study, 2))
    assert branch(study) == commit(study, 2)


def test_a_crash_between_the_record_and_the_branch_is_mended(folder: Path) -> None:
    with pytest.raises(Crash):
        run(folder, Script((FITTED, 3.0)), cut_at_refutation)
    study = open_study(folder)
    assert champion(study) == (0, commit(study, 0))
    assert branch(study) == commit(study, 1)
    run(folder, Script())
    assert branch(study) == commit(study, 0)


def test_certifying_a_study_that_rests_takes_back_as_well(folder: Path) -> None:
    def stop(event: Entry | Tick) -> None:
        if isinstance(event, Entry) and event.event.__class__.__name__ == "Judged":
            open_study(folder).ask(Wish.STOP)

    study = run(folder, Script((FITTED, 3.0), (FITTED, 2.5)), stop)
    while champion(study)[0] == 0:
        study = run(folder, Script((FITTED, 3.0), (FITTED, 2.5)), stop)
    assert study.record().claim is None  # type: ignore[union-attr]
    with sitting(folder, Script()) as loop:
        claim = loop.certify()
    assert claim is not None and claim.refuted
    assert champion(study) == (0, commit(study, 0))
    assert branch(study) == commit(study, 0)


class Fails:
    """An evaluator to whom a champion's own runs give no number any more."""

    trusted = True

    def __init__(self, evaluator: Evaluator, text: str) -> None:
        self._evaluator, self._text = evaluator, text

    def scoring(self, finished: FinishedRun) -> Job | None:
        return self._evaluator.scoring(finished)

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome:
        is_bomb = self._text in (finished.tree / "work.py").read_text()
        if is_bomb and finished.run.side is Side.REFERENCE and finished.run.purpose is Purpose.CONFIRM:
            return Failed(why=Why.CRASHED, detail="not tonight")
        return self._evaluator.measure(finished, scored)


def run_bomb(folder: Path, agent: Script, observe: Callable[[Entry | Tick], None] = ignore) -> Study:
    home, terms = Home(folder=folder, study="tiny"), (folder / "jumar.toml").read_text()
    with assembled(home, terms, Options(workers=1), observe) as parts:
        Loop(replace(parts, agent=agent, evaluator=Fails(parts.evaluator, "A = 2.0"))).run()
    return open_study(folder)


NOISY = WORK.replace(
    'print(f"loss: {A + B:.6f}")',
    'import os, random\nnoise = random.Random(int(os.environ["JUMAR_SEED"])).gauss(0, 0.005)\n'
    'print(f"loss: {A + B + noise:.6f}")',
)


# What a candidate leaves out makes it a simplification too, which is paired with the champion all the same.
BOMB = "import time\nif time.time() < 0:\n    print('not tonight', time.time())\n    raise SystemExit(1)\n"


@pytest.mark.parametrize("cut", [False, True], ids=["to its end", "killed at the refutation"])
def test_a_champion_whose_own_runs_go_on_failing_is_taken_back(
    repository: Callable[[Mapping[str, str]], Path], cut: bool
) -> None:
    folder = repository({"work.py": NOISY, "jumar.toml": contract(experiments=40)})
    agent = Script((2.5, 3.0), (2.0, 3.0), (2.5, 2.0), work=NOISY, extra={(2.0, 3.0): BOMB})
    if cut:
        with pytest.raises(Crash):
            run_bomb(folder, agent, cut_at_refutation)
    study = run_bomb(folder, agent)
    kept, bomb, found, again = study.experiments()[1:5]
    assert kept.stands and not bomb.stands
    assert bomb.refuted.startswith(
        "its own runs gave no number in 3 pairs, beside a candidate that works: crashed"
    )
    assert found.verdict is not None and "taken back meanwhile; tried again" in found.verdict.reason
    assert again.stands and champion(study) == (4, commit(study, 4))
    assert branch(study) == commit(study, 4)


DEAD = "def unused(a, b):\n    c = a + b\n    for i in range(10):\n        c += i * a\n    return c\n"


def test_equal_code_that_is_less_stays_after_its_certification(
    repository: Callable[[Mapping[str, str]], Path],
) -> None:
    folder = repository({"work.py": DEAD + WORK, "jumar.toml": contract(experiments=40)})
    study = run(folder, Script((3.0, 3.0)))
    assert champion(study) == (1, commit(study, 1))
    (claim,) = [e.event.claim for e in study.entries() if isinstance(e.event, Certified)]
    assert (claim.refuted, claim.certified) == (False, False)
    study = run(folder, Script((FITTED, 3.0)))
    assert champion(study) == (0, commit(study, 0)), "what promised a gain falls, with what it was built on"
