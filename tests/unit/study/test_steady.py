"""A clock that jumps is noticed, once, and until then time passes as it does."""

from __future__ import annotations

from jumar.study.steady import SteadyClock


def test_a_jump_is_noticed_once_and_a_small_correction_is_none() -> None:
    of_day, passed = [1_000.0], [5.0]
    clock = SteadyClock(lambda: of_day[0], lambda: passed[0])
    of_day[0], passed[0] = 1_002.0, 7.0
    assert clock() == 1_002.0 and not clock.jumped()
    for jump_s in (86_400.0, -900_000.0):
        of_day[0] += jump_s + 1.0
        passed[0] += 1.0
        before = clock()
        assert before < 1_010.0 or before > 80_000.0
        assert clock.jumped() and not clock.jumped()
        assert clock() == of_day[0]
    of_day[0] += 3.0
    assert not clock.jumped() and clock() == of_day[0]
