"""Simulated studies through the real judge, beside keep-if-lower: what is kept, and what is true of it.

The noise between runs is 1 and effects are in its unit; they add up. `shared` is the correlation
of two commits on one seed (0.66 was measured on tinylm). On the null landscape a study is 700
experiments that change nothing; on the others it is 700 runs, whatever they are spent on.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Iterable
from statistics import fmean
from typing import NamedTuple

from bench.common import Bar, arguments, report
from jumar.core.contract import Metric
from jumar.core.evidence import Evidence, Noise, Pair, Standing, Want
from jumar.core.outcome import Measured
from jumar.core.run import Purpose
from jumar.core.verdict import Decision, Verdict
from jumar.rules.certify import certify
from jumar.rules.evidence import CERTIFY_PAIRS
from jumar.rules.judge import judge
from jumar.rules.noise import measure_noise, update_noise

METRIC = Metric(name="loss")
START = 1000.0
BASELINE_SEEDS = 3
CERTIFYING = 10**7  # a seed that no search run has
SIZE = 700


class Landscape(NamedTuple):
    """What proposals are like: shares of harmful and null ones, mean effect of the rest."""

    name: str
    harmful: float
    null: float
    effect: float
    shared: float = 0.0
    tails: bool = False  #: one run in twenty has five times the noise

    def effect_of_next(self, rng: random.Random) -> float:
        """Effect of a proposal on the metric; negative is better."""
        draw = rng.random()
        if draw < self.harmful:
            return abs(rng.gauss(0, 4))
        return 0.0 if draw < self.harmful + self.null else -rng.expovariate(1 / self.effect)


class Tally(NamedTuple):
    """One study, in the end."""

    gain: float
    overclaim: float  #: what the champion's value promises beyond the truth
    keeps: int
    false: int  #: keeps of what is no better
    experiments: int
    runs: int
    certified: int = 0  #: 1 where certification found a gain
    phantom: int = 0  #: 1 where it found one and there is none
    claim_error: float = 0.0  #: what the certified claim promises beyond the truth


class World:
    """Runs commits: a mean, luck that a seed shares with every commit, and luck of its own."""

    def __init__(self, landscape: Landscape, rng: random.Random) -> None:
        self.rng = rng
        self._landscape = landscape
        self._luck: dict[int, float] = {}
        self.runs = 0

    def run(self, mean: float, seed: int) -> float:
        """The value of one run."""
        self.runs += 1
        shared = self._landscape.shared
        if seed not in self._luck:
            self._luck[seed] = self.rng.gauss(0, 1)
        wild = 5.0 if self._landscape.tails and self.rng.random() < 0.05 else 1.0
        own = wild * self.rng.gauss(0, 1)
        return mean + math.sqrt(shared) * self._luck[seed] + math.sqrt(1 - shared) * own


class Champion:
    """The best commit so far and its fresh runs."""

    def __init__(self, mean: float, by_seed: dict[int, float]) -> None:
        self.mean = mean
        self.by_seed = by_seed

    @property
    def standing(self) -> Standing:
        """As the judge is shown it."""
        values = self.by_seed
        return Standing(value=fmean(values.values()), by_seed=values, runs=len(values))


def ours(landscape: Landscape, rng: random.Random) -> Tally:
    """A study by the real judge, with the runs and seeds that the real loop makes."""
    world = World(landscape, rng)
    champion = Champion(START, {seed: world.run(START, seed) for seed in range(BASELINE_SEEDS)})
    world.runs += 1
    first = champion.by_seed[0]
    repeated = (first, first if landscape.shared else START + rng.gauss(0, 1))
    noise = measure_noise(champion.by_seed, repeated=repeated)
    baseline = champion.standing
    keeps = false = experiments = 0
    while not _is_over(landscape, experiments, world.runs):
        experiments += 1
        effect = landscape.effect_of_next(rng)
        mean = champion.mean + effect
        verdict, pairs = _experiment(world, champion, mean, (baseline, noise, experiments))
        champion.by_seed.update({seed: reference for seed, _, reference in pairs})
        noise = update_noise(noise, [(candidate, reference) for _, candidate, reference in pairs])
        if verdict.decision is Decision.KEPT:
            keeps, false = keeps + 1, false + (effect >= 0)
            champion = Champion(mean, {seed: candidate for seed, candidate, _ in pairs})
    runs = world.runs
    certified, claimed = _certified(world, champion, noise) if keeps else (False, 0.0)
    gain = START - champion.mean
    return Tally(
        gain,
        champion.mean - champion.standing.value,
        keeps,
        false,
        experiments,
        runs,
        int(certified),
        int(certified and gain <= 0),
        claimed - gain if certified else 0.0,
    )


def _certified(world: World, champion: Champion, noise: Noise) -> tuple[bool, float]:
    """Whether champion and baseline, on fresh seeds, give a claim; and the gain that is claimed."""
    seeds = range(CERTIFYING, CERTIFYING + CERTIFY_PAIRS)
    pairs = [
        Pair(
            seed=seed,
            candidate=Measured(value=world.run(champion.mean, seed)),
            reference=Measured(value=world.run(START, seed)),
        )
        for seed in seeds
    ]
    claim = certify(pairs, METRIC, noise, experiment=1, commits=("baseline", "champion"))
    return claim.certified, claim.baseline_value - claim.champion_value


def _experiment(
    world: World, champion: Champion, mean: float, around: tuple[Standing, Noise, int]
) -> tuple[Verdict, list[tuple[int, float, float]]]:
    """One experiment to its verdict; returns the pairs that were made."""
    baseline, noise, number = around
    standing = champion.standing
    known = list(champion.by_seed)
    seed = known[number % len(known)]
    screen: Measured | None = None
    pairs: list[tuple[int, float, float]] = []
    while True:
        answer = judge(
            Evidence(
                metric=METRIC,
                noise=noise,
                baseline=baseline,
                champion=standing,
                screen=screen,
                screen_seed=seed,
                pairs=tuple(
                    Pair(seed=at, candidate=Measured(value=new), reference=Measured(value=old))
                    for at, new, old in pairs
                ),
            )
        )
        if not isinstance(answer, Want):
            return answer, pairs
        if answer.purpose is Purpose.SCREEN:
            screen = Measured(value=world.run(mean, seed))
        else:
            at = number * 1000 + len(pairs)
            pairs.append((at, world.run(mean, at), world.run(champion.mean, at)))


def keep_if_lower(landscape: Landscape, rng: random.Random) -> Tally:
    """The well-known rule: one run each, on one seed; lower than the best so far is kept."""
    world = World(landscape, rng)
    mean, best = START, world.run(START, 0)
    keeps = false = experiments = 0
    while not _is_over(landscape, experiments, world.runs):
        experiments += 1
        effect = landscape.effect_of_next(rng)
        value = world.run(mean + effect, 0)
        if value < best:
            keeps, false, mean, best = keeps + 1, false + (effect >= 0), mean + effect, value
    return Tally(START - mean, mean - best, keeps, false, experiments, world.runs)


def _is_over(landscape: Landscape, experiments: int, runs: int) -> bool:
    return experiments >= SIZE if landscape.null == 1.0 else runs >= SIZE


LANDSCAPES = (
    Landscape("null", 0.0, 1.0, 1.0),
    Landscape("null, paired", 0.0, 1.0, 1.0, shared=0.66),
    Landscape("null, heavy tails", 0.0, 1.0, 1.0, tails=True),
    Landscape("rare small", 0.70, 0.25, 0.5),
    Landscape("rare small, paired", 0.70, 0.25, 0.5, shared=0.66),
    Landscape("rare large", 0.70, 0.25, 2.0),
    Landscape("rare large, paired", 0.70, 0.25, 2.0, shared=0.66),
)
RULES: dict[str, Callable[[Landscape, random.Random], Tally]] = {"ours": ours, "keep if lower": keep_if_lower}


def _study(task: tuple[str, Landscape, int]) -> Tally:
    rule, landscape, chance = task
    return RULES[rule](landscape, random.Random(f"{rule}/{landscape.name}/{chance}"))


def _row(tallies: Iterable[Tally]) -> dict[str, float]:
    columns = [fmean(column) for column in zip(*tallies, strict=True)]
    gain, overclaim, keeps, false, experiments, runs, certified, phantom, claim_error = columns
    row = {
        "true gain": round(gain, 3),
        "overclaim": round(overclaim, 3),
        "keeps": round(keeps, 3),
        "false keeps": round(false, 3),
        "false share": round(false / keeps, 4) if keeps else 0.0,
        "runs per experiment": round(runs / experiments, 4),
    }
    if certified:
        row |= {
            "certified": round(certified, 3),
            "phantom claims": round(phantom, 3),
            "claim error": round(claim_error / certified, 3),
        }
    return row


def simulate(studies: int) -> dict[str, dict[str, float]]:
    """Means over so many studies, per landscape and rule."""
    figures = {}
    with multiprocessing.Pool(min(2, os.cpu_count() or 1)) as pool:
        for landscape in LANDSCAPES:
            for rule in RULES:
                tasks = [(rule, landscape, chance) for chance in range(studies)]
                figures[f"{landscape.name}: {rule}"] = _row(pool.map(_study, tasks, chunksize=5))
    return figures


def bars(figures: dict[str, dict[str, float]]) -> list[Bar]:
    """What has to hold."""
    found = []
    for name in ("null", "null, paired"):
        row = figures[f"{name}: ours"]
        found.append(Bar(f"{name}: false keeps in {SIZE} experiments", row["false keeps"], 0.5))
        found.append(Bar(f"{name}: runs per experiment", row["runs per experiment"], 1.25))
    for landscape in LANDSCAPES:
        mine, theirs = (figures[f"{landscape.name}: {rule}"] for rule in RULES)
        found.append(
            Bar(f"{landscape.name}: overclaim beside keep-if-lower's", mine["overclaim"], theirs["overclaim"])
        )
        found.append(
            Bar(f"{landscape.name}: studies with a certified phantom", mine.get("phantom claims", 0.0), 0.025)
        )
        if landscape.null < 1:
            found.append(Bar(f"{landscape.name}: share of false keeps", mine["false share"], 0.10))
    return found


def main() -> int:
    """Simulate, print, and say by the exit code whether every bar holds."""
    parser = arguments("judge", __doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=200, help="per landscape and rule (200)")
    asked = parser.parse_args()
    figures = simulate(asked.studies)
    result = {"studies": asked.studies, "size": SIZE, "means": figures}
    return report("judge", result, bars(figures), json=asked.json, save=asked.save)


if __name__ == "__main__":
    sys.exit(main())
