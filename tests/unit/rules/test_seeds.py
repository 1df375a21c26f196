from __future__ import annotations

from jumar.core.run import Purpose
from jumar.rules.seeds import chance_for, seed_for


def test_a_seed_is_the_same_every_time_and_fits_31_bits() -> None:
    seeds = [seed_for("cafe", Purpose.CONFIRM, index) for index in range(2000)]
    assert seeds == [seed_for("cafe", Purpose.CONFIRM, index) for index in range(2000)]
    assert all(0 < seed < 2**31 for seed in seeds)
    assert max(seeds) > 2**30


def test_purpose_index_and_secret_each_give_another_seed() -> None:
    drawn = {
        seed_for(secret, purpose, index)
        for secret in ("cafe", "beef")
        for purpose in Purpose
        for index in range(20)
    }
    assert len(drawn) == 2 * len(Purpose) * 20


def test_this_version_draws_the_seeds_that_older_ledgers_were_made_with() -> None:
    assert seed_for("00ff", Purpose.BASELINE, 0) == 1_711_216_987
    assert chance_for("00ff", 7, 1) == 519_705_080


def test_each_attempt_at_a_proposal_has_chance_of_its_own() -> None:
    drawn = {chance_for("cafe", number, attempt) for number in range(30) for attempt in range(4)}
    assert len(drawn) == 120
