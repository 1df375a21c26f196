from __future__ import annotations

import pytest

from jumar.rules.student import mean_and_interval, t_quantile, t_share


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.95, 5, 2.0150), (0.9, 10, 1.3722), (0.995, 30, 2.7500)],
)
def test_the_quantiles_are_those_of_the_printed_tables(share: float, freedom: int, expected: float) -> None:
    assert t_quantile(share, freedom) == pytest.approx(expected, abs=1e-4)


def test_many_degrees_of_freedom_are_the_normal_distribution_without_a_jump() -> None:
    assert t_quantile(0.975, 1999) == pytest.approx(t_quantile(0.975, 2000), abs=2e-3)
    assert t_quantile(0.975, 10**6) == pytest.approx(1.959964, abs=1e-5)


def test_half_of_the_distribution_lies_below_zero() -> None:
    assert all(t_share(0.0, freedom) == 0.5 for freedom in range(1, 9))
    assert t_share(-2.0, 7) == pytest.approx(1 - t_share(2.0, 7))


@pytest.mark.parametrize(("share", "freedom"), [(0.4, 3), (1.0, 3), (0.9, 0)])
def test_a_quantile_that_does_not_exist_is_refused(share: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        t_quantile(share, freedom)


def test_the_interval_of_a_mean_is_students() -> None:
    mean, (low, high) = mean_and_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert high - mean == pytest.approx(mean - low) == pytest.approx(4.3027 / 3**0.5, abs=1e-4)


def test_one_value_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no spread"):
        mean_and_interval([1.0])
