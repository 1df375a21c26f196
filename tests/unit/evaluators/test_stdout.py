from __future__ import annotations

import math

import pytest

from jumar.evaluators.stdout import MOST_NAMES, read_numbers


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("val_bpb:          0.997900", "val_bpb", 0.9979),
        ("METRIC total_us=1520", "total_us", 1520.0),
        ("  loss = 1e-3  ", "loss", 0.001),
        ("acc: .5", "acc", 0.5),
        ("steps: 1_000_000", "steps", 1e6),
        ("eval/top-1: +97.25", "eval/top-1", 97.25),
        ("loss: -inf", "loss", -math.inf),
    ],
)
def test_a_number_is_read_from_the_forms_that_people_print(line: str, name: str, value: float) -> None:
    assert read_numbers(line.encode()) == {name: value}


@pytest.mark.parametrize(
    "line",
    [
        "the loss: 1.5",
        "loss: 1.5 (best)",
        "loss: about 1",
        "loss: 0x10",
        "loss: 1.5.2",
        "1loss: 2",
        "loss: _1",
        "loss:",
    ],
)
def test_what_is_no_line_of_a_name_and_a_number_is_passed_over(line: str) -> None:
    assert read_numbers(line.encode()) == {}


def test_the_last_line_of_a_name_counts() -> None:
    assert read_numbers(b"loss: 3\nloss: 2\nother: 1\n") == {"loss": 2.0, "other": 1.0}


def test_a_progress_bar_that_rewrites_its_line_hides_nothing() -> None:
    assert read_numbers(b"loss: 3\rloss: 2\r\nloss: 1.5\r\n") == {"loss": 1.5}


def test_nan_is_read_so_that_it_can_be_refused() -> None:
    assert math.isnan(read_numbers(b"loss: NaN")["loss"])


def test_a_name_known_early_is_still_followed_when_others_flood_the_output() -> None:
    flood = b"".join(b"n%d: 1\n" % n for n in range(MOST_NAMES * 2))
    found = read_numbers(b"loss: 2\n" + flood + b"loss: 1\n")
    assert found["loss"] == 1.0
    assert len(found) == MOST_NAMES


def test_bytes_that_are_no_text_do_not_hide_the_number() -> None:
    assert read_numbers(b"\xff\xfe\x00garbage\nloss: 2\n\x80") == {"loss": 2.0}


@pytest.mark.parametrize(
    "junk", [b"\n" * 400_000, b"a=" + b"1" * 400_000 + b"x", b" " * 400_000, b"a" * 400_000]
)
def test_what_a_candidate_prints_costs_time_in_proportion_only(junk: bytes) -> None:
    # With a pattern that backtracks this would take hours; no clock is needed to tell the two apart.
    assert read_numbers(junk * (400_000 // len(junk)) + b"\nloss: 0.5\n") == {"loss": 0.5}
