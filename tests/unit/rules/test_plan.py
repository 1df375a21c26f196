from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from jumar.core.event import Certified, Entry, Event, Judged, Proposed, RunEnded, RunLost, RunStarted
from jumar.core.evidence import Want
from jumar.core.experiment import Experiment
from jumar.core.outcome import Failed, Measured, Why
from jumar.core.run import Purpose, Run, Side
from jumar.core.verdict import Decision, Verdict
from jumar.rules.evidence import CERTIFY_PAIRS, REPEATED_PAIR, noise_of, pairs_of, standing
from jumar.rules.history import History
from jumar.rules.plan import baseline_runs, certifying_runs, fatal_failure, wanted_runs
from jumar.testing.events import BASE, claim, started
from jumar.testing.records import make_study

CONTRACT = make_study(0)[2]
KEPT = Verdict(decision=Decision.KEPT, reason="better")
MINE = "c" * 40


class Story:
    """A history that makes the runs it is asked to make."""

    def __init__(self) -> None:
        self.history = History()
        self.say(started())
        self.propose(0, BASE)

    def say(self, *events: Event) -> None:
        for event in events:
            seq = self.history.last_seq + 1
            self.history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))

    def propose(self, number: int, commit: str) -> None:
        experiment = Experiment(number=number, parent=BASE, commit=commit, tree="", hypothesis="", agent="a")
        self.say(Proposed(experiment=experiment))

    def make(self, runs: Sequence[Run], *values: float) -> None:
        for n, run in enumerate(runs):
            value = values[n] if n < len(values) else 2.0 + run.seed % 97 / 1000
            self.say(RunStarted(run=run), RunEnded(key=run.key, outcome=Measured(value=value)))

    def baseline(self) -> tuple[Run, ...]:
        return baseline_runs(self.history.experiments[0], self.history, CONTRACT)

    def wanted(self, purpose: Purpose, number: int = 1) -> tuple[Run, ...]:
        return wanted_runs(Want(purpose=purpose, why=""), self.history.experiments[number], self.history)

    def certifying(self, number: int = 1) -> tuple[Run, ...]:
        return certifying_runs(self.history.experiments[number], self.history, CONTRACT)


def by_side(runs: Sequence[Run]) -> tuple[Run, Run]:
    """Candidate and reference, whichever is launched first."""
    candidate, reference = sorted(runs, key=lambda run: run.side.value)
    return candidate, reference


@pytest.fixture
def story() -> Story:
    told = Story()
    told.make(told.baseline())
    told.say(Judged(experiment=0, verdict=KEPT))
    told.propose(1, MINE)
    return told


def test_the_baseline_has_seeds_of_its_own_and_the_first_one_twice() -> None:
    runs = Story().baseline()
    assert len(runs) == CONTRACT.measure.baseline
    assert len({run.seed for run in runs}) == len(runs) - 1
    assert (runs[-1].seed, runs[-1].pair) == (runs[0].seed, REPEATED_PAIR)
    assert len({run.key for run in runs}) == len(runs)


def test_of_the_baseline_only_what_is_missing_is_made_again() -> None:
    story = Story()
    first, second, *rest = story.baseline()
    story.make([first])
    story.say(RunStarted(run=second), RunLost(key=second.key, reason="died"))
    again = story.baseline()
    assert [run.seed for run in again] == [second.seed, *(run.seed for run in rest)]
    assert not {run.key for run in again} & {first.key, second.key}


def test_one_run_of_the_baseline_may_fail_and_another_seed_takes_its_place() -> None:
    story = Story()
    first, second, *rest = story.baseline()
    crash = Failed(why=Why.CRASHED, detail="exit code 1")
    story.say(RunStarted(run=first), RunEnded(key=first.key, outcome=crash))
    story.make([second])
    record = story.history.experiments[0]
    assert fatal_failure(record) is None
    wanted = story.baseline()
    assert first.seed not in {run.seed for run in wanted}
    assert (wanted[-1].seed, wanted[-1].pair) == (second.seed, REPEATED_PAIR), (
        "the first that works is repeated"
    )
    story.make(wanted)
    assert story.baseline() == ()
    assert noise_of(story.history).runs >= CONTRACT.measure.baseline - 1
    story.say(RunStarted(run=rest[0]), RunEnded(key=rest[0].key, outcome=crash))
    assert fatal_failure(story.history.experiments[0]) == crash


def test_a_check_that_the_unchanged_target_fails_is_fatal_at_once() -> None:
    story = Story()
    contract = replace(CONTRACT, measure=replace(CONTRACT.measure, checks=(("a",),)))
    record = story.history.experiments[0]
    (check,) = [run for run in baseline_runs(record, story.history, contract) if run.purpose is Purpose.CHECK]
    failed = Failed(why=Why.CHECK_FAILED, detail="a")
    story.say(RunStarted(run=check), RunEnded(key=check.key, outcome=failed))
    assert fatal_failure(story.history.experiments[0]) == failed


def test_the_checks_are_tried_on_the_unchanged_target_too() -> None:
    story = Story()
    contract = replace(CONTRACT, measure=replace(CONTRACT.measure, checks=(("a",), ("b",))))
    record = story.history.experiments[0]
    checks = [run for run in baseline_runs(record, story.history, contract) if run.purpose is Purpose.CHECK]
    assert [(run.pair, run.commit) for run in checks] == [(0, BASE), (1, BASE)]


def test_a_baseline_with_all_its_runs_wants_no_more(story: Story) -> None:
    assert story.baseline() == ()


def test_a_screen_is_one_run_on_a_seed_the_parent_has_run(story: Story) -> None:
    known = set(standing(story.history, BASE).by_seed)
    (run,) = story.wanted(Purpose.SCREEN)
    assert (run.commit, run.side) == (MINE, Side.CANDIDATE)
    assert run.seed in known


def test_screens_of_successive_experiments_use_different_seeds(story: Story) -> None:
    story.propose(2, "d" * 40)
    seeds = {story.wanted(Purpose.SCREEN, number)[0].seed for number in (1, 2)}
    assert len(seeds) == 2


def test_a_pair_is_candidate_and_parent_on_one_seed_that_nobody_has_run(story: Story) -> None:
    known = set(standing(story.history, BASE).by_seed)
    candidate, reference = by_side(story.wanted(Purpose.CONFIRM))
    assert (candidate.commit, reference.commit) == (MINE, BASE)
    assert (candidate.side, reference.side) == (Side.CANDIDATE, Side.REFERENCE)
    assert candidate.seed == reference.seed not in known
    assert candidate.key != reference.key


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.CERTIFY])
def test_no_run_can_tell_from_the_order_which_side_it_is(story: Story, purpose: Purpose) -> None:
    first = []
    for number in range(2, 41):
        story.propose(number, MINE)
        make = story.certifying if purpose is Purpose.CERTIFY else partial(story.wanted, purpose)
        runs = make(number)
        first.append(runs[0].side)
        assert {run.side for run in runs} == set(Side)
        assert make(number) == runs
    assert 8 < first.count(Side.REFERENCE) < 31


def test_each_pair_has_a_seed_of_its_own(story: Story) -> None:
    story.make(first := story.wanted(Purpose.CONFIRM))
    second = story.wanted(Purpose.CONFIRM)
    assert (first[0].pair, second[0].pair) == (0, 1)
    assert first[0].seed != second[0].seed


def test_of_a_pair_that_lost_one_side_both_are_made_anew_on_the_same_seed(story: Story) -> None:
    candidate, reference = by_side(story.wanted(Purpose.CONFIRM))
    story.make([candidate])
    story.say(RunStarted(run=reference), RunLost(key=reference.key, reason="died"))
    again = story.wanted(Purpose.CONFIRM)
    assert [run.seed for run in again] == [candidate.seed] * 2
    assert [run.pair for run in again] == [0, 0]
    assert all(run.attempt > 0 for run in again)
    assert not {run.key for run in again} & {candidate.key, reference.key}


def test_the_sides_of_two_attempts_are_no_pair(story: Story) -> None:
    candidate, reference = by_side(story.wanted(Purpose.CONFIRM))
    story.make([candidate])
    story.say(RunStarted(run=reference), RunLost(key=reference.key, reason="its machine died"))
    candidate, reference = by_side(story.wanted(Purpose.CONFIRM))
    story.make([reference])
    story.say(RunStarted(run=candidate), RunLost(key=candidate.key, reason="preempted"))
    assert pairs_of(story.history.experiments[1], Purpose.CONFIRM) == ()
    story.make(story.wanted(Purpose.CONFIRM), 1.0, 2.0)
    (pair,) = pairs_of(story.history.experiments[1], Purpose.CONFIRM)
    assert pair.candidate in (numbers := [Measured(value=1.0), Measured(value=2.0)])
    assert pair.reference in numbers
    assert story.wanted(Purpose.CONFIRM)[0].pair == 1


def test_checks_come_one_by_one_and_know_which_command_they_are(story: Story) -> None:
    (first,) = story.wanted(Purpose.CHECK)
    story.make([first])
    (second,) = story.wanted(Purpose.CHECK)
    assert (first.pair, second.pair) == (0, 1)
    assert second.commit == MINE


def test_a_certification_takes_champion_and_baseline_on_fresh_seeds_pair_by_pair(story: Story) -> None:
    seeds = set(standing(story.history, BASE).by_seed)
    for made in range(CERTIFY_PAIRS):
        champion, baseline = by_side(story.certifying())
        assert (champion.commit, baseline.commit, champion.pair) == (MINE, BASE, made)
        assert champion.seed == baseline.seed not in seeds
        seeds.add(champion.seed)
        story.make((champion, baseline))
    assert story.certifying() == ()


def test_a_second_certification_shares_no_seed_with_the_first(story: Story) -> None:
    first: set[int] = set()
    while runs := story.certifying():
        first |= {run.seed for run in runs}
        story.make(runs)
    story.say(Certified(claim=claim(certified=False)))
    again = story.certifying()
    assert len(again) == 2
    assert not {run.seed for run in again} & first


def test_a_run_that_failed_while_certifying_is_not_made_again(story: Story) -> None:
    champion, baseline = by_side(story.certifying())
    crashed = Failed(why=Why.CRASHED, detail="")
    story.make([baseline])
    story.say(RunStarted(run=champion), RunEnded(key=champion.key, outcome=crashed))
    assert story.certifying()[0].pair == 1


def test_a_metric_without_noise_is_certified_by_two_pairs() -> None:
    story = Story()
    story.make(story.baseline(), *[2.0] * CONTRACT.measure.baseline)
    story.say(Judged(experiment=0, verdict=KEPT))
    story.propose(1, MINE)
    story.make(story.certifying())
    story.make(story.certifying())
    assert story.certifying() == ()


def test_seeds_follow_from_the_secret_alone() -> None:
    assert [run.seed for run in Story().baseline()] == [run.seed for run in Story().baseline()]


@pytest.mark.parametrize("strict", [False, True])
def test_both_sides_of_a_pair_are_scored_as_strictly_as_the_judge_wants(story: Story, strict: bool) -> None:
    want = Want(purpose=Purpose.CONFIRM, why="", strict=strict)
    runs = wanted_runs(want, story.history.experiments[1], story.history)
    assert [run.strict for run in runs] == [strict, strict]
