from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.contract import AgentLimits, Direction, LimitTerms, Metric
from jumar.core.desk import Room, Usage
from jumar.errors import NoRoom
from jumar.rules.limits import (
    Progress,
    Spent,
    check_room,
    limits_in_words,
    must_certify_now,
    reached,
    room,
    time_left_s,
)

LOSS = Metric(name="loss")
SCORE = Metric(name="score", direction=Direction.MAXIMIZE)
HALFWAY = Progress(experiments=50, since_keep=7, hours=2.0, usd=5.0, tokens=90_001, value=2.5)


def test_without_limits_a_study_never_ends() -> None:
    assert reached(LimitTerms(), HALFWAY, LOSS) is None


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (LimitTerms(experiments=50), "50 experiments were made (limit 50)"),
        (LimitTerms(experiments=49), "50 experiments were made (limit 49)"),
        (LimitTerms(hours=2), "2 hours have passed (limit 2)"),
        (LimitTerms(usd=4.5), "5.00 USD were spent (limit 4.5)"),
        (LimitTerms(tokens=90_000), "90,001 tokens were read and written (limit 90,000)"),
        (LimitTerms(plateau=7), "7 experiments in a row kept nothing (limit 7)"),
        (LimitTerms(target=2.5), "the target was reached: loss 2.5 (limit 2.5)"),
    ],
)
def test_each_limit_is_reached_in_its_own_words(limits: LimitTerms, words: str) -> None:
    assert reached(limits, HALFWAY, LOSS) == words


def test_one_is_told_as_one() -> None:
    once = Progress(experiments=1, since_keep=1, hours=1.0)
    assert reached(LimitTerms(experiments=1), once, LOSS) == "1 experiment was made (limit 1)"
    assert reached(LimitTerms(hours=1), once, LOSS) == "1 hour has passed (limit 1)"
    assert reached(LimitTerms(plateau=1), once, LOSS) == "the last experiment kept nothing (limit 1)"


def test_retests_are_the_reason_only_where_they_are_all_that_is_beyond_the_limit() -> None:
    beyond = replace(HALFWAY, retests=2)
    words = "50 experiments were made, as what was overtaken is tried again beyond the limit (limit 48)"
    assert reached(LimitTerms(experiments=48), beyond, LOSS) == words
    lowered = LimitTerms(experiments=47)
    assert reached(lowered, beyond, LOSS) == "50 experiments were made (limit 47)"


@pytest.mark.parametrize(
    "limits",
    [
        LimitTerms(experiments=51),
        LimitTerms(hours=2.1),
        LimitTerms(usd=5.1),
        LimitTerms(plateau=8),
        LimitTerms(target=2.4),
    ],
)
def test_no_limit_is_reached_early(limits: LimitTerms) -> None:
    assert reached(limits, HALFWAY, LOSS) is None


def test_a_target_of_a_metric_to_be_raised_is_reached_from_below() -> None:
    assert reached(LimitTerms(target=2.4), HALFWAY, SCORE)
    assert reached(LimitTerms(target=2.6), HALFWAY, SCORE) is None


def test_a_target_is_not_reached_before_there_is_a_value() -> None:
    assert reached(LimitTerms(target=1e9), Progress(), LOSS) is None


def test_the_time_left_is_that_of_the_limit_that_comes_first() -> None:
    assert time_left_s(LimitTerms(hours=8, experiments=60), HALFWAY) == pytest.approx(0.4 * 3600)
    assert time_left_s(LimitTerms(hours=2.1, experiments=60), HALFWAY) == pytest.approx(360)
    assert time_left_s(LimitTerms(usd=10), HALFWAY) == pytest.approx(2 * 3600)


def test_nothing_is_said_of_the_time_left_where_nothing_can_be_foreseen() -> None:
    assert time_left_s(LimitTerms(plateau=40, target=1.0), HALFWAY) is None
    assert time_left_s(LimitTerms(experiments=60), Progress()) is None


def test_no_time_is_left_past_a_limit() -> None:
    assert time_left_s(LimitTerms(hours=1), HALFWAY) == 0.0


def test_experiments_end_early_enough_to_certify() -> None:
    limits = LimitTerms(hours=2.1)  # six minutes left
    assert not must_certify_now(limits, HALFWAY, experiment_s=60, certify_s=240)
    assert must_certify_now(limits, HALFWAY, experiment_s=60, certify_s=310)
    assert not must_certify_now(LimitTerms(experiments=51), HALFWAY, experiment_s=60, certify_s=1e9)


SPENT = {"llm": Spent(usd=3.0, tokens=1000), "codex": Spent(usd=1.0, tokens=500)}
LIMITS = LimitTerms(usd=5, tokens=2000, agents={"llm": AgentLimits(usd=3.5)})


def test_room_is_what_the_narrower_limit_leaves() -> None:
    assert room(LIMITS, SPENT, "llm") == Room(usd=0.5, tokens=500)
    assert room(LIMITS, SPENT, "codex") == Room(usd=1.0, tokens=500)
    assert room(replace(LIMITS, usd=2), SPENT, "codex") == Room(usd=0.0, tokens=500)
    assert room(LimitTerms(), SPENT, "llm") == Room()


@pytest.mark.parametrize(
    ("agent", "most", "problem"),
    [
        ("llm", Usage(model="m", usd=0.5, tokens_in=500), None),
        ("llm", Usage(model="m", usd=0.51), "3.00 USD were spent, and the next request to m may cost 0.51"),
        ("codex", Usage(model="m", usd=1.0), None),
        ("codex", Usage(model="m", usd=1.01), "4.00 USD were spent, and the next request to m may cost 1.01"),
        ("llm", Usage(model="m", tokens_out=501), "1,500 tokens were read and written, and the next"),
        ("codex", Usage(model="m", priced=False), "nobody knows what m costs"),
    ],
)
def test_a_request_is_sent_only_if_what_it_may_take_fits(
    agent: str, most: Usage, problem: str | None
) -> None:
    if problem is None:
        return check_room(LIMITS, SPENT, agent, most)
    with pytest.raises(NoRoom) as full:
        check_room(LIMITS, SPENT, agent, most)
    assert full.value.problem.startswith(problem)
    assert "[limits]" in full.value.fix
    return None


def test_limits_are_said_as_the_contract_says_them() -> None:
    assert limits_in_words(LimitTerms()) == "none"
    assert limits_in_words(LIMITS) == "usd = 5, tokens = 2_000; llm: usd = 3.5"
