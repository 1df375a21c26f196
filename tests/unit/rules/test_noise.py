from __future__ import annotations

import math
import random
import re

import pytest

from jumar.core.evidence import Noise
from jumar.errors import NotMeasurable
from jumar.rules.noise import (
    LEARNT_FROM,
    leads_elsewhere,
    measure_noise,
    pair_spread,
    relearnt_noise,
    smallest_gain,
    update_noise,
)

VALUES = {11: 2.50, 12: 2.52, 13: 2.48}


def test_noise_is_the_spread_between_seeds() -> None:
    noise = measure_noise(VALUES, repeated=(2.50, 2.50))
    assert noise.run_sd == pytest.approx(0.02 / 2.5, rel=1e-3)
    assert noise.relative
    assert (noise.runs, noise.seeded, noise.deterministic) == (3, True, False)


def test_before_any_pair_was_seen_pairing_is_not_assumed_to_help() -> None:
    assert measure_noise(VALUES, repeated=(2.50, 2.50)).pair_sd == pytest.approx(
        0.008 * math.sqrt(2), rel=1e-3
    )


def test_equal_values_on_every_seed_are_a_metric_without_noise() -> None:
    noise = measure_noise({1: 512.0, 2: 512.0, 3: 512.0}, repeated=(512.0, 512.0))
    assert noise.deterministic
    assert noise.run_sd == noise.pair_sd == 0.0
    assert smallest_gain(noise, 6, 512.0) == 0.0


def test_equal_values_with_a_repetition_that_differs_are_not_without_noise() -> None:
    assert not measure_noise({1: 512.0, 2: 512.0, 3: 512.0}, repeated=(512.0, 513.0)).deterministic


def test_a_target_that_ignores_its_seed_is_noticed_and_the_repetition_counts_as_a_run() -> None:
    noise = measure_noise(VALUES, repeated=(2.50, 2.53))
    assert not noise.seeded
    assert noise.runs == 4


def test_a_clock_that_moves_the_repetition_a_little_is_no_ignored_seed() -> None:
    assert measure_noise(VALUES, repeated=(2.50, 2.505)).seeded


def test_one_seed_that_repeats_exactly_says_nothing_of_the_noise() -> None:
    with pytest.raises(NotMeasurable, match="one seed") as refusal:
        measure_noise({1: 2.5}, repeated=(2.5, 2.5))
    assert "baseline" in refusal.value.fix


def test_one_seed_that_does_not_repeat_gives_the_noise_of_two_runs() -> None:
    noise = measure_noise({1: 2.5}, repeated=(2.5, 2.51))
    assert (noise.runs, noise.seeded) == (2, False)


def test_a_metric_that_is_nearly_all_noise_is_refused_with_the_gain_that_could_be_seen() -> None:
    with pytest.raises(NotMeasurable, match=r"32% of its mean 1\).* only a gain of about") as refusal:
        measure_noise({1: 0.69, 2: 1.0, 3: 1.31})
    assert re.search(
        r"a gain of 5% to be seen, about [\d,]+ times as much: a longer budget", refusal.value.fix
    )


def test_so_many_times_as_much_in_a_run_do_show_a_modest_gain() -> None:
    values = {1: 0.69, 2: 1.0, 3: 1.31}
    with pytest.raises(NotMeasurable) as refusal:
        measure_noise(values)
    found = re.search(r"about ([\d,]+) times", refusal.value.fix)
    assert found is not None
    root = math.sqrt(float(found[1].replace(",", "")))
    calmer = measure_noise({seed: value ** (1 / root) for seed, value in values.items()})
    assert smallest_gain(calmer, 8, 1.0) == pytest.approx(0.05, rel=0.1)


def test_around_zero_no_share_of_the_mean_refuses_a_metric() -> None:
    noise = measure_noise({1: -0.004, 2: -0.008, 3: -0.001})
    assert not noise.relative
    assert noise.run_sd == pytest.approx(0.0035, rel=0.01)


def test_a_keep_that_leads_to_quieter_places_teaches_their_noise() -> None:
    accuracy = measure_noise({1: 0.09, 2: 0.10, 3: 0.11})
    assert accuracy.run_sd == pytest.approx(0.1, rel=0.01)
    pairs = [(0.79, 0.11), (0.80, 0.10), (0.81, 0.09)]
    assert leads_elsewhere(accuracy, pairs)
    after = relearnt_noise(accuracy, [0.79, 0.80, 0.81, 0.79, 0.80, 0.81])
    assert after.run_sd == pytest.approx(0.0112, rel=0.01)
    assert after.runs == 6
    assert after.pair_sd == pytest.approx(math.sqrt(2) * after.run_sd)


def test_a_keep_nearby_or_as_noisy_as_before_only_adds_to_what_is_known() -> None:
    noise = measure_noise({1: 0.9, 2: 1.0, 3: 1.1})
    for pairs in ([(0.95, 1.0), (0.951, 1.01)], [(5.5, 1.0), (5.0, 1.1), (4.5, 0.9)], [(5.0, 1.0)]):
        assert not leads_elsewhere(noise, pairs)


def test_three_equals_that_look_quiet_by_luck_teach_no_noise_when_more_are_seen() -> None:
    noise = Noise(run_sd=0.1, pair_sd=0.14, runs=4, relative=True)
    assert leads_elsewhere(noise, [(2.0, 1.0), (2.01, 1.0), (2.02, 1.0)])
    assert relearnt_noise(noise, [2.0, 2.01, 2.02, 2.3, 1.8, 2.1]) is noise
    rng = random.Random(5)
    believed = sum(
        relearnt_noise(noise, [math.exp(rng.gauss(0, 0.1)) for _ in range(LEARNT_FROM)]) is not noise
        for _ in range(4000)
    )
    assert believed < 0.02 * 4000


def test_pairs_teach_the_noise_whatever_the_gain_is() -> None:
    noise = Noise(run_sd=1.0, pair_sd=math.sqrt(2), runs=4)
    pairs = [(10.0, 20.0), (10.5, 20.6), (9.0, 18.9)]
    shifted = [(candidate - 5, reference) for candidate, reference in pairs]
    after = update_noise(noise, pairs)
    assert after == update_noise(noise, shifted)
    assert after.pair_sd < noise.pair_sd
    assert after.runs == 6


def test_one_pair_alone_cannot_tell_noise_from_gain() -> None:
    noise = Noise(run_sd=1.0, pair_sd=1.4, runs=4)
    assert update_noise(noise, [(1.0, 2.0)]) == noise == update_noise(noise, [])


def test_a_metric_without_noise_stays_so() -> None:
    noise = Noise(run_sd=0.0, pair_sd=0.0, runs=3, deterministic=True)
    assert update_noise(noise, [(1.0, 2.0), (1.0, 3.0)]) == noise


def test_with_many_pairs_the_noise_becomes_the_true_one() -> None:
    rng = random.Random(3)
    noise = Noise(run_sd=3.0, pair_sd=3.0, runs=4)
    for _ in range(400):
        luck = [rng.gauss(0, 0.8) for _ in range(3)]
        noise = update_noise(
            noise, [(each + rng.gauss(0, 0.6), 9 + each + rng.gauss(0, 0.6)) for each in luck]
        )
    assert noise.run_sd == pytest.approx(1.0, rel=0.05)
    assert noise.pair_sd == pytest.approx(0.6 * math.sqrt(2), rel=0.05)


def test_the_past_counts_for_a_bounded_number_of_pairs() -> None:
    spreads = [pair_spread(Noise(run_sd=1, pair_sd=1, runs=runs)).freedom for runs in (2, 5, 10**6)]
    assert spreads == [1, 4, 12]


def test_more_pairs_see_smaller_gains() -> None:
    noise = Noise(run_sd=0.02, pair_sd=0.02, runs=10)
    gains = [smallest_gain(noise, pairs, 2.5) for pairs in (1, 2, 4, 8)]
    assert gains == sorted(gains, reverse=True)
    assert 0.02 < gains[2] < 0.08


def test_a_metric_that_was_ever_zero_or_negative_is_compared_as_it_stands() -> None:
    noise = measure_noise({1: -2.50, 2: -2.52, 3: -2.48})
    assert not noise.relative
    assert noise.run_sd == pytest.approx(0.02)


def test_where_noise_is_relative_the_gain_that_can_be_seen_follows_the_value() -> None:
    noise = measure_noise(VALUES)
    assert smallest_gain(noise, 4, 1.25) == pytest.approx(smallest_gain(noise, 4, 2.5) / 2)
