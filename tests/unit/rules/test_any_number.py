"""Whatever numbers a run gives: the judge and certification answer, and all that they say is a number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from jumar.core.by_seed import BySeed
from jumar.core.contract import Direction, Guard, Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing
from jumar.core.outcome import MOST, Failed, Measured, Outcome, Why
from jumar.core.verdict import Claim, Verdict
from jumar.errors import NotMeasurable
from jumar.rules.certify import Look, certify
from jumar.rules.judge import judge
from jumar.rules.noise import leads_elsewhere, measure_noise, relearnt_noise, update_noise
from jumar.rules.simpler import margin_of

NUMBERS = some.floats(-MOST, MOST) | some.sampled_from([0.0, -0.0, 5e-324, -5e-324, MOST, -MOST, 1.0, 1e-300])
METRICS = some.sampled_from([Metric(name="m"), Metric(name="m", direction=Direction.MAXIMIZE)])
NOISES = some.builds(
    Noise,
    run_sd=some.floats(1e-150, 1e3),
    pair_sd=some.floats(1e-150, 1e3),
    runs=some.integers(2, 100),
    relative=some.booleans(),
    seeded=some.booleans(),
) | some.just(Noise(run_sd=0.0, pair_sd=0.0, runs=3, deterministic=True))
MEASURED = some.builds(
    Measured,
    value=NUMBERS,
    others=some.dictionaries(some.sampled_from(["a", "b"]), some.floats()),
    items=some.lists(some.floats(), min_size=3, max_size=3).map(tuple) | some.just(()),
)
CRASH = Failed(why=Why.CRASHED, detail="")
OUTCOMES: some.SearchStrategy[Outcome] = MEASURED | some.just(CRASH)
PAIRS = some.lists(
    some.builds(
        Pair, seed=some.integers(1, 99), candidate=OUTCOMES, reference=OUTCOMES, strict=some.booleans()
    ),
    max_size=8,
).map(tuple)


def standings() -> some.SearchStrategy[Standing]:
    return some.lists(NUMBERS, min_size=1, max_size=5).map(
        lambda values: Standing(
            value=fmean(values), by_seed=BySeed(dict(enumerate(values))), runs=len(values)
        )
    )


EVIDENCE = some.builds(
    Evidence,
    metric=METRICS,
    noise=NOISES,
    baseline=standings(),
    champion=standings(),
    reference=some.none() | standings(),
    guards=some.just((Guard(name="a", at_most=True, bound=2.0, relative=True),)) | some.just(()),
    confirmations=some.integers(1, 8),
    test=some.integers(1, 1000),
    keeps=some.integers(0, 100),
    false_keeps=some.just(0.1),
    bound=some.none() | NUMBERS,
    largest_gain=some.floats(0, MOST),
    saved=some.sampled_from([0, 20]),
    checks=some.just(0),
    screen=OUTCOMES,
    screen_seed=some.integers(0, 4),
    confirming=some.booleans(),
    checked=some.just(()),
    pairs=PAIRS,
).map(lambda made: replace(made, margin=margin_of(made.noise, 0.0) if made.saved else 0.0))


def numbers_in(what: object) -> Iterator[float]:
    if isinstance(what, float):
        yield what
    for part in what.values() if isinstance(what, dict) else what if isinstance(what, list | tuple) else ():
        yield from numbers_in(part)


def is_recordable(said: Verdict | Claim) -> bool:
    """It comes out of a ledger as it went in, and each number in it is finite."""
    again = msgspec.json.decode(msgspec.json.encode(said), type=type(said))
    return msgspec.to_builtins(again) == msgspec.to_builtins(said) and all(
        math.isfinite(number) for number in numbers_in(msgspec.to_builtins(said))
    )


@settings(deadline=None, max_examples=400)
@given(EVIDENCE)
def test_every_verdict_can_be_recorded(evidence: Evidence) -> None:
    answer = judge(evidence)
    assert not isinstance(answer, Verdict) or is_recordable(answer)


@settings(deadline=None, max_examples=200)
@given(PAIRS, METRICS, NOISES)
def test_every_claim_can_be_recorded(pairs: tuple[Pair, ...], metric: Metric, noise: Noise) -> None:
    claim = certify(pairs, metric, noise, Look(1, "a", "b", working=metric.relative_gain(5e-324, MOST)))
    assert is_recordable(claim)
    assert is_recordable(certify(pairs, metric, noise, Look(2, "a", "c", before=claim)))


@settings(deadline=None)
@given(some.lists(NUMBERS, min_size=2, max_size=5), some.lists(some.tuples(NUMBERS, NUMBERS), max_size=4))
def test_noise_is_a_number_or_refused(values: list[float], pairs: list[tuple[float, float]]) -> None:
    try:
        noise = measure_noise(dict(enumerate(values)))
    except NotMeasurable:
        return
    learnt = relearnt_noise(noise, values) if noise.relative else noise
    assert leads_elsewhere(noise, pairs) in (True, False)
    for after in (update_noise(noise, pairs), learnt):
        assert math.isfinite(after.run_sd) and math.isfinite(after.pair_sd)
        assert after.deterministic or (after.run_sd > 0 and after.pair_sd > 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.1e100, -1e308])
def test_what_cannot_be_reckoned_with_is_no_measurement(value: float) -> None:
    with pytest.raises(ValueError, match="not a measurement"):
        Measured(value=value)
    kept = Measured(value=1.0, others={"a": value, "b": 2.0}, items=(1.0, value))
    assert (kept.others, kept.items) == ({"b": 2.0}, ())
