from __future__ import annotations

import math

import pytest

from jumar.rules.error_budget import evidence_needed


def spent(test: int, keeps: int) -> float:
    """The probability that the budget gives to one test."""
    return math.exp(-evidence_needed(test, keeps))


def test_all_that_is_ever_spent_without_a_keep_is_the_share() -> None:
    first = math.fsum(spent(test, 0) for test in range(1, 200_001))
    rest = spent(1, 0) * 11**2 / 200_000  # what the tail of the sequence sums to
    assert first + rest == pytest.approx(0.10, rel=1e-4)


def test_a_keep_pays_for_others() -> None:
    assert spent(20, 3) == pytest.approx(4 * spent(20, 0))


def test_a_smaller_share_asks_for_more() -> None:
    assert evidence_needed(5, 1, 0.01) == pytest.approx(evidence_needed(5, 1, 0.10) + math.log(10))


def test_after_very_many_keeps_evidence_never_needs_to_be_negative() -> None:
    assert evidence_needed(1, 10_000) == 0.0


@pytest.mark.parametrize(("test", "keeps", "share"), [(0, 0, 0.1), (1, -1, 0.1), (1, 0, 0.0), (1, 0, 1.0)])
def test_what_is_no_budget_is_refused(test: int, keeps: int, share: float) -> None:
    with pytest.raises(ValueError, match="no error budget"):
        evidence_needed(test, keeps, share)
