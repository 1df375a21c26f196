from __future__ import annotations

import math
from statistics import fmean

import pytest

from jumar.core.event import Certified, Entry, Event, Judged, Proposed, Refuted, RunEnded, RunStarted
from jumar.core.evidence import Want
from jumar.core.experiment import Experiment
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import Decision, Verdict
from jumar.errors import NotMeasurable
from jumar.rules.evidence import (
    CERTIFY_PAIRS,
    REPEATED_PAIR,
    certifying_pairs,
    evidence_for,
    first_certifying_pair,
    noise_of,
    pairs_of,
    reference_of,
    standing,
)
from jumar.rules.history import History
from jumar.rules.judge import judge
from jumar.rules.plan import wanted_runs
from jumar.rules.simpler import LEAST_SAVED
from jumar.testing.events import BASE, claim, started
from jumar.testing.records import make_study

CONTRACT = make_study(0)[2]
KEPT = Verdict(decision=Decision.KEPT, reason="better")


class Story:
    """Tells a history run by run."""

    def __init__(self) -> None:
        self.history = History()
        self.say(started())
        self._made = 0
        self.propose(0, BASE, BASE)

    def say(self, event: Event) -> None:
        seq = self.history.last_seq + 1
        self.history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))

    def propose(self, number: int, commit: str, parent: str = BASE) -> None:
        self.say(
            Proposed(
                experiment=Experiment(
                    number=number, parent=parent, commit=commit, tree=commit, hypothesis="h", agent="a"
                )
            )
        )

    def run(
        self, number: int, purpose: Purpose, outcome: Outcome | float | None, *, seed: int = 1, **more: object
    ) -> None:
        """A run; None leaves it open. `commit`, `side`, `pair` and `attempt` may be given."""
        self._made += 1
        key = f"{number}-{self._made}"
        known = {"commit": self.history.experiments[number].experiment.commit, **more}
        self.say(RunStarted(run=Run(key=key, experiment=number, seed=seed, purpose=purpose, **known)))  # type: ignore[arg-type]
        if outcome is not None:
            found = Measured(value=outcome) if isinstance(outcome, float) else outcome
            self.say(RunEnded(key=key, outcome=found))

    def baseline(self, *values: float, repeated: float | None = None) -> None:
        for seed, value in enumerate(values, start=1):
            self.run(0, Purpose.BASELINE, value, seed=seed)
        if repeated is not None:
            self.run(0, Purpose.BASELINE, repeated, seed=1, pair=REPEATED_PAIR)
        self.say(Judged(experiment=0, verdict=KEPT))

    def pair(self, number: int, pair: int, candidate: Outcome | float, reference: Outcome | float) -> None:
        self.run(number, Purpose.CONFIRM, candidate, seed=100 + pair, pair=pair)
        other = Side.REFERENCE
        self.run(number, Purpose.CONFIRM, reference, seed=100 + pair, pair=pair, side=other, commit=BASE)


@pytest.fixture
def story() -> Story:
    told = Story()
    told.baseline(2.0, 2.2, 2.1, repeated=2.0)
    return told


def test_a_commit_is_worth_the_mean_of_its_runs_and_known_by_seed(story: Story) -> None:
    found = standing(story.history, BASE)
    assert found.value == pytest.approx(fmean([2.0, 2.2, 2.1, 2.0]))
    assert found.by_seed == {1: 2.0, 2: 2.2, 3: 2.1}
    assert found.runs == 4


def test_the_lucky_draw_that_won_is_left_out_as_soon_as_there_are_fresh_runs(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.run(1, Purpose.SCREEN, 1.0)
    assert standing(story.history, "c" * 40).value == 1.0
    story.pair(1, 0, 1.8, 2.1)
    assert standing(story.history, "c" * 40).value == 1.8


def test_failures_checks_and_certifications_are_no_part_of_a_standing(story: Story) -> None:
    before = standing(story.history, BASE)
    story.run(0, Purpose.CHECK, 99.0)
    story.run(0, Purpose.CERTIFY, 99.0)
    story.run(0, Purpose.CONFIRM, Failed(why=Why.CRASHED, detail=""))
    assert standing(story.history, BASE) == before


def test_a_measurement_that_not_every_run_gave_is_left_out() -> None:
    story = Story()
    story.run(0, Purpose.BASELINE, Measured(value=2.0, others={"mb": 10.0, "once": 1.0}), seed=1)
    story.run(0, Purpose.BASELINE, Measured(value=2.2, others={"mb": 20.0}), seed=2)
    assert standing(story.history, BASE).others == {"mb": 15.0}


def test_what_was_never_measured_has_no_standing(story: Story) -> None:
    with pytest.raises(LookupError):
        standing(story.history, "d" * 40)


def test_a_metric_that_never_moves_is_without_noise() -> None:
    story = Story()
    story.baseline(2.0, 2.0, 2.0, repeated=2.0)
    assert noise_of(story.history).deterministic


def test_a_repeated_seed_that_differs_tells_that_seeds_are_not_honoured() -> None:
    story = Story()
    story.baseline(2.00, 2.02, 2.04, repeated=2.05)
    assert not noise_of(story.history).seeded


def test_a_baseline_that_is_nearly_all_noise_is_refused() -> None:
    story = Story()
    story.baseline(1.0, 5.0, 9.0, repeated=7.0)
    with pytest.raises(NotMeasurable):
        noise_of(story.history)


def test_pairs_sharpen_the_noise_once_their_experiment_is_judged(story: Story) -> None:
    before = noise_of(story.history)
    story.propose(1, "c" * 40)
    story.pair(1, 0, 2.0, 2.1)
    story.pair(1, 1, 2.1, 2.2)
    assert noise_of(story.history) == before
    story.say(Judged(experiment=1, verdict=KEPT))
    after = noise_of(story.history)
    assert after.pair_sd < before.pair_sd
    assert after.runs == before.runs + 1
    assert noise_of(story.history) == after, "pooling twice must not count a pair twice"


def test_the_judge_sees_the_last_whole_attempt_of_each_pair_and_no_half_one(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.pair(1, 0, 1.9, 2.1)
    story.run(1, Purpose.CONFIRM, 1.8, seed=100, pair=0, attempt=1)
    story.run(1, Purpose.CONFIRM, 1.7, seed=101, pair=1)
    story.run(1, Purpose.CONFIRM, None, seed=101, pair=1, side=Side.REFERENCE, commit=BASE)
    (pair,) = pairs_of(story.history.experiments[1], Purpose.CONFIRM)
    assert (pair.seed, pair.candidate, pair.reference) == (100, Measured(value=1.9), Measured(value=2.1))
    story.run(1, Purpose.CONFIRM, 2.0, seed=100, pair=0, attempt=1, side=Side.REFERENCE, commit=BASE)
    (pair,) = pairs_of(story.history.experiments[1], Purpose.CONFIRM)
    assert (pair.candidate, pair.reference) == (Measured(value=1.8), Measured(value=2.0))


def test_a_champion_chooses_by_what_it_writes_about_itself_no_pair_that_counts() -> None:
    def stepped(value: float, steps: float) -> Measured:
        return Measured(value=value, others={"curve_steps": steps})

    story = Story()
    for seed, value in enumerate((2.0, 2.1, 2.2), start=1):
        story.run(0, Purpose.BASELINE, stepped(value, 100.0), seed=seed)
    story.propose(1, "c" * 40)
    for number in range(3):
        story.pair(1, number, stepped(1.9, 800.0), stepped(2.3, 800.0))
    assert len(evidence_for(1, story.history, CONTRACT).pairs) == 3


def test_a_bar_that_moves_does_not_end_what_has_passed_it(story: Story) -> None:
    """The first pair makes the champion look better, and the candidate's own first run look worse beside."""
    story.propose(1, "c" * 40)
    story.run(1, Purpose.SCREEN, 1.75)
    first = judge(evidence_for(1, story.history, CONTRACT))
    assert isinstance(first, Want) and first.purpose is Purpose.CONFIRM
    story.pair(1, 0, 0.9, 1.1)
    assert isinstance(judge(evidence_for(1, story.history, CONTRACT)), Want)


def test_nor_does_a_first_pair_whose_reference_failed(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.run(1, Purpose.SCREEN, 1.75)
    story.pair(1, 0, 1.2, Failed(why=Why.CRASHED, detail=""))
    story.propose(2, "d" * 40)
    for number in range(5, 9):
        story.pair(2, number, 1.5, 1.5)  # beside another, the champion did well meanwhile
    answer = judge(evidence_for(1, story.history, CONTRACT))
    assert isinstance(answer, Want) and answer.purpose is Purpose.CONFIRM


def test_evidence_is_drawn_against_the_parent_not_against_todays_champion(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.run(1, Purpose.SCREEN, 1.5)
    story.say(Judged(experiment=1, verdict=KEPT))
    story.propose(2, "d" * 40, parent=BASE)
    story.run(2, Purpose.SCREEN, 1.9, seed=2)
    evidence = evidence_for(2, story.history, CONTRACT)
    assert evidence.champion == standing(story.history, BASE) == evidence.baseline
    assert (evidence.screen, evidence.screen_seed) == (Measured(value=1.9), 2)


def test_every_outcome_reaches_the_judge_also_those_without_a_number(story: Story) -> None:
    story.propose(1, "c" * 40)
    assert evidence_for(1, story.history, CONTRACT).screen is None
    stopped = Stopped(progress=0.5, detail="hopeless")
    story.run(1, Purpose.SCREEN, stopped)
    failed = Failed(why=Why.CHECK_FAILED, detail="")
    story.run(1, Purpose.CHECK, 1.0, pair=0)
    story.run(1, Purpose.CHECK, failed, pair=1)
    evidence = evidence_for(1, story.history, CONTRACT)
    assert evidence.screen == stopped
    assert evidence.checked == (Measured(value=1.0), failed)


def test_each_certification_of_a_champion_adds_pairs_of_its_own_to_those_before(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.say(Judged(experiment=1, verdict=KEPT))
    for pair in range(CERTIFY_PAIRS + 1):
        for side in Side:
            story.run(1, Purpose.CERTIFY, 1.0 + pair, seed=200 + pair, side=side, pair=pair)
    assert len(certifying_pairs(story.history, 1)) == CERTIFY_PAIRS + 1
    story.say(Certified(claim=claim(certified=True)))
    assert first_certifying_pair(story.history, 1) == CERTIFY_PAIRS
    pooled = certifying_pairs(story.history, 1)
    assert len(pooled) == CERTIFY_PAIRS + 1, "what an earlier look has seen is not forgotten"
    left = pooled[-1]
    assert left.seed == 200 + CERTIFY_PAIRS


def test_experiments_are_put_to_the_test_in_the_order_of_their_first_pairs(story: Story) -> None:
    for number in (1, 2, 3):
        story.propose(number, str(number) * 40)
    story.run(2, Purpose.CONFIRM, 1.0, seed=300, side=Side.CANDIDATE)
    assert [evidence_for(number, story.history, CONTRACT).test for number in (1, 2, 3)] == [2, 1, 2]
    story.run(1, Purpose.CONFIRM, 1.0, seed=301, side=Side.CANDIDATE)
    story.say(Judged(experiment=2, verdict=KEPT))
    found = evidence_for(1, story.history, CONTRACT)
    assert (found.test, found.keeps, found.false_keeps) == (2, 1, 0.10)


def test_the_typical_time_is_the_median_of_runs_with_a_number(story: Story) -> None:
    assert story.history.means(BASE).usual_wall_s() == 1.0
    assert story.history.means("f" * 40).usual_wall_s() is None


def test_a_pair_is_strict_where_both_sides_were(story: Story) -> None:
    story.propose(1, "c" * 40)
    for number, sides in enumerate([(True, True), (True, False), (False, False)]):
        for side, strict in zip(Side, sides, strict=True):
            commit = story.history.experiments[1].experiment.commit if side is Side.CANDIDATE else BASE
            story.run(1, Purpose.CONFIRM, 1.0, pair=number, side=side, commit=commit, strict=strict)
    assert [pair.strict for pair in evidence_for(1, story.history, CONTRACT).pairs] == [True, False, False]


def test_what_strict_scoring_costs_is_not_in_the_means_that_guards_use(story: Story) -> None:
    story.propose(1, "c" * 40)
    for pair, strict in enumerate([False, True]):
        spent = Measured(value=1.0, others={"serve_cpu_s": 8.0 if strict else 4.0})
        story.run(1, Purpose.CONFIRM, spent, seed=100 + pair, pair=pair, strict=strict)
    found = standing(story.history, story.history.experiments[1].experiment.commit)
    assert (found.runs, found.others) == (2, {"serve_cpu_s": 4.0})


def test_what_was_only_ever_confirmed_strictly_has_its_screen_for_guards(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.run(1, Purpose.SCREEN, Measured(value=0.5, others={"serve_cpu_s": 4.0}))
    story.run(1, Purpose.CONFIRM, Measured(value=1.0, others={"serve_cpu_s": 8.0}), seed=100, strict=True)
    found = standing(story.history, story.history.experiments[1].experiment.commit)
    assert (found.value, found.others) == (1.0, {"serve_cpu_s": 4.0})


def test_less_code_is_confirmed_beside_the_last_gain_and_counts_as_no_gain_found(story: Story) -> None:
    def propose(number: int, commit: str, parent: str, saved: int) -> None:
        experiment = Experiment(
            number=number, parent=parent, commit=commit, tree="", hypothesis="", agent="a", saved=saved
        )
        story.say(Proposed(experiment=experiment))

    simpler = Verdict(
        decision=Decision.KEPT, reason="simpler", gain=0.0, evidence={"simpler": {"gain": -0.001}}
    )
    propose(1, "c" * 40, BASE, 0)
    story.pair(1, 0, 1.8, 2.1)
    story.say(Judged(experiment=1, verdict=KEPT))
    propose(2, "d" * 40, "c" * 40, 50)
    story.run(2, Purpose.SCREEN, 1.8)
    story.say(Judged(experiment=2, verdict=simpler))
    propose(3, "e" * 40, "d" * 40, 50)
    propose(4, "f" * 40, "d" * 40, LEAST_SAVED - 1)
    references = [reference_of(story.history.experiments[n], story.history) for n in (3, 4)]
    assert references == ["c" * 40, "d" * 40]
    third, fourth = (evidence_for(number, story.history, CONTRACT) for number in (3, 4))
    assert (third.saved, fourth.saved) == (50, 0)
    assert third.margin == pytest.approx(noise_of(story.history).pair_sd)
    assert (third.keeps, fourth.margin) == (1, 0.0)
    want = Want(purpose=Purpose.CONFIRM, why="")
    commits = [run.commit for run in wanted_runs(want, story.history.experiments[3], story.history)]
    assert commits == ["e" * 40, "c" * 40]


def test_a_jump_that_was_refuted_makes_no_other_one_believed(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.run(1, Purpose.SCREEN, 0.7)
    jump = Verdict(decision=Decision.KEPT, reason="", gain=1.4, evidence={"champion": 2.1})
    story.say(Judged(experiment=1, verdict=jump))
    story.propose(2, "d" * 40)
    assert evidence_for(2, story.history, CONTRACT).largest_gain == pytest.approx(math.log(3))
    story.say(Refuted(experiment=1, champion=0, commit=BASE, reason="no gain"))
    assert evidence_for(2, story.history, CONTRACT).largest_gain == 0.0
    story.pair(2, 0, 0.6, 2.1)
    assert [pair.candidate for pair in evidence_for(2, story.history, CONTRACT).pairs] == [
        Measured(value=0.6)
    ]


def test_a_side_that_is_repeated_with_its_pair_counts_once_in_the_means(story: Story) -> None:
    story.propose(1, "c" * 40)
    story.pair(1, 0, 1.8, 2.1)
    story.pair(1, 1, 1.6, 2.1)
    before = standing(story.history, "c" * 40)
    story.run(1, Purpose.CONFIRM, 1.6, seed=101, pair=1, attempt=1)
    assert standing(story.history, "c" * 40) == before
    assert before.runs == 2
    assert before.value == pytest.approx(1.7)
