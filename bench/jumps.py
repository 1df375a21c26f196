"""Simulated studies with large honest gains, and what it costs them to be doubted at first.

Gains are factors, as when a program is made faster: one proposal in ten helps, and how large its gain
is on average differs by case. Every study is played twice, on the same chance: by the judge as it is,
and by one that has seen everything before and so doubts nothing.
"""

from __future__ import annotations

import math
import random
import sys
from statistics import fmean
from typing import NamedTuple

from msgspec.structs import replace

from bench.common import Bar, arguments, report
from jumar.core.by_seed import BySeed
from jumar.core.contract import Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing, Want
from jumar.core.outcome import Measured
from jumar.core.run import Purpose
from jumar.core.verdict import Decision
from jumar.rules.judge import judge
from jumar.rules.noise import measure_noise
from jumar.rules.quarantine import size_of

METRIC = Metric(name="seconds")
PROPOSALS = 100
HELPS = 0.1
START = 100.0
DOUBTS_NOTHING = 1e9


class Case(NamedTuple):
    """Noise of a run, and the mean gain of what helps, as logarithms."""

    name: str
    noise: float
    gain: float


CASES = (
    Case("tinylm: gains of 3 %", 0.0025, 0.03),
    Case("a first night: gains of 10 %", 0.0025, 0.1),
    Case("speed-ups by half", 0.02, 0.5),
    Case("speed-ups by three times", 0.02, 1.1),
)


class Tally(NamedTuple):
    """One study, in the end."""

    keeps: int
    doubted: int
    doubted_kept: int
    runs: int


def play(case: Case, largest: float, chance: str) -> Tally:
    """A study of a hundred proposals; `largest` is the gain that counts as seen before it begins."""
    rng = random.Random(chance)
    level, runs, keeps, doubted, doubted_kept = 0.0, 4, 0, 0, 0

    def run(at: float) -> float:
        return START * math.exp(-at + rng.gauss(0, case.noise))

    values = {seed: run(level) for seed in range(3)}
    noise = measure_noise(values, repeated=(values[0], values[0]))
    for number in range(PROPOSALS):
        rng = random.Random(f"{chance}/{number}")
        gain = rng.expovariate(1 / case.gain) if rng.random() < HELPS else -abs(rng.gauss(0, case.gain))
        pairs: list[Pair] = []
        evidence = _evidence(values, noise, keeps, largest, Measured(value=run(level + gain)))
        runs, was_doubted = runs + 1, False
        while isinstance(answer := judge(replace(evidence, pairs=tuple(pairs))), Want):
            assert answer.purpose is Purpose.CONFIRM
            was_doubted |= answer.strict
            new, old = Measured(value=run(level + gain)), Measured(value=run(level))
            pairs.append(Pair(seed=len(pairs), candidate=new, reference=old, strict=answer.strict))
            runs += 2
        doubted += was_doubted
        if answer.decision is Decision.KEPT:
            keeps, level, doubted_kept = keeps + 1, level + gain, doubted_kept + was_doubted
            before = fmean(values.values())
            values = {
                pair.seed: pair.candidate.value for pair in pairs if isinstance(pair.candidate, Measured)
            }
            largest = max(largest, size_of(METRIC, before, fmean(values.values())))
    return Tally(keeps=keeps, doubted=doubted, doubted_kept=doubted_kept, runs=runs)


def _evidence(
    values: dict[int, float], noise: Noise, keeps: int, largest: float, screen: Measured
) -> Evidence:
    standing = Standing(value=fmean(values.values()), by_seed=BySeed(values), runs=len(values))
    return Evidence(
        metric=METRIC,
        noise=noise,
        baseline=standing,
        champion=standing,
        keeps=keeps,
        largest_gain=largest,
        screen=screen,
    )


def simulate(studies: int) -> dict[str, dict[str, float]]:
    """Means over so many studies, per case."""
    figures = {}
    for case in CASES:
        mine = [play(case, 0.0, f"{case.name}/{chance}") for chance in range(studies)]
        free = [play(case, DOUBTS_NOTHING, f"{case.name}/{chance}") for chance in range(studies)]
        doubted = sum(tally.doubted for tally in mine)
        figures[case.name] = {
            "keeps": round(fmean(tally.keeps for tally in mine), 2),
            "keeps, undoubted": round(fmean(tally.keeps for tally in free), 2),
            "quarantined": round(doubted / studies, 2),
            "of these kept": round(sum(tally.doubted_kept for tally in mine) / doubted, 3)
            if doubted
            else 1.0,
            "runs": round(fmean(tally.runs for tally in mine), 1),
            "runs, undoubted": round(fmean(tally.runs for tally in free), 1),
        }
    return figures


def bars(figures: dict[str, dict[str, float]]) -> list[Bar]:
    """What has to hold."""
    found = []
    for name, row in figures.items():
        found.append(
            Bar(
                f"{name}: keeps beside undoubted", row["keeps"] / row["keeps, undoubted"], 0.98, at_least=True
            )
        )
        found.append(Bar(f"{name}: runs beside undoubted", row["runs"] / row["runs, undoubted"], 1.05))
    return found


def main() -> int:
    """Simulate, print, and say by the exit code whether every bar holds."""
    parser = arguments("jumps", "Simulated studies with large honest gains, doubted and undoubted.")
    parser.add_argument("--studies", type=int, default=100, help="per case (100)")
    asked = parser.parse_args()
    figures = simulate(asked.studies)
    return report(
        "jumps", {"studies": asked.studies, **figures}, bars(figures), json=asked.json, save=asked.save
    )


if __name__ == "__main__":
    sys.exit(main())
