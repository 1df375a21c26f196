"""Runs made on another class of machine, or beside another number of neighbours, are not compared."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from jumar.core.event import Entry, Event, Judged, Proposed, Resumed, Revisited, RunEnded, RunStarted
from jumar.core.evidence import Want
from jumar.core.machine import Circumstances, alike
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import Decision, Verdict
from jumar.rules.evidence import REPEATED_PAIR, evidence_for, noise_of, pairs_of, standing
from jumar.rules.history import History
from jumar.rules.judge import judge
from jumar.rules.noise import LEARNT_FROM
from jumar.rules.plan import baseline_runs, revisiting_runs, wanted_runs
from jumar.rules.revisit import PAIRS, Finding, revisit
from jumar.testing.events import BASE, commit_of, judged, proposed, run_ended, started
from jumar.testing.records import make_study

ALONE, BESIDE = (Circumstances(machine="a CPU, 1 core", workers=n) for n in (1, 2))
CONTRACT = make_study(0)[2]
METRIC = CONTRACT.measure.metric
REPORT = run_ended(1).report


class Story:
    """A study told run by run; `under` is what the runs to come are made under."""

    def __init__(self, under: Circumstances | None) -> None:
        self.history, self._made = History(), 0
        self.tell(started())
        self.resume(under)
        self.tell(proposed(0))

    def baseline(self) -> Story:
        for seed, value in enumerate((2.0, 2.02, 1.98, 2.01, 1.99, 2.02, 1.98, 2.0), start=1):
            self.run(0, Purpose.BASELINE, value, seed=seed)
        self.run(0, Purpose.BASELINE, 2.0, seed=1, pair=REPEATED_PAIR)
        self.tell(judged(0, Decision.KEPT))
        return self

    def tell(self, *events: Event) -> None:
        for event in events:
            seq = self.history.last_seq + 1
            self.history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))

    def resume(self, under: Circumstances | None) -> None:
        self.under = under
        self.tell(Resumed(pid=1, host="h", under=under))

    def run(self, number: int, purpose: Purpose, value: float, *, seed: int = 1, **more: object) -> None:
        self._made += 1
        known = {"commit": self.history.experiments[number].experiment.commit, **more}
        run = Run(key=f"{number}-{self._made}", experiment=number, seed=seed, purpose=purpose, **known)  # type: ignore[arg-type]
        self.make(run, value)

    def make(self, run: Run, value: float) -> None:
        assert REPORT is not None
        report = replace(REPORT, under=self.under)
        self.tell(RunStarted(run=run), RunEnded(key=run.key, outcome=Measured(value=value), report=report))

    def candidate(self, number: int, value: float) -> None:
        """An experiment with its screen."""
        self.tell(
            Proposed(experiment=replace(proposed(number).experiment, parent=self.history.champion_commit))
        )
        (screen,) = wanted_runs(
            Want(purpose=Purpose.SCREEN, why=""), self.history.experiments[number], self.history
        )
        self.make(screen, value)

    def pair(self, number: int, ours: float, theirs: float, sides: Sequence[Side] = tuple(Side)) -> None:
        for run in wanted_runs(
            Want(purpose=Purpose.CONFIRM, why=""), self.history.experiments[number], self.history
        ):
            if run.side in sides:
                self.make(run, ours if run.side is Side.CANDIDATE else theirs)

    def answer(self, number: int) -> Verdict | Want:
        return judge(evidence_for(number, self.history, CONTRACT))

    def revisits(self) -> Want | Finding | None:
        return revisit(self.history, METRIC)

    def keep(self, number: int) -> None:
        self.tell(judged(number, Decision.KEPT))


@pytest.fixture
def story() -> Story:
    return Story(ALONE).baseline()


def test_older_records_match_everything() -> None:
    assert alike(None, ALONE) and alike(BESIDE, None) and alike(ALONE, ALONE) and not alike(ALONE, BESIDE)
    old = Story(None).baseline()
    old.resume(BESIDE)
    assert old.revisits() is None
    old.candidate(1, 2.5)
    verdict = old.answer(1)
    assert isinstance(verdict, Verdict) and verdict.decision is Decision.DISCARDED


def test_what_the_champion_never_measured_so_is_compared_in_a_pair_and_not_with_its_stored_values(
    story: Story,
) -> None:
    story.candidate(1, 2.5)
    assert isinstance(story.answer(1), Verdict), "far worse than the champion"
    story.resume(BESIDE)
    story.candidate(2, 2.5)
    want = story.answer(2)
    assert isinstance(want, Want) and want.purpose is Purpose.CONFIRM
    story.pair(2, 2.4, 2.5)
    assert story.answer(2) == Want(purpose=Purpose.CONFIRM, why="pair 2 of at most 8")


def test_a_study_that_goes_on_elsewhere_runs_champion_and_baseline_first(story: Story) -> None:
    story.candidate(1, 1.8)
    story.pair(1, 1.8, 2.0)
    story.keep(1)
    assert story.revisits() is None
    story.resume(BESIDE)
    want = story.revisits()
    assert isinstance(want, Want) and "2 workers" in want.why
    runs = revisiting_runs(story.history)
    assert sorted((run.side.value, run.commit) for run in runs) == [
        ("candidate", commit_of(1)),
        ("reference", BASE),
    ]
    for run in runs:
        story.make(run, 3.6 if run.side is Side.CANDIDATE else 4.0)
    found = story.revisits()
    assert isinstance(found, Finding)
    (event,) = found.events
    assert isinstance(event, Revisited) and not event.moved and "2 workers" in event.reason
    story.tell(event)
    assert story.revisits() is None
    assert standing(story.history, commit_of(1)).value == 3.6
    story.candidate(2, 3.5)
    assert story.answer(2) != story.answer(1)
    assert evidence_for(2, story.history, CONTRACT).baseline.value == 4.0
    story.resume(ALONE)
    assert story.revisits() is None, "what was measured so before counts again"
    assert standing(story.history, commit_of(1)).value == 1.8


def test_a_baseline_that_was_begun_elsewhere_is_made_again() -> None:
    begun = Story(ALONE)

    def missing() -> tuple[Run, ...]:
        return baseline_runs(begun.history.experiments[0], begun.history, CONTRACT)

    every = missing()
    for run in every:
        begun.make(run, 2.0)
    assert every and not missing()
    begun.resume(BESIDE)
    assert [(run.seed, run.pair) for run in missing()] == [(run.seed, run.pair) for run in every]


def test_sides_that_were_made_under_different_circumstances_are_no_pair(story: Story) -> None:
    story.candidate(1, 1.8)
    for place in range(3):
        story.under = ALONE
        story.run(1, Purpose.CONFIRM, 1.8, seed=100 + place, pair=place)
        story.under = BESIDE
        other = {"pair": place, "side": Side.REFERENCE, "commit": BASE}
        story.run(1, Purpose.CONFIRM, 2.0, seed=100 + place, **other)
        story.under = ALONE
    assert [pair.alike for pair in pairs_of(story.history.experiments[1], Purpose.CONFIRM)] == [False] * 3
    verdict = story.answer(1)
    assert isinstance(verdict, Verdict) and verdict.reason.endswith("in 3 pairs, or none that compares")


def test_a_machine_that_became_faster_is_noticed_beside_a_candidate_and_forgets_its_record(
    story: Story,
) -> None:
    story.candidate(1, 1.99)
    story.candidate(2, 1.8)
    verdict = None
    while not isinstance(verdict, Verdict):
        story.pair(2, 1.2, 1.2)
        verdict = story.answer(2)
    assert verdict.decision is Decision.DISCARDED and verdict.evidence["above_record"]
    story.tell(Judged(experiment=2, verdict=verdict))
    for step in range(PAIRS + 1):
        assert isinstance(story.revisits(), Want), step
        for run in revisiting_runs(story.history):
            story.make(run, 1.2)
    found = story.revisits()
    assert isinstance(found, Finding)
    (event,) = found.events
    assert isinstance(event, Revisited) and event.moved and "better than it was" in event.reason
    story.tell(event)
    assert standing(story.history, BASE).value == pytest.approx(1.2)
    assert story.revisits() is None


def test_what_differs_by_its_circumstances_is_not_taken_for_noise(story: Story) -> None:
    story.candidate(1, 0.5)
    for value in (0.5, 0.5001, 0.4999):  # far from where the noise was learnt, and quieter
        story.pair(1, value, 2.0)
    story.tell(Judged(experiment=1, verdict=Verdict(decision=Decision.KEPT, reason="better")))
    story.resume(BESIDE)
    made = 0
    while found := story.revisits():
        if isinstance(found, Finding):
            story.tell(*found.events)
        else:
            for run in revisiting_runs(story.history):
                story.make(run, 1.0 + made * 1e-4 if run.side is Side.CANDIDATE else 4.0)
            made += 1
    assert made <= LEARNT_FROM
    assert noise_of(story.history).run_sd < 0.05, "not the 100 % between one worker and two"
