from __future__ import annotations

import math

import pytest

from jumar.core.contract import Guard
from jumar.rules.guards import SERVING, broken_guard, with_implied

MEMORY = Guard(name="peak_memory_mb", at_most=True, bound=1.5, relative=True)
SIZE = Guard(name="parameters", at_most=True, bound=20e6, relative=False)
ACCURACY = Guard(name="accuracy", at_most=False, bound=0.9, relative=False)
BASELINE = {"peak_memory_mb": 100.0}


def test_guards_that_hold_say_nothing() -> None:
    others = {"peak_memory_mb": 150.0, "parameters": 20e6, "accuracy": 0.9}
    assert broken_guard([MEMORY, SIZE, ACCURACY], others, BASELINE) is None


def test_a_relative_bound_is_a_multiple_of_the_baselines_own() -> None:
    reason = broken_guard([MEMORY], {"peak_memory_mb": 151.0}, BASELINE)
    assert reason == "guard peak_memory_mb: 151 is not at most 150 (1.5 x the baseline's 100)"


def test_serving_is_guarded_wherever_the_contract_says_nothing_of_it() -> None:
    own = Guard(name="serve_cpu_s", at_most=True, bound=10.0, relative=False)
    assert with_implied([MEMORY], serves=True) == (MEMORY, SERVING)
    assert with_implied([own], serves=True) == (own,)
    assert with_implied([MEMORY], serves=False) == (MEMORY,)


def test_work_that_moves_into_serving_breaks_its_guard() -> None:
    assert broken_guard([SERVING], {"serve_cpu_s": 1.25}, {"serve_cpu_s": 0.5}) is None
    reason = broken_guard([SERVING], {"serve_cpu_s": 6.0}, {"serve_cpu_s": 0.5})
    assert reason == "guard serve_cpu_s: 6 is not at most 1.25 (1.5 x the baseline's 0.5 and 0.5)"


def test_a_lower_bound_is_broken_from_below() -> None:
    assert broken_guard([ACCURACY], {"accuracy": 0.89}, {}) == "guard accuracy: 0.89 is not at least 0.9"


def test_a_measurement_that_is_missing_breaks_its_guard() -> None:
    assert broken_guard([SIZE], {}, {}) == "guard parameters: it was not measured"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_measurement_that_is_not_finite_breaks_its_guard_whichever_way_it_points(value: float) -> None:
    for guard in (SIZE, ACCURACY):
        assert broken_guard([guard], {guard.name: value}, {})


@pytest.mark.parametrize("baseline", [{}, {"peak_memory_mb": math.nan}])
def test_a_relative_bound_needs_the_baselines_measurement(baseline: dict[str, float]) -> None:
    reason = broken_guard([MEMORY], {"peak_memory_mb": 1.0}, baseline)
    assert reason is not None
    assert "the baseline has no such measurement" in reason


def test_the_first_broken_guard_is_named() -> None:
    reason = broken_guard([SIZE, ACCURACY], {"parameters": 30e6, "accuracy": 0.1}, {})
    assert reason is not None
    assert reason.startswith("guard parameters")
