"""Simulated studies through the real judge, beside the rules that people write first.

On landscapes where nothing helps a study is 700 experiments; on the others it is 700 runs, whatever
they are spent on. Ours uses the product's own functions: noise, screen, pairs, error budget,
certification, whose runs count as well. What it says that a study gained are the certifying pairs of
champion and baseline, on seeds that no decision has seen. On landscapes with gains two more are
simulated: Jumar with other error budgets, and an oracle that tells gains from luck without fail.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
from statistics import fmean
from typing import NamedTuple

import numpy as np

from bench.common import Bar, arguments, report
from bench.fixed_rules import RULES, Studies
from bench.simulated import LANDSCAPES, SIZE, START, Commit, Landscape, World
from jumar.core.by_seed import BySeed
from jumar.core.contract import Metric
from jumar.core.evidence import Evidence, Pair, Standing, Want
from jumar.core.outcome import Measured
from jumar.core.run import Purpose
from jumar.core.verdict import Decision, Verdict
from jumar.rules.certify import Look, certify
from jumar.rules.evidence import CERTIFY_PAIRS
from jumar.rules.judge import FEWEST_PAIRS, judge
from jumar.rules.noise import measure_noise, update_noise

METRIC = Metric(name="loss")
BASELINE_SEEDS = 3
CERTIFYING = 10**7  # a seed that no search run has
LEAST_OF_KEEP_IF_LOWER = 0.88
MOST_FALSE = 0.10

# Name → error budget, and whether by an oracle. All but the first play on landscapes with gains
# only, and so many times fewer studies.
VARIANTS = {
    "Jumar": (MOST_FALSE, False),
    "Jumar at 1 %": (0.01, False),
    "Jumar at 50 %": (0.5, False),
    "oracle behind the screen": (MOST_FALSE, True),
}
OTHERS = 4


class Tally(NamedTuple):
    """One study, in the end."""

    gain: float
    overclaim: float  #: what the certifying pairs promise beyond the truth; 0 where nothing was kept
    working: float  #: what the champion's value during the search promises beyond the truth
    keeps: int
    false: int  #: keeps of what is no better
    experiments: int
    runs: int
    certified: int  #: 1 where certification found a gain
    phantom: int  #: 1 where it found one and there is none
    claim_error: float  #: what the certified claim promises beyond the truth


class Champion:
    """The best commit so far, and its runs by seed."""

    def __init__(self, commit: Commit, by_seed: dict[int, float]) -> None:
        self.commit = commit
        self.by_seed = BySeed(by_seed)

    @property
    def standing(self) -> Standing:
        """As the judge is shown it."""
        values = self.by_seed
        return Standing(value=fmean(values.values()), by_seed=values, runs=len(values))


class Study:
    """A study by the real judge, with the runs and seeds that the real loop makes.

    An oracle has the judge's screen, and then knows: it keeps after two pairs and drops after one.
    """

    def __init__(
        self, landscape: Landscape, rng: random.Random, *, share: float = MOST_FALSE, oracle: bool = False
    ) -> None:
        self._landscape, self._share, self._oracle = landscape, share, oracle
        self._world = World(landscape, rng)
        base = Commit(START)
        by_seed = {seed: self._world.run(base, seed) for seed in range(BASELINE_SEEDS)}
        self._champion = Champion(base, by_seed)
        self._world.runs += 1
        repeated = (by_seed[0], by_seed[0] if landscape.shared else START + rng.gauss(0, 1))
        self._noise = measure_noise(by_seed, repeated=repeated)
        self._baseline = self._champion.standing
        self._tests = self._keeps = self._false = self._experiments = 0

    def play(self) -> Tally:
        """To its end."""
        while not self._landscape.is_over(self._experiments, self._world.runs + self._certifying):
            self._experiments += 1
            commit = self._world.propose(self._champion.commit)
            verdict, pairs = self._experiment(commit)
            self._tests += bool(pairs)
            references = {seed: reference for seed, _, reference in pairs}
            self._champion.by_seed.put(references)
            self._noise = update_noise(self._noise, [(new, old) for _, new, old in pairs])
            if verdict.decision is Decision.KEPT:
                self._keeps += 1
                self._false += commit.mean >= self._champion.commit.mean
                self._champion = Champion(commit, {seed: new for seed, new, _ in pairs})
        certified, claimed = self._certified() if self._keeps else (False, 0.0)
        gain = START - self._champion.commit.mean
        return Tally(
            gain=gain,
            overclaim=claimed - gain if self._keeps else 0.0,
            working=self._champion.commit.mean - self._champion.standing.value,
            keeps=self._keeps,
            false=self._false,
            experiments=self._experiments,
            runs=self._world.runs,
            certified=int(certified),
            phantom=int(certified and gain <= 0),
            claim_error=claimed - gain if certified else 0.0,
        )

    @property
    def _certifying(self) -> int:
        """Runs that have to be left for the end."""
        return 2 * CERTIFY_PAIRS if self._keeps else 0

    def _experiment(self, commit: Commit) -> tuple[Verdict, list[tuple[int, float, float]]]:
        """One experiment to its verdict; returns the pairs that were made: seed, new, old."""
        seed = self._champion.by_seed.nth(self._experiments)
        screen: Measured | None = None
        pairs: list[tuple[int, float, float]] = []
        while isinstance(answer := judge(self._evidence(seed, screen, pairs)), Want):
            if answer.purpose is Purpose.SCREEN:
                screen = Measured(value=self._world.run(commit, seed))
            else:
                at = self._experiments * 1000 + len(pairs)
                pairs.append((at, *self._world.pair(commit, self._champion.commit, at)))
                if self._oracle and (told := self._known(commit, len(pairs))):
                    return told, pairs
        return answer, pairs

    def _known(self, commit: Commit, pairs: int) -> Verdict | None:
        if commit.mean >= self._champion.commit.mean:
            return Verdict(decision=Decision.DISCARDED, reason="no better")
        return Verdict(decision=Decision.KEPT, reason="better") if pairs >= FEWEST_PAIRS else None

    def _evidence(
        self, seed: int, screen: Measured | None, pairs: list[tuple[int, float, float]]
    ) -> Evidence:
        return Evidence(
            metric=METRIC,
            noise=self._noise,
            baseline=self._baseline,
            champion=self._champion.standing,
            test=self._tests + 1,
            keeps=self._keeps,
            false_keeps=self._share,
            screen=screen,
            screen_seed=seed,
            pairs=tuple(_pair(at, new, old) for at, new, old in pairs),
        )

    def _certified(self) -> tuple[bool, float]:
        """Whether champion and baseline, on fresh seeds, give a claim; and the gain that is claimed."""
        champion, baseline = self._champion.commit, Commit(START)
        seeds = range(CERTIFYING, CERTIFYING + CERTIFY_PAIRS)
        values = [(seed, *self._world.pair(champion, baseline, seed)) for seed in seeds]
        pairs = [_pair(*value) for value in values]
        claim = certify(pairs, METRIC, self._noise, Look(1, "baseline", "champion"))
        return claim.certified, claim.baseline_value - claim.champion_value


def _pair(seed: int, new: float, old: float) -> Pair:
    return Pair(seed=seed, candidate=Measured(value=new), reference=Measured(value=old))


def _ours(task: tuple[str, int, int]) -> Tally:
    rule, number, chance = task
    landscape = LANDSCAPES[number]
    share, oracle = VARIANTS[rule]
    return Study(landscape, random.Random(f"{landscape.name}/{chance}"), share=share, oracle=oracle).play()


def _row(tallies: list[Tally]) -> dict[str, float]:
    mean = {
        name: fmean(column) for name, column in zip(Tally._fields, zip(*tallies, strict=True), strict=True)
    }
    row = _common(mean)
    if mean["certified"]:
        row |= {
            "certified": round(mean["certified"], 3),
            "phantom claims": round(mean["phantom"], 3),
            "certified claims' overclaim": round(mean["claim_error"] / mean["certified"], 3),
        }
    return row


def _common(mean: dict[str, float]) -> dict[str, float]:
    return {
        "true gain": round(mean["gain"], 3),
        "overclaim": round(mean["overclaim"], 3),
        "working overclaim": round(mean["working"], 3),
        "keeps": round(mean["keeps"], 3),
        "false keeps": round(mean["false"], 3),
        "false share": round(mean["false"] / mean["keeps"], 4) if mean["keeps"] else 0.0,
        "runs per experiment": round(mean["runs"] / mean["experiments"], 4),
    }


def _fixed(rule: str, landscape: Landscape, studies: int) -> dict[str, float]:
    played = Studies(landscape, studies, chance=1)
    played.play(RULES[rule])
    columns = {
        name: float(np.mean(getattr(played, name)))
        for name in ("gain", "keeps", "false", "experiments", "runs")
    }
    over = float(np.mean(played.claimed - played.gain))
    return _common({**columns, "overclaim": over, "working": over})


def simulate(studies: int) -> dict[str, dict[str, dict[str, float]]]:
    """Means over so many studies, per landscape and rule."""
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with multiprocessing.Pool(min(2, os.cpu_count() or 1)) as pool:
        for number, landscape in enumerate(LANDSCAPES):
            rows = figures[landscape.name] = {}
            for rule in VARIANTS if landscape.null < 1 else ("Jumar",):
                many = studies if rule == "Jumar" else max(1, studies // OTHERS)
                tasks = [(rule, number, chance) for chance in range(many)]
                rows[rule] = _row(pool.map(_ours, tasks, chunksize=5))
            rows |= {rule: _fixed(rule, landscape, studies) for rule in RULES}
    return figures


def bars(figures: dict[str, dict[str, dict[str, float]]]) -> list[Bar]:
    """What has to hold."""
    found = []
    for landscape in LANDSCAPES:
        name, rows = landscape.name, figures[landscape.name]
        mine = rows["Jumar"]
        found.append(Bar(f"{name}: overclaim, σ", abs(mine["overclaim"]), 0.1))
        if landscape.null == 1.0:
            found.append(Bar(f"{name}: false keeps in {SIZE} experiments", mine["false keeps"], 0.5))
            found.append(Bar(f"{name}: runs per experiment", mine["runs per experiment"], 1.25))
            continue
        found.append(Bar(f"{name}: share of false keeps", mine["false share"], MOST_FALSE))
        honest = [rows[rule] for rule in RULES if rows[rule]["false share"] <= MOST_FALSE]
        if best := max((row["true gain"] for row in honest), default=0.0):
            found.append(
                Bar(
                    f"{name}: gain beside the best honest fixed rule's",
                    mine["true gain"] / best,
                    1.0,
                    at_least=True,
                )
            )
        if landscape.name.startswith("rare large"):
            share = mine["true gain"] / rows["keep if lower"]["true gain"]
            found.append(
                Bar(f"{name}: share of keep-if-lower's gain", share, LEAST_OF_KEEP_IF_LOWER, at_least=True)
            )
    return found


def main() -> int:
    """Simulate, print, and say by the exit code whether every bar holds."""
    parser = arguments("judge", __doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=500, help="per landscape and rule (500)")
    asked = parser.parse_args()
    figures = simulate(asked.studies)
    result = {"studies": asked.studies, "size": SIZE, **figures}
    return report("judge", result, bars(figures), json=asked.json, save=asked.save)


if __name__ == "__main__":
    sys.exit(main())
