"""Less code is a keep where it is known to lose next to nothing, and many such keeps lose no more."""

from __future__ import annotations

import re
from statistics import fmean

import pytest
from msgspec.structs import replace

from jumar.agents.knobs import find_knobs
from jumar.core.by_seed import BySeed
from jumar.core.contract import Guard, Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing, Want
from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.outcome import Failed, Measured, Why
from jumar.core.proposal import Edit
from jumar.core.verdict import Decision, Verdict
from jumar.rules.judge import judge
from jumar.rules.simpler import (
    LEAST_SAVED,
    allowance,
    is_simplification,
    margin_of,
    nodes_of,
    saved_nodes,
)

LONG = b"""\
import math

def area(radius):
    squared = radius * radius
    return math.pi * squared

def twice(radius):
    if radius > 0:
        return 2 * area(radius)
    else:
        return 2 * area(-radius)
"""
SHORT = b"import math\n\ndef twice(radius):\n    return 2 * math.pi * radius**2\n"
CHAMPION = Standing(value=2.5, by_seed=BySeed({1: 2.49, 2: 2.51, 3: 2.50}), runs=3)
NOISE = Noise(run_sd=0.01, pair_sd=0.01, runs=13)
EXACT = Noise(run_sd=0.0, pair_sd=0.0, runs=3, deterministic=True)
EQUAL = [0.002, -0.003, 0.001, -0.001, 0.002, 0.0, -0.002, 0.001]


# Counting


@pytest.mark.parametrize(
    "other",
    [
        b"x = 1  # a comment\ny = f(x)",
        b'"""A docstring."""\n\nx = 1\n\n\ny = f(x)\n',
        b"a_much_longer_name = 1\ny = f(a_much_longer_name)\n",
        b"x = 1; y = f(x)",
        b"x: int = 1\ny = f(x)\n",
        b"x = -100000.5\ny = f(x)\n",
    ],
)
def test_what_only_reads_differently_counts_the_same(other: bytes) -> None:
    assert nodes_of(other) == nodes_of(b"x = 1\ny = f(x)\n")


def test_annotations_of_arguments_and_results_count_nothing() -> None:
    plain = nodes_of(b"def f(x, *y): return x")
    assert nodes_of(b"def f(x: int, *y: list[int]) -> int: return x") == plain


def test_code_does_not_become_smaller_in_a_text_or_a_number() -> None:
    hidden = b"exec(" + repr(LONG.decode()).encode() + b")\n"
    plain, told = nodes_of(LONG), nodes_of(hidden)
    assert plain is not None and told is not None
    assert plain - told < LEAST_SAVED
    number = b"exec(int.to_bytes(%d, %d))\n" % (int.from_bytes(LONG), len(LONG))
    counted = nodes_of(number)
    assert counted is not None
    assert plain - counted < LEAST_SAVED


def test_fewer_nodes_are_counted_over_all_files_of_an_edit() -> None:
    def edit(path: str, content: bytes | None) -> Edit:
        return Edit(path=path, content=content)

    before = {"a.py": LONG, "b.py": SHORT, "c.json": b"{}"}
    saved = saved_nodes(before, [edit("a.py", SHORT)])
    assert saved >= LEAST_SAVED
    assert saved_nodes(before, [edit("a.py", SHORT), edit("rest.py", LONG)]) == 0  # moved, not removed
    assert saved_nodes(before, [edit("b.py", None)]) == nodes_of(SHORT)
    assert saved_nodes(before, [edit("b.py", LONG)]) == 0


@pytest.mark.parametrize("path", ["c.json", "table.bin", "kernel.cu"])
def test_what_is_not_python_is_not_counted_and_neither_is_what_goes_with_it(path: str) -> None:
    edits = [Edit(path="a.py", content=SHORT), Edit(path=path, content=b"x" * 1000)]
    assert saved_nodes({"a.py": LONG, path: b""}, edits) == 0
    assert saved_nodes({"a.py": LONG, path: b""}, edits[:1]) > 0


def test_code_that_does_not_parse_or_is_too_large_is_not_counted() -> None:
    assert nodes_of(b"def f(:") is None
    assert nodes_of(b"x = 1\n" * 100_000) is None
    assert saved_nodes({"a.py": LONG}, [Edit(path="a.py", content=b"def f(:")]) == 0


def test_a_tuner_never_simplifies() -> None:
    """It only changes constants, which count the same however they are written."""
    source = (
        b"LR = -0.30000000000000004\nWIDTH = 4096  # one of: 16, 4096\nACT = 'silu'  # one of: silu, relu\n"
    )
    knobs = list(find_knobs("train.py", source))
    assert len(knobs) >= 2
    turned = (
        source.replace(b"-0.30000000000000004", b"1").replace(b"4096", b"16", 1).replace(b"silu", b"relu", 1)
    )
    assert saved_nodes({"a.py": source}, [Edit(path="a.py", content=turned)]) == 0


# Judging


def seen(value: float, *gains: float, **more: object) -> Evidence:
    pairs = tuple(
        Pair(seed=9 + n, candidate=Measured(value=2.5 - gain), reference=Measured(value=2.5))
        for n, gain in enumerate(gains)
    )
    evidence = Evidence(
        metric=Metric(name="loss"),
        noise=NOISE,
        baseline=CHAMPION,
        champion=CHAMPION,
        screen=Measured(value=value),
        screen_seed=None,
        pairs=pairs,
        saved=40,
        margin=0.01,
    )
    return replace(evidence, **more)


def verdict(evidence: Evidence) -> Verdict:
    answer = judge(evidence)
    assert isinstance(answer, Verdict), answer
    return answer


def test_less_code_at_an_equal_score_is_kept_and_promises_no_gain() -> None:
    found = verdict(seen(2.5, *EQUAL))
    assert found.decision is Decision.KEPT
    assert found.reason.startswith("simpler: 40 fewer syntax-tree nodes, equal within ±0.01 in ")
    assert found.gain == pytest.approx(fmean(EQUAL[: len(found.evidence["pairs"])]))
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert is_simplification(found)
    assert found.evidence["simpler"]["nodes"] == 40


def test_without_less_code_the_same_evidence_keeps_nothing() -> None:
    found = verdict(seen(2.5, *EQUAL, saved=0, margin=0.0))
    assert found.decision is Decision.DISCARDED
    assert found.reason.endswith("better earns a second look")


def test_a_real_gain_with_less_code_needs_fewer_pairs_and_is_called_no_worse() -> None:
    found = verdict(seen(2.47, 0.03, 0.031, 0.029, 0.03, keeps=0))
    assert found.decision is Decision.KEPT
    few = len(found.evidence["pairs"])
    assert few < len(verdict(seen(2.47, *[0.03, 0.031] * 4, saved=0, margin=0.0)).evidence["pairs"]) + 1


@pytest.mark.parametrize("loss", [-0.012, -0.02])
def test_a_loss_beyond_the_margin_is_dropped_soon(loss: float) -> None:
    found = verdict(seen(2.5, *[loss] * 8))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("did not hold")
    assert len(found.evidence["pairs"]) < 8


def test_a_screen_that_looks_worse_costs_no_pair() -> None:
    assert isinstance(judge(seen(2.503)), Want)
    found = verdict(seen(2.515))
    assert found.decision is Decision.DISCARDED
    assert re.search(r"with less code, less than \S+ worse earns a second look$", found.reason)


def test_guards_and_failures_count_as_ever() -> None:
    memory = Guard(name="peak_memory_mb", at_most=True, bound=100.0, relative=False)
    heavy = Measured(value=2.5, others={"peak_memory_mb": 50.0})
    found = verdict(seen(2.5, *EQUAL, guards=(memory,), screen=heavy))
    assert found.decision is Decision.DISCARDED
    assert found.reason.startswith("guard peak_memory_mb")
    crash = Pair(seed=1, candidate=Failed(why=Why.CRASHED, detail=""), reference=Measured(value=2.5))
    assert verdict(replace(seen(2.5), pairs=(crash,))).decision is Decision.FAILED


def test_without_noise_equal_is_equal_to_the_last_digit() -> None:
    exact = {"noise": EXACT, "margin": 0.0}
    assert isinstance(judge(seen(2.5, **exact)), Want)
    found = verdict(seen(2.5, 0.0, **exact))
    assert (found.decision, found.gain, found.interval) == (Decision.KEPT, 0.0, (0.0, 0.0))
    assert is_simplification(found)
    assert "equal, with 40 fewer syntax-tree nodes" in found.reason
    assert verdict(seen(2.5, 0.0, saved=0, **exact)).decision is Decision.DISCARDED
    assert verdict(seen(2.5000001, 0.0, **exact)).decision is Decision.DISCARDED
    assert not is_simplification(verdict(seen(2.4, 0.1, **exact)))


# What it may add up to


def kept(number: int, gain: float | None = None) -> ExperimentRecord:
    """A keep: for its gain, or where one is given on the scale, for its code."""
    experiment = Experiment(number=number, parent="", commit=f"c{number}", tree="", hypothesis="", agent="")
    simpler = {} if gain is None else {"simpler": {"nodes": 40, "margin": 0.01, "gain": gain}}
    found = Verdict(decision=Decision.KEPT, reason="", evidence=simpler)
    return ExperimentRecord(experiment=experiment, proposed_at=0.0, verdict=found)


def test_simplifications_in_a_row_are_compared_with_the_last_gain_and_not_with_one_another() -> None:
    assert allowance([], "base") == ("base", 0.0)
    assert allowance([kept(1)], "base") == ("c1", 0.0)
    assert allowance([kept(1), kept(2, -0.003), kept(3, -0.004)], "base") == ("c1", 0.0)


def test_what_a_row_lost_is_charged_to_all_that_come_after_the_next_gain() -> None:
    row = [kept(1, -0.003), kept(2, -0.004)]
    assert allowance([*row, kept(3)], "base") == ("c3", 0.004)
    twice = [*row, kept(3), kept(4, -0.002), kept(5), kept(6, 0.005), kept(7)]
    assert allowance(twice, "base").anchor == "c7"
    assert allowance(twice, "base").charged == pytest.approx(0.006)


def test_an_allowance_that_is_spent_allows_nothing() -> None:
    assert margin_of(NOISE, 0.0) == pytest.approx(0.01)
    assert margin_of(NOISE, 0.004) == pytest.approx(0.006)
    assert margin_of(NOISE, 0.006) == 0.0
