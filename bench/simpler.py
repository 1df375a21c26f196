"""Simulated studies in which many proposals leave less code: what of the score gets lost that way.

Every third proposal, or every one, makes the code smaller; many of these also harm a little. The real
judge decides, with the anchor and the allowance of `rules/simpler.py`; beside it, the same test against
the champion of the day, which is what people write first. Unit: the margin, one spread of a pair's
difference.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import sys
from statistics import fmean
from typing import NamedTuple

from msgspec.structs import replace

from bench.common import Bar, arguments, report
from bench.simulated import SIZE, START, Commit, Landscape, World
from jumar.core.by_seed import BySeed
from jumar.core.contract import Metric
from jumar.core.evidence import Evidence, Pair, Standing, Want
from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.run import Purpose
from jumar.core.verdict import Decision, Verdict
from jumar.rules.judge import judge
from jumar.rules.noise import measure_noise, update_noise
from jumar.rules.simpler import LEAST_SAVED, Allowance, allowance, is_simplification, margin_of

METRIC = Metric(name="loss")
SHARED = 0.66
MARGIN = math.sqrt(2 * (1 - SHARED))  # the true spread of a pair: what the margin is meant to be
SEEDS = 3

# About one margin: rows before the last gain are charged with estimates of kept, and so lucky, edits.
MOST_LOST, MOST_LOST_IN_20 = 1.25, 2.5


class Case(NamedTuple):
    """What proposals are like: how many leave less code, and what these lose on average."""

    name: str
    simplify: float
    harmless: float  #: share of them that lose nothing; the others lose 0 to 2 margins, evenly
    rest: Landscape


_NULL = Landscape("nothing", 0.0, 1.0, 1.0, shared=SHARED)
_RARE = Landscape("rare large", 0.70, 0.25, 2.0, shared=SHARED)

CASES = (
    Case("equal code", 1.0, 1.0, _NULL),
    Case("slightly harmful code", 1.0, 0.0, _NULL),
    Case("some of both", 0.33, 0.5, _NULL),
    Case("some of both, and rare gains", 0.33, 0.5, _RARE),
    Case("no simplifications, rare gains", 0.0, 1.0, _RARE),
)
RULES = ("Jumar", "beside the champion", "gains only")


class Tally(NamedTuple):
    """One study, in the end; losses in margins."""

    gain: float  #: true, of the champion, in σ
    kept_simpler: int
    proposed_simpler: int
    equal_kept: float  #: share of the harmless that were kept
    lost: float  #: by all simplifications together
    false_equal: int  #: kept although worse than the anchor by more than the margin
    runs: int
    experiments: int


class Study:
    """A study of 700 experiments by the real judge."""

    def __init__(self, case: Case, rule: str, rng: random.Random) -> None:
        self._case, self._rule, self._rng = case, rule, rng
        self._world = World(case.rest, rng)
        base = Commit(START)
        self._commits = {"0": base}
        self._runs = {"0": {seed: self._world.run(base, seed) for seed in range(SEEDS)}}
        self._noise = measure_noise(self._runs["0"], repeated=(self._runs["0"][0],) * 2)
        self._line: list[ExperimentRecord] = []
        self._champion = "0"
        self._tests = 0

    def play(self) -> Tally:
        """To its end."""
        proposed = harmless = harmless_kept = false = 0
        lost = 0.0
        for number in range(1, SIZE + 1):
            parent = self._commits[self._champion]
            simplifies = self._rng.random() < self._case.simplify
            commit = self._next(parent, simplifies)
            self._commits[str(number)] = commit
            anchor = self._allowance().anchor
            verdict = self._experiment(number, simplifies)
            kept = verdict.decision is Decision.KEPT
            proposed += simplifies
            harmless += simplifies and commit.mean == parent.mean
            if kept and is_simplification(verdict):
                lost += commit.mean - parent.mean
                harmless_kept += commit.mean == parent.mean
                false += commit.mean - self._commits[anchor].mean > MARGIN
            if kept:
                self._keep(number, verdict)
        return Tally(
            gain=START - self._commits[self._champion].mean,
            kept_simpler=sum(
                1 for record in self._line if record.verdict and is_simplification(record.verdict)
            ),
            proposed_simpler=proposed,
            equal_kept=harmless_kept / harmless if harmless else 0.0,
            lost=lost / MARGIN,
            false_equal=false,
            runs=self._world.runs,
            experiments=SIZE,
        )

    def _next(self, parent: Commit, simplifies: bool) -> Commit:
        if not simplifies:
            return self._world.propose(parent)
        loss = 0.0 if self._rng.random() < self._case.harmless else self._rng.uniform(0, 2 * MARGIN)
        return Commit(parent.mean + loss)

    def _keep(self, number: int, verdict: Verdict) -> None:
        experiment = Experiment(
            number=number, parent=self._champion, commit=str(number), tree="", hypothesis="", agent=""
        )
        self._line.append(ExperimentRecord(experiment=experiment, proposed_at=0.0, verdict=verdict))
        self._champion = str(number)

    def _allowance(self) -> Allowance:
        if self._rule == "beside the champion":
            return Allowance(self._champion, 0.0)
        return allowance(self._line, "0")

    def _experiment(self, number: int, simplifies: bool) -> Verdict:
        """One experiment to its verdict."""
        allowed = self._allowance()
        other = allowed.anchor if simplifies else self._champion
        commit, reference = self._commits[str(number)], self._commits[other]
        known = list(self._runs[self._champion])
        seed, screen = known[number % len(known)], None
        pairs: list[tuple[int, float, float]] = []
        saved = LEAST_SAVED if simplifies and self._rule != "gains only" else 0
        margin = margin_of(self._noise, allowed.charged) if saved else 0.0
        evidence = self._evidence(seed, saved, margin)
        while isinstance(answer := judge(_with(evidence, screen, pairs)), Want):
            if answer.purpose is Purpose.SCREEN:
                screen = Measured(value=self._world.run(commit, seed))
            else:
                at = number * 1000 + len(pairs)
                pairs.append((at, *self._world.pair(commit, reference, at)))
        self._tests += bool(pairs)
        self._runs[other].update({at: old for at, _, old in pairs})
        self._runs[str(number)] = {at: new for at, new, _ in pairs}
        self._noise = update_noise(self._noise, [(new, old) for _, new, old in pairs])
        return answer

    def _evidence(self, seed: int, saved: int, margin: float) -> Evidence:
        keeps = sum(1 for record in self._line if record.verdict and not is_simplification(record.verdict))
        return Evidence(
            metric=METRIC,
            noise=self._noise,
            baseline=_standing(self._runs["0"]),
            champion=_standing(self._runs[self._champion]),
            test=self._tests + 1,
            keeps=keeps,
            saved=saved,
            margin=margin,
            screen_seed=seed,
        )


def _standing(by_seed: dict[int, float]) -> Standing:
    return Standing(value=fmean(by_seed.values()), by_seed=BySeed(by_seed), runs=len(by_seed))


def _with(evidence: Evidence, screen: Measured | None, pairs: list[tuple[int, float, float]]) -> Evidence:
    made = [
        Pair(seed=seed, candidate=Measured(value=new), reference=Measured(value=old))
        for seed, new, old in pairs
    ]
    return replace(evidence, screen=screen, pairs=tuple(made))


def _play(task: tuple[int, str, int]) -> Tally:
    case = CASES[task[0]]
    return Study(case, task[1], random.Random(f"{case.name}/{task[2]}")).play()


def _row(tallies: list[Tally]) -> dict[str, float]:
    lost = sorted(tally.lost for tally in tallies)
    kept = sum(tally.kept_simpler for tally in tallies)
    return {
        "true gain": round(fmean(tally.gain for tally in tallies), 3),
        "proposed": round(fmean(tally.proposed_simpler for tally in tallies), 1),
        "kept": round(kept / len(tallies), 2),
        "of the harmless": round(fmean(tally.equal_kept for tally in tallies), 3),
        "lost, margins": round(fmean(lost), 3),
        "lost in 1 of 20": round(lost[int(0.95 * len(lost))], 3),
        "false share": round(sum(tally.false_equal for tally in tallies) / kept, 3) if kept else 0.0,
        "runs per experiment": round(fmean(tally.runs / tally.experiments for tally in tallies), 3),
    }


def simulate(studies: int) -> dict[str, dict[str, dict[str, float]]]:
    """Means over so many studies, per case and rule."""
    with multiprocessing.Pool(min(2, os.cpu_count() or 1)) as pool:
        return {
            case.name: {
                rule: _row(
                    pool.map(_play, [(number, rule, chance) for chance in range(studies)], chunksize=2)
                )
                for rule in RULES
            }
            for number, case in enumerate(CASES)
        }


def bars(figures: dict[str, dict[str, dict[str, float]]]) -> list[Bar]:
    """What has to hold."""
    found = []
    for name, rows in figures.items():
        mine = rows["Jumar"]
        found.append(Bar(f"{name}: lost by all simplifications, margins", mine["lost, margins"], MOST_LOST))
        found.append(
            Bar(f"{name}: the same in the worst twentieth", mine["lost in 1 of 20"], MOST_LOST_IN_20)
        )
    return found


def main() -> int:
    """Simulate, print, and say by the exit code whether every bar holds."""
    parser = arguments("simpler", __doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=200, help="per case and rule (200)")
    asked = parser.parse_args()
    figures = simulate(asked.studies)
    result = {"studies": asked.studies, "size": SIZE, **figures}
    return report("simpler", result, bars(figures), json=asked.json, save=asked.save)


if __name__ == "__main__":
    sys.exit(main())
