from __future__ import annotations

import math
import random
from statistics import fmean, stdev

import msgspec
import pytest
from msgspec.structs import replace

from jumar.core.contract import Direction, Metric
from jumar.core.evidence import Noise, Pair
from jumar.core.outcome import Failed, Measured, Outcome, Stopped, Why
from jumar.core.verdict import Claim
from jumar.rules.certify import Look, certify

NOISE = Noise(run_sd=0.01, pair_sd=0.014, runs=9)
EXACT = Noise(run_sd=0.0, pair_sd=0.0, runs=3, deterministic=True)
LOSS = Metric(name="loss")


def pair(champion: float | Outcome, baseline: float | Outcome) -> Pair:
    outcomes = [Measured(value=side) if isinstance(side, float) else side for side in (champion, baseline)]
    return Pair(seed=7, candidate=outcomes[0], reference=outcomes[1])


def claim(*pairs: Pair, noise: Noise = NOISE, metric: Metric = LOSS, look: int = 1) -> Claim:
    return certify(pairs, metric, noise, Look(12, "base", "best", look))


GOOD = (pair(1.80, 2.00), pair(1.82, 2.00), pair(1.84, 2.00))


def test_a_gain_in_every_pair_is_certified_with_students_interval() -> None:
    found = claim(*GOOD)
    assert found.certified
    assert found.relative == pytest.approx(0.09, abs=1e-4)
    logs = [math.log(0.90), math.log(0.91), math.log(0.92)]
    half = 6.2053 * stdev(logs) / 3**0.5  # t of 97.5 %: the first look spends half of the error
    low, high = (1 - math.exp(fmean(logs) + off) for off in (half, -half))
    assert found.relative_interval == pytest.approx((low, high), abs=1e-5)
    assert (found.baseline_value, found.champion_value) == pytest.approx((2.0, 1.82))
    assert found.pairs == 3
    assert (found.experiment, found.baseline, found.champion) == (12, "base", "best")


def test_two_pairs_are_not_enough() -> None:
    found = claim(*GOOD[:2])
    assert not found.certified
    assert found.reason == "2 of at least 3 pairs were made"


def test_an_interval_that_reaches_zero_is_no_claim() -> None:
    found = claim(pair(1.80, 2.00), pair(2.05, 2.00), pair(1.84, 2.00))
    assert not found.certified
    assert "may be no gain at all" in found.reason


def test_an_end_so_near_to_zero_is_told_with_its_side() -> None:
    found = claim(pair(1.9, 2.00), pair(1.93, 2.00), pair(1.9403, 2.00))
    assert "reaches down to -0.001 %:" in found.reason
    same = claim(pair(2.0, 2.0), pair(2.0, 2.0), noise=EXACT)
    assert same.refuted and same.reason == "refuted, as the interval of the gain reaches up to 0 only"


def test_a_loss_is_never_certified() -> None:
    assert not claim(pair(2.1, 2.0), pair(2.1, 2.0), pair(2.1, 2.0)).certified


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (
            pair(Failed(why=Why.CRASHED, detail="exit code 1"), 2.0),
            "run of the champion gave no number: crashed",
        ),
        (pair(1.8, Failed(why=Why.TIMED_OUT, detail="")), "run of the baseline gave no number: timed out"),
        (
            pair(Stopped(progress=0.5, detail="hopeless"), 2.0),
            "run of the champion gave no number: stopped: hopeless",
        ),
    ],
)
def test_a_run_without_a_number_leaves_it_uncertified_with_the_reason(failed: Pair, words: str) -> None:
    found = claim(*GOOD, failed)
    assert not found.certified
    assert words in found.reason
    assert found.relative == pytest.approx(0.09, abs=1e-4)


def test_a_champion_that_never_runs_beside_a_baseline_that_does_is_refuted() -> None:
    crash = Failed(why=Why.CRASHED, detail="exit code 1")
    found = claim(*[pair(crash, 2.0)] * 4)
    assert found.refuted and not found.certified
    assert "no run of the champion gave a number" in found.reason
    assert not claim(*[pair(crash, 2.0)] * 3, pair(crash, crash)).refuted, "the machine may be at fault"
    assert not claim(*[pair(crash, 2.0)] * 3, pair(1.8, 2.0)).refuted
    assert not claim(*[pair(crash, 2.0)] * 2).refuted
    assert claim(*[pair(crash, 2.0)] * 2, noise=EXACT).refuted, "without noise no more pairs are made"


def test_without_a_complete_pair_the_claim_rests_on_nothing_and_says_so() -> None:
    crash = Failed(why=Why.CRASHED, detail="exit code 1")
    found = claim(pair(crash, crash))
    assert (found.pairs, found.certified) == (0, False)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Claim) == found


def test_one_pair_of_a_noisy_metric_has_no_interval_that_a_ledger_could_not_hold() -> None:
    found = claim(GOOD[0])
    assert msgspec.json.decode(msgspec.json.encode(found), type=Claim) == found
    assert not found.certified


def test_without_noise_two_equal_pairs_certify() -> None:
    found = claim(pair(1.8, 2.0), pair(1.8, 2.0), noise=EXACT)
    assert found.certified
    assert found.relative_interval == pytest.approx((0.1, 0.1))


def test_a_champion_that_brought_noise_is_not_certified_as_if_there_were_none() -> None:
    assert not claim(pair(1.8, 2.0), noise=EXACT).certified
    assert not claim(pair(1.8, 2.0), pair(1.8001, 2.0), noise=EXACT).certified


def test_without_noise_no_gain_is_still_no_claim() -> None:
    assert not claim(pair(2.0, 2.0), noise=EXACT).certified


def test_each_further_look_asks_for_more_and_all_together_err_in_one_of_twenty_studies() -> None:
    close = [pair(1.80, 2.00), pair(1.93, 2.00), pair(1.84, 2.00), pair(1.88, 2.00)]
    assert claim(*close).certified
    assert not claim(*close, look=5).certified
    assert claim(*close, look=5).look == 5
    assert math.fsum(1 - Look(1, "", "", n).share for n in range(1, 10_000)) == pytest.approx(0.05, abs=1e-5)


def test_a_champion_that_is_the_same_on_every_seed_may_owe_it_to_one() -> None:
    frozen = [pair(1.97, 2.00), pair(1.97, 2.01), pair(1.97, 1.99), pair(1.97, 2.005)]
    found = claim(*frozen)
    assert not found.certified
    assert "one lucky seed" in found.reason
    assert claim(*(pair(1.5, old) for old in (2.0, 2.01, 1.99, 2.005))).certified


def test_no_interval_of_a_positive_metric_reaches_past_all_of_it() -> None:
    found = claim(pair(0.04, 2.0), pair(0.02, 2.1), pair(0.03, 1.9), pair(0.025, 2.0))
    assert found.certified
    assert 0 < found.relative_interval[0] < found.relative_interval[1] < 1


def test_a_metric_to_be_raised_is_certified_upwards() -> None:
    score = Metric(name="score", direction=Direction.MAXIMIZE)
    assert not claim(*GOOD, metric=score).certified
    assert claim(pair(2.2, 2.0), pair(2.2, 2.0), pair(2.21, 2.0), metric=score).certified


def test_a_whole_interval_at_or_below_zero_refutes_the_champion() -> None:
    found = claim(pair(2.10, 2.00), pair(2.11, 2.00), pair(2.12, 2.00))
    assert (found.refuted, found.certified) == (True, False)
    assert found.reason.startswith("refuted, ")
    same = claim(pair(2.0, 2.0), pair(2.0, 2.0), noise=EXACT)
    assert same.refuted


def test_an_interval_that_reaches_over_zero_leaves_the_champion_undecided() -> None:
    found = claim(pair(2.10, 2.00), pair(1.95, 2.00), pair(2.12, 2.00))
    assert (found.refuted, found.certified) == (False, False)
    assert found.reason.startswith("undecided, ")


def test_what_was_certified_before_must_be_exceeded() -> None:
    for gain, refuted in ((0.08, False), (0.10, False), (0.13, False), (0.14, True)):
        before = replace(claim(*GOOD), relative=gain, relative_interval=(gain - 0.02, gain + 0.02))
        found = certify(GOOD, LOSS, NOISE, Look(12, "base", "best", before=before))
        assert (found.refuted, found.certified) == (refuted, not refuted)


def test_without_noise_as_much_as_was_certified_before_is_no_more() -> None:
    equal = [pair(1.8, 2.0), pair(1.8, 2.0)]
    before = claim(*equal, noise=EXACT)
    assert certify(equal, LOSS, EXACT, Look(12, "base", "best", before=before)).refuted
    better = [pair(1.7, 2.0), pair(1.7, 2.0)]
    assert certify(better, LOSS, EXACT, Look(12, "base", "best", before=before)).certified


@pytest.mark.parametrize("broken", [Failed(why=Why.CRASHED, detail=""), Stopped(progress=0.5, detail="")])
def test_what_gave_no_number_refutes_nothing(broken: Outcome) -> None:
    worse = (pair(2.10, 2.00), pair(2.11, 2.00), pair(2.12, 2.00))
    assert not claim(*worse, pair(broken, 2.0)).refuted
    assert not claim(*worse[:2]).refuted


def test_a_champion_that_is_no_better_falls_in_few_studies_however_often_one_looks() -> None:
    chance, fallen = random.Random(2), 0
    for _ in range(400):
        pairs: list[Pair] = []
        for look in range(1, 6):
            pairs += [pair(chance.gauss(2.0, 0.02), chance.gauss(2.0, 0.02)) for _ in range(4)]
            if claim(*pairs, look=look).refuted:
                fallen += 1
                break
    assert fallen / 400 < 0.05


def test_other_items_might_have_said_otherwise_and_the_interval_covers_that() -> None:
    chance = random.Random(4)
    reference = tuple(chance.uniform(1.5, 2.5) for _ in range(200))
    candidate = tuple(item - chance.gauss(0.01, 0.3) for item in reference)
    both = Measured(value=1.98, items=candidate), Measured(value=2.0, items=reference)
    pairs = [
        Pair(seed=n, candidate=replace(both[0], value=1.98 + n / 1e5), reference=both[1]) for n in range(4)
    ]
    found = claim(*pairs)
    bare = claim(*(pair(1.98 + n / 1e5, 2.0) for n in range(4)))
    assert (bare.certified, bare.items, bare.items_sd) == (True, 0, 0.0)
    assert (found.certified, found.items) == (False, 200)
    assert found.items_sd == pytest.approx(0.3 / 200**0.5 / 2.0, rel=0.15)
    low, high = found.relative_interval
    assert high - low == pytest.approx(2 * 1.972 * found.items_sd * 1.15, rel=0.15)  # first look: 97.5 %


def test_items_of_a_metric_without_noise_are_a_draw_as_well() -> None:
    reference, candidate = (1.0, 2.0, 3.0, 4.0) * 10, (0.9, 2.4, 2.8, 3.7) * 10
    outcomes = Measured(value=2.45, items=candidate), Measured(value=2.5, items=reference)
    found = claim(*(Pair(seed=n, candidate=outcomes[0], reference=outcomes[1]) for n in (1, 2)), noise=EXACT)
    low, high = found.relative_interval
    assert low < 0 < found.relative < high
    assert not found.certified


def test_a_gain_smaller_than_the_search_promised_has_a_gap() -> None:
    assert certify(GOOD, LOSS, NOISE, Look(12, "base", "best", working=0.10)).gap == pytest.approx(
        0.01, abs=1e-3
    )
    assert certify(GOOD, LOSS, NOISE, Look(12, "base", "best", working=0.05)).gap is None
    assert certify(GOOD, LOSS, NOISE, Look(12, "base", "best")).gap is None
    assert certify(GOOD[:2], LOSS, NOISE, Look(12, "base", "best", working=0.10)).gap is None


def test_less_code_falls_for_a_loss_beyond_what_it_might_lose_and_for_nothing_less() -> None:
    same = [pair(2.0, 2.0)] * 2
    worse = [pair(2.02, 2.00), pair(2.0202, 2.0001), pair(2.0201, 2.0002)]
    cases = (
        (same, EXACT, None, True),
        (same, EXACT, 0.0, False),
        ([pair(2.0 + 1e-15, 2.0)] * 2, EXACT, 0.0, False),
    )
    harmful = ((worse, NOISE, 0.0, True), (worse, NOISE, 0.01, True), (worse, NOISE, 0.03, False))
    for pairs, noise, might, refuted in (*cases, *harmful):
        found = certify(pairs, LOSS, noise, Look(12, "base", "best", may_lose=might))
        assert (found.refuted, found.certified) == (refuted, False), might


def test_less_code_on_top_of_what_was_certified_is_certified_with_it() -> None:
    equal = [pair(1.8, 2.0), pair(1.8, 2.0)]
    before = claim(*equal, noise=EXACT)
    look = Look(12, "base", "best", before=before, may_lose=0.0)
    assert certify(equal, LOSS, EXACT, look).certified
    assert certify([pair(1.9, 2.0)] * 2, LOSS, EXACT, look).refuted


@pytest.mark.parametrize("champion", [39, 0, 20, 41])
def test_a_run_that_leaves_items_out_takes_no_noise_from_its_claim(champion: int) -> None:
    def asked(count: int, baseline: int = 40) -> Claim:
        made = [
            Pair(
                seed=n,
                candidate=Measured(value=1.8 + n / 1e3, items=(1.8,) * (count if n == 2 else baseline)),
                reference=Measured(value=2.0, items=(2.0,) * baseline),
            )
            for n in range(4)
        ]
        return claim(*made)

    assert asked(40).certified
    found = asked(champion)
    assert (found.certified, found.refuted) == (False, False)
    assert found.reason.startswith("the scorer told different numbers of items: ")
    assert found.reason.endswith(" of the champion, 40 of the baseline")
    assert asked(3, 4).certified, "so few are cases, of which no noise is known"


def test_items_beyond_counting_leave_no_claim_that_is_narrower_for_it() -> None:
    wild = (1e100,) * 20 + (1e-9,) * 20
    made = [
        Pair(
            seed=n,
            candidate=Measured(value=1.8 + n / 1e3, items=wild),
            reference=Measured(value=2.0, items=(1e-9,) * 40),
        )
        for n in range(4)
    ]
    assert not claim(*made).certified
