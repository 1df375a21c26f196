from __future__ import annotations

from typing import Any

from jumar.core.by_seed import BySeed
from jumar.core.contract import Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing
from jumar.core.outcome import Measured
from jumar.core.verdict import Decision, Verdict
from jumar.reports.evidence import evidence_rows
from jumar.rules.judge import judge


def judged(value: float, **more: Any) -> Verdict:
    """What the judge says of a candidate that is worth so much in every pair, and the champion 2."""
    champion = Standing(value=2.0, by_seed=BySeed({7: 2.0}), runs=4)
    evidence = Evidence(
        metric=Metric(name="loss"),
        noise=Noise(run_sd=0.01, pair_sd=0.01, runs=4),
        baseline=champion,
        champion=champion,
        screen=Measured(value=value),
        screen_seed=7,
        confirming=True,
        pairs=tuple(
            Pair(seed=seed, candidate=Measured(value=value), reference=Measured(value=2.0))
            for seed in range(8)
        ),
        **more,
    )
    verdict = judge(evidence)
    assert isinstance(verdict, Verdict)
    return verdict


def test_what_the_judge_saw_is_told_in_words_and_nothing_is_left_raw() -> None:
    rows = dict(evidence_rows(judged(1.8)))
    assert list(rows)[:4] == ["champion then", "noise then", "screen", "test"]
    assert rows["champion then"] == "2, mean of 4 runs"
    assert rows["pair 1"].startswith("1.8 beside the champion's 2 on seed 0: 0.2 better (uncertified)")
    assert set(rows) <= {"champion then", "noise then", "screen", "test"} | {f"pair {n}" for n in range(9)}
    less = dict(evidence_rows(judged(2.0, saved=40, margin=0.02)))
    assert less["less code"].startswith("40 syntax-tree nodes fewer; it may lose 0.02")
    missed = dict(evidence_rows(judged(1.992)))
    assert missed["near miss"] == "it looked better (uncertified), and was not shown to be"
    assert not set("{}[]_") & set("".join((*rows.values(), *less.values(), *missed.values())))


def test_what_another_judge_wrote_is_told_too() -> None:
    seen = {"champion": "high", "pairs": [{"seed": 3}], "log_e": 3.25, "kinds": {"a": [1, True]}}
    verdict = Verdict(decision=Decision.KEPT, reason="better", evidence=seen)
    assert evidence_rows(verdict) == [
        ("pair 1", "seed 3"),
        ("champion", "high"),
        ("log e", "3.25"),
        ("kinds", "a 1; yes"),
    ]


def test_a_failure_says_which_run_ended_it() -> None:
    verdict = Verdict(decision=Decision.FAILED, reason="crashed", evidence={"run": "screen"})
    assert evidence_rows(verdict) == [("run", "the screen ended it")]
