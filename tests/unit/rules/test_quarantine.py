"""What is too good to be believed at once has to hold under a stricter scorer, on more seeds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.by_seed import BySeed
from jumar.core.contract import Direction, Guard, Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing, Want
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.run import Purpose
from jumar.core.verdict import Decision, Verdict
from jumar.errors import NotMeasurable
from jumar.rules.judge import judge
from jumar.rules.quarantine import STRICT_PAIRS, check_bound, doubt_of, largest_gain, size_of
from jumar.testing.records import make_study

LOSS = Metric(name="loss")
SPEED = Metric(name="speed", direction=Direction.MAXIMIZE)
CHAMPION = Standing(value=2.5, by_seed=BySeed({1: 2.49, 2: 2.51, 3: 2.50}), runs=3)
NOISE = Noise(run_sd=0.004, pair_sd=0.006, runs=9, relative=True)
EXACT = Noise(run_sd=0.0, pair_sd=0.0, runs=3, deterministic=True)
REFUSED = Failed(why=Why.REFUSED, detail="not causal")


def seen(value: float, *pairs: Pair, **more: object) -> Evidence:
    evidence = Evidence(
        metric=LOSS,
        noise=NOISE,
        baseline=CHAMPION,
        champion=CHAMPION,
        screen=Measured(value=value),
        screen_seed=1,
        pairs=pairs,
    )
    return replace(evidence, **more)


def pair(new: float | Outcome, *, strict: bool, old: float = 2.5) -> Pair:
    candidate = Measured(value=new) if isinstance(new, float) else new
    return Pair(seed=7, candidate=candidate, reference=Measured(value=old), strict=strict)


def verdict(evidence: Evidence) -> Verdict:
    answer = judge(evidence)
    assert isinstance(answer, Verdict), answer
    return answer


def wanted(evidence: Evidence) -> Want:
    answer = judge(evidence)
    assert isinstance(answer, Want), answer
    return answer


def test_a_jump_is_confirmed_strictly_and_with_more_pairs() -> None:
    want = wanted(seen(1.2))
    assert (want.purpose, want.strict) == (Purpose.CONFIRM, True)
    assert "quarantined: loss 1.2 jumps from 2.5, where nothing was kept" in want.why
    held = [pair(1.21, strict=True), pair(1.2, strict=True), pair(1.19, strict=True)]
    assert wanted(seen(1.2, *held[: STRICT_PAIRS - 1])).strict
    kept = verdict(seen(1.2, *held))
    assert kept.decision is Decision.KEPT
    assert "; quarantined, as loss 1.2 jumps" in kept.reason
    assert kept.evidence["quarantine"]["strict_pairs"] == STRICT_PAIRS


def test_an_ordinary_gain_is_confirmed_as_ever() -> None:
    want = wanted(seen(2.3))
    assert (want.purpose, want.strict) == (Purpose.CONFIRM, False)
    kept = verdict(seen(2.3, pair(2.3, strict=False), pair(2.31, strict=False)))
    assert kept.decision is Decision.KEPT
    assert "quarantine" not in kept.reason
    assert "quarantine" not in kept.evidence


def test_pairs_that_were_not_scored_strictly_do_not_count_for_a_jump() -> None:
    usual = [pair(1.2, strict=False)] * 8
    assert wanted(seen(1.2, *usual)).strict
    strict = [pair(1.2, strict=True)] * STRICT_PAIRS
    assert verdict(seen(1.2, *usual, *strict)).decision is Decision.KEPT


def test_a_candidate_that_jumps_in_its_pairs_only_is_quarantined_from_there() -> None:
    assert wanted(seen(2.3, pair(1.2, strict=False), pair(1.21, strict=False))).strict


def test_what_the_strict_scorer_refuses_failed() -> None:
    found = verdict(seen(1.2, pair(REFUSED, strict=True)))
    assert found.decision is Decision.FAILED
    assert found.reason.startswith("refused: not causal; quarantined, as loss 1.2 jumps")


@pytest.mark.parametrize(
    ("value", "more"),
    [
        (2.2, {}),  # beyond ten standard deviations, but no fifth
        (1.2, {"noise": replace(NOISE, run_sd=0.1)}),  # within ten standard deviations
        (1.2, {"largest_gain": 0.4}),  # the study has seen steps like this one
    ],
)
def test_large_is_what_is_large_by_every_measure(value: float, more: dict[str, object]) -> None:
    assert doubt_of(seen(1.2)) != ""
    assert doubt_of(seen(value, **more)) == ""


def test_a_step_beyond_three_times_the_largest_so_far_is_a_jump_and_says_so() -> None:
    words = doubt_of(seen(1.2, largest_gain=0.1))
    assert words == "loss 1.2 jumps from 2.5, where the largest gain kept so far was a factor of 1.11"


def test_without_noise_the_one_repetition_is_a_strict_one() -> None:
    assert wanted(seen(1.2, noise=EXACT)).strict
    assert wanted(seen(1.2, pair(1.2, strict=False), noise=EXACT)).strict
    assert verdict(seen(1.2, pair(1.2, strict=True), noise=EXACT)).decision is Decision.KEPT
    assert not wanted(seen(2.4, noise=EXACT)).strict


@pytest.mark.parametrize("noise", [NOISE, EXACT])
def test_what_stays_beyond_the_bound_is_void(noise: Noise) -> None:
    want = wanted(seen(0.9, noise=noise, bound=1.0, largest_gain=9.0))
    assert want.strict
    assert "loss 0.9 is better than the contract's bound of 1" in want.why
    found = verdict(seen(0.9, pair(0.9, strict=True), noise=noise, bound=1.0, largest_gain=9.0))
    assert (found.decision, found.code) == (Decision.INVALID, "beyond-bound")
    assert found.gain is None


def test_a_value_at_the_bound_is_none_beyond_it_and_more_can_be_better() -> None:
    assert doubt_of(seen(1.0, bound=1.0, largest_gain=9.0)) == ""
    more = {"metric": SPEED, "largest_gain": 9.0}
    assert doubt_of(seen(1.0, bound=1.5, **more)) == ""
    assert "bound of 1.5" in doubt_of(seen(1.6, bound=1.5, **more))


def test_one_wild_value_beyond_the_bound_is_no_breach() -> None:
    pairs = [pair(1.2, strict=True), pair(1.21, strict=True), pair(1.2, strict=True)]
    assert verdict(seen(0.9, *pairs, bound=1.0)).decision is Decision.KEPT


def test_a_guard_allows_what_strictness_itself_costs() -> None:
    guard = Guard(name="serve_cpu_s", at_most=True, bound=1.2, relative=True)
    standing = replace(CHAMPION, others={"serve_cpu_s": 4.0})

    def told(new_s: float, old_s: float) -> Pair:
        candidate = Measured(value=1.2, others={"serve_cpu_s": new_s})
        reference = Measured(value=2.5, others={"serve_cpu_s": old_s})
        return Pair(seed=7, candidate=candidate, reference=reference, strict=True)

    screen = Measured(value=1.2, others={"serve_cpu_s": 4.0})
    more: dict[str, object] = {
        "guards": (guard,),
        "baseline": standing,
        "champion": standing,
        "screen": screen,
    }
    assert verdict(seen(1.2, *[told(9.0, 8.0)] * 3, **more)).decision is Decision.KEPT
    broken = verdict(seen(1.2, *[told(9.9, 8.0)] * 3, **more))
    assert broken.decision is Decision.DISCARDED
    assert broken.reason.startswith("guard serve_cpu_s")


def test_the_size_of_a_step_is_the_logarithm_of_its_factor() -> None:
    assert (
        size_of(LOSS, 2.0, 1.0) == pytest.approx(size_of(SPEED, 1.0, 2.0)) == pytest.approx(0.693, abs=1e-3)
    )
    assert size_of(LOSS, 2.0, 0.0) > 100
    assert size_of(SPEED, -2.0, -1.0) == 0.5


def test_the_largest_gain_is_of_the_keeps() -> None:
    records, metric = make_study(12)[1], make_study(12)[2].measure.metric
    kept = [record for record in records if record.is_kept and record.number]
    found = largest_gain(kept, metric)
    assert found == largest_gain(records, metric) >= 0


def test_a_bound_that_the_unchanged_target_beats_is_refused() -> None:
    measure = replace(make_study(0)[2].measure, metric=LOSS, bound=1.0)
    check_bound(1.0, measure)
    check_bound(0.5, replace(measure, bound=None))
    with pytest.raises(NotMeasurable, match=r"loss 0\.5 is better than the contract's `bound` of 1"):
        check_bound(0.5, measure)
