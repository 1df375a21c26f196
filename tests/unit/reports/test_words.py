from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from jumar.core.verdict import Claim
from jumar.reports import words

CLAIM = Claim(
    experiment=12,
    baseline="b" * 40,
    champion="c" * 40,
    baseline_value=2.65,
    champion_value=2.086,
    relative=0.2130,
    relative_interval=(0.2081, 0.2179),
    pairs=3,
    certified=True,
    reason="better in every pair",
)


def test_a_certified_claim_is_said_with_its_interval_and_its_pairs() -> None:
    assert words.claim_in_words(CLAIM, holdout=True) == (
        "21.3 % better, 95 % interval 20.8 to 21.8, certified on the holdout (3 pairs of fresh runs)"
    )


def test_without_hidden_data_no_claim_speaks_of_a_holdout() -> None:
    said = words.claim_in_words(CLAIM, holdout=False)
    assert "holdout" not in said
    assert "certified on fresh seeds" in said


@pytest.mark.parametrize(("holdout", "where"), [(True, " on the holdout"), (False, "")])
def test_a_claim_about_a_metric_without_noise_tells_no_interval(holdout: bool, where: str) -> None:
    exact = replace(CLAIM, relative_interval=(CLAIM.relative, CLAIM.relative))
    assert words.claim_in_words(exact, holdout=holdout) == (
        f"21.3 % better, certified{where}: the metric has no noise (3 equal pairs)"
    )
    failed = replace(exact, relative=0.0, relative_interval=(0.0, 0.0), certified=False, reason="no gain")
    assert words.claim_in_words(failed, holdout=holdout) == (
        "no better, uncertified: no gain (3 equal pairs)"
    )


def test_a_claim_that_was_not_certified_says_so_and_why() -> None:
    claim = replace(CLAIM, certified=False, reason="the interval reaches zero", relative=0.0013)
    said = words.claim_in_words(replace(claim, relative_interval=(-0.0002, 0.0028)), holdout=True)
    assert said == (
        "0.13 % better, 95 % interval -0.02 to 0.28, uncertified: the interval reaches zero "
        "(3 pairs of fresh runs)"
    )


def test_a_claim_says_on_which_machine_and_on_what_day_it_was_measured() -> None:
    claim = replace(CLAIM, machine="nightingale, a CPU, 2 cores", at=1_790_000_000.0)
    assert words.claim_in_words(claim, holdout=True).endswith(
        "(3 pairs of fresh runs, nightingale, a CPU, 2 cores, 2026-09-21)"
    )
    exact = replace(claim, relative_interval=(CLAIM.relative, CLAIM.relative), certified=False)
    assert "2026-09-21" in words.claim_in_words(exact, holdout=True)


def test_less_than_the_search_saw_is_said_with_both_numbers() -> None:
    said = words.gap_in_words(replace(CLAIM, working=0.2250))
    assert said == (
        "21.3 % certified of 22.5 % that the search saw (uncertified): 1.2 points less, outside the interval"
    )
    assert words.gap_in_words(replace(CLAIM, working=0.2150)).endswith("within the interval")
    assert words.gap_in_words(replace(CLAIM, working=0.2000)) == ""
    assert words.gap_in_words(replace(CLAIM, working=0.2250), current=False) == ""
    exact = replace(CLAIM, relative=0.075259, relative_interval=(0.075259, 0.075259))
    assert words.gap_in_words(replace(exact, working=0.075259 + 1e-12)) == ""


def test_the_noise_of_the_evaluation_set_is_told_where_items_are() -> None:
    assert words.items_in_words(CLAIM) == ""
    said = words.items_in_words(replace(CLAIM, items=192, items_sd=0.0012))
    assert said.startswith("±0.12 % of 192 items")
    assert words.items_in_words(replace(CLAIM, items=40, items_sd=1.1e-17)) == ""


def test_how_sure_single_keeps_are() -> None:
    assert words.keeps_in_words(0, 0, 0, 3, 0.1) == ""
    assert words.keeps_in_words(5, 1, 0, 2, 0.1) == (
        "1 of 5 keeps certain each (e-BH: on average at most 5 % of such are false), the others by the "
        "study's error budget of 10.0 %; 2 refuted"
    )
    less_code = words.keeps_in_words(3, 2, 1, 0, 0.1)
    assert less_code.startswith("2 of 3 keeps certain each (")
    assert less_code.endswith(", 1 for less code")  # no error budget was asked for it


@pytest.mark.parametrize("certified", [True, False])
def test_a_self_reported_claim_never_hides_it(certified: bool) -> None:
    claim = replace(CLAIM, certified=certified, self_reported=True)
    assert "self-reported" in words.claim_in_words(claim, holdout=True)


def test_a_claim_shows_as_many_decimals_as_its_interval_allows() -> None:
    narrow = replace(CLAIM, relative=0.012345, relative_interval=(0.01225, 0.01244))
    assert words.claim_in_words(narrow, holdout=True).startswith(
        "1.234 % better, 95 % interval 1.225 to 1.244"
    )


def test_a_loss_is_called_worse_and_a_rounded_zero_no_better() -> None:
    assert words.uncertified_in_words(-0.021, self_reported=False) == "2.1 % worse, uncertified"
    assert words.uncertified_in_words(0.0, self_reported=False) == "no better, uncertified"


def test_an_uncertified_gain_has_the_word_in_it() -> None:
    assert (
        words.uncertified_in_words(0.182, self_reported=True) == "18.2 % better, self-reported, uncertified"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [(2.0812345, "2.08123"), (48212.0, "48,212"), (0.0, "0"), (123456.7, "123,456.7"), (-3.5, "-3.5")],
)
def test_a_value_keeps_the_digits_that_tell_results_apart(value: float, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(1e300, "1e+300"), (-1.5e12, "-1.5e+12"), (999_999_999.0, "999,999,999"), (1.234e-9, "1.234e-09")],
)
def test_a_huge_or_tiny_value_is_said_in_a_few_digits(value: float, said: str) -> None:
    assert words.number(value) == said
    assert len(words.number(10 * math.pi * value, signed=True)) < 16


def test_a_huge_or_tiny_share_is_said_in_a_few_digits() -> None:
    assert words.percent(123.456, signed=True) == "+12,346 %"
    assert words.percent(-1e298) == "-1e+300 %"
    assert words.percent(1.23e-12) == "1.2e-10 %"
    assert words.uncertified_in_words(1e200, self_reported=False) == "1e+202 % better, uncertified"
    claim = replace(CLAIM, relative=1e200, relative_interval=(-1e200, 2e200))
    assert "95 % interval -1e+202 to 2e+202" in words.claim_in_words(claim, holdout=False)


def test_a_sparkline_bears_the_largest_numbers_there_are() -> None:
    assert words.sparkline([-1.7e308, 1.7e308]) == "▁█"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (3599.7, "1 h"),
        (11520, "3 h 12 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_said_in_two_units(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_a_small_share_keeps_two_digits() -> None:
    assert words.percent(0.00034) == "0.034 %"
    assert words.percent(0.213, signed=True) == "+21.3 %"


def test_bytes_get_a_unit_that_fits() -> None:
    assert [words.size(n) for n in (12, 2048, 3 << 30, 5 << 40)] == ["12 B", "2.0 KiB", "3.0 GiB", "5.0 TiB"]


def test_a_sparkline_falls_as_its_values_do() -> None:
    assert words.sparkline([3.0, 2.5, 2.2, 2.0]) == "█▅▂▁"


def test_a_sparkline_of_many_values_ends_with_the_last() -> None:
    drawn = words.sparkline([*([1.0] * 9_999), 2.0], width=30)
    assert len(drawn) == 30
    assert drawn == "▁" * 29 + "█"


def test_a_sparkline_of_nothing_is_empty_and_of_equals_is_flat() -> None:
    assert words.sparkline([]) == words.sparkline([math.nan]) == ""
    assert words.sparkline([2.0, 2.0]) == "▁▁"
