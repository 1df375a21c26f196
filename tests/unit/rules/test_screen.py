from __future__ import annotations

import math
import random
from statistics import pstdev

import pytest

from jumar.core.by_seed import BySeed
from jumar.core.contract import Direction, Metric
from jumar.core.evidence import Evidence, Noise, Standing
from jumar.rules.screen import PASS_SHARE, screen

LOSS = Metric(name="loss")


def evidence(noise: Noise, by_seed: dict[int, float], seed: int | None, metric: Metric = LOSS) -> Evidence:
    value = sum(by_seed.values()) / len(by_seed)
    champion = Standing(value=value, by_seed=BySeed(by_seed), runs=len(by_seed))
    return Evidence(metric=metric, noise=noise, baseline=champion, champion=champion, screen_seed=seed)


BY_SEED = {1: 10.0, 2: 12.0, 3: 14.0}


def test_seeds_that_share_no_luck_are_compared_with_the_mean() -> None:
    noise = Noise(run_sd=1.0, pair_sd=math.sqrt(2), runs=30)
    assert screen(11.0, evidence(noise, BY_SEED, 1)).gain == pytest.approx(1.0)


def test_seeds_that_share_all_luck_are_compared_with_the_same_seed() -> None:
    noise = Noise(run_sd=1.0, pair_sd=0.0, runs=30)
    look = screen(11.0, evidence(noise, BY_SEED, 1))
    assert look.gain == pytest.approx(-1.0)
    assert look.sd == 0.0


def test_a_target_that_ignores_its_seed_is_compared_with_the_mean() -> None:
    noise = Noise(run_sd=1.0, pair_sd=0.5, runs=30, seeded=False)
    assert screen(11.0, evidence(noise, BY_SEED, 1)).expected == pytest.approx(12.0)


@pytest.mark.parametrize("seed", [None, 99])
def test_a_seed_the_champion_never_ran_is_compared_with_the_mean(seed: int | None) -> None:
    noise = Noise(run_sd=1.0, pair_sd=0.5, runs=30)
    assert screen(11.0, evidence(noise, BY_SEED, seed)).expected == pytest.approx(12.0)


def test_a_metric_to_be_raised_is_promising_upwards() -> None:
    noise = Noise(run_sd=1.0, pair_sd=math.sqrt(2), runs=30)
    score = Metric(name="score", direction=Direction.MAXIMIZE)
    assert screen(16.0, evidence(noise, BY_SEED, 1, score)).promising
    assert not screen(8.0, evidence(noise, BY_SEED, 1, score)).promising


def test_noise_known_from_few_runs_asks_for_more() -> None:
    few, many = (
        screen(11.0, evidence(Noise(run_sd=1.0, pair_sd=math.sqrt(2), runs=runs), BY_SEED, 1)).needed
        for runs in (3, 300)
    )
    assert few > 1.4 * many


@pytest.mark.parametrize("shared", [0.0, 0.4, 0.66, 0.95])
def test_the_spread_it_states_is_the_one_that_edits_without_effect_have(shared: float) -> None:
    rng = random.Random(5)
    noise = Noise(run_sd=1.0, pair_sd=math.sqrt(2 * (1 - shared)), runs=10**6)
    gains, passed, stated = [], 0, 0.0
    for _ in range(2000):
        luck = {seed: math.sqrt(shared) * rng.gauss(0, 1) for seed in range(4)}
        by_seed = {seed: luck[seed] + math.sqrt(1 - shared) * rng.gauss(0, 1) for seed in luck}
        look = screen(luck[2] + math.sqrt(1 - shared) * rng.gauss(0, 1), evidence(noise, by_seed, 2))
        gains.append(look.gain)
        passed += look.promising
        stated = look.sd
    assert pstdev(gains) == pytest.approx(stated, rel=0.06)
    assert passed / 2000 == pytest.approx(PASS_SHARE, abs=0.025)
