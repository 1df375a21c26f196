"""Which keeps should a certification take back? Simulated studies, certified by the real `certify`.

    python -m bench.refuted --json

A study makes a few stretches of keeps, each of which changes what the champion is worth on the holdout,
and is certified after each: four pairs of champion and baseline, seeds fresh, differences with the
standard deviation of tinylm's. Four rules say what falls then, back to the champion before the stretch:
nothing, what is refuted (Jumar's rule), what has the smaller mean, and all that is not shown to be better.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from statistics import fmean
from typing import Any, NamedTuple

from bench.common import Bar, arguments, report
from jumar.core.contract import Metric
from jumar.core.evidence import Noise, Pair
from jumar.core.outcome import Measured
from jumar.core.verdict import Claim
from jumar.rules.certify import Look, certify
from jumar.rules.evidence import CERTIFY_PAIRS

LOSS = Metric(name="loss")
PAIR_SD = 0.0023  # of tinylm's pairs, relative
NOISE = Noise(run_sd=PAIR_SD, pair_sd=PAIR_SD, runs=12, relative=True)
STRETCHES = 5

#: What a stretch of keeps is worth on the holdout, as a share of the baseline's value.
LANDSCAPES: dict[str, Callable[[random.Random], float]] = {
    "every stretch gains 0.5 to 3 %": lambda dice: dice.uniform(0.005, 0.03),
    "every stretch gains 0.02 to 0.3 %": lambda dice: dice.uniform(0.0002, 0.003),
    "no stretch gains anything": lambda _: 0.0,
    "one in three loses 0.5 to 2 %": lambda dice: (
        -dice.uniform(0.005, 0.02) if dice.random() < 1 / 3 else dice.uniform(0.005, 0.02)
    ),
    "one in three loses 0.05 to 0.4 %": lambda dice: (
        -dice.uniform(0.0005, 0.004) if dice.random() < 1 / 3 else dice.uniform(0.0005, 0.004)
    ),
}

Stands = Callable[[Claim, Claim | None], bool]

#: Whether the champion stands after its claim; beside it, the claim of the one before.
RULES: dict[str, Stands] = {
    "nothing falls": lambda _new, _old: True,
    "what is refuted falls": lambda new, _: not new.refuted,
    "the smaller mean falls": lambda new, old: new.relative > (old.relative if old else 0.0),
    "what is not shown to be better falls": lambda new, old: (
        new.relative_interval[0] > (old.relative_interval[1] if old else 0.0)
    ),
}


class Ended(NamedTuple):
    """What became of one study."""

    worth: float  #: of its champion on the holdout, as a share of the baseline's value
    good_lost: int  #: stretches that gained and were taken back
    good: int
    bad_left: int  #: stretches that lost and stayed
    bad: int


def play(dice: random.Random, landscape: Callable[[random.Random], float], stands: Stands) -> Ended:
    """One study."""
    worth, certified, before = 0.0, None, None
    good_lost = good = bad_left = bad = 0
    for number in range(1, STRETCHES + 1):
        change = landscape(dice)
        claim = certify(
            _pairs(dice, worth + change), LOSS, NOISE, Look(number, "", "", number, before=certified)
        )
        stayed = stands(claim, before)
        good, bad = good + (change > 0), bad + (change < 0)
        good_lost, bad_left = good_lost + (change > 0 and not stayed), bad_left + (change < 0 and stayed)
        if stayed:
            worth, before = worth + change, claim
            certified = claim if claim.certified else certified
    return Ended(worth, good_lost, good, bad_left, bad)


def _pairs(dice: random.Random, worth: float) -> list[Pair]:
    made = []
    for seed in range(CERTIFY_PAIRS):
        off = dice.gauss(0.0, PAIR_SD)
        champion, baseline = Measured(value=1 - worth - off), Measured(value=1.0)
        made.append(Pair(seed=seed, candidate=champion, reference=baseline))
    return made


def main() -> int:
    """Play the studies and report."""
    parser = arguments("refuted", "Which keeps a certification should take back, by simulation.")
    parser.add_argument("--studies", type=int, default=500, help="of each landscape and rule")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    for landscape, draw in LANDSCAPES.items():
        for rule, stands in RULES.items():
            played = [
                play(random.Random(f"{landscape}/{seed}"), draw, stands) for seed in range(asked.studies)
            ]
            figures[f"{landscape}: {rule}"] = {
                "worth_percent": round(100 * fmean(end.worth for end in played), 3),
                "studies_that_lost_good": round(fmean(end.good_lost > 0 for end in played), 3),
                "good_lost": _share(sum(end.good_lost for end in played), sum(end.good for end in played)),
                "bad_left": _share(sum(end.bad_left for end in played), sum(end.bad for end in played)),
            }
    return report("refuted", figures, _bars(figures), json=asked.json, save=asked.save)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _bars(figures: dict[str, Any]) -> list[Bar]:
    found = []
    for landscape in LANDSCAPES:
        ours, never = (figures[f"{landscape}: {rule}"] for rule in list(RULES)[1::-1])
        found.append(Bar(f"{landscape}: studies that lost a gain", ours["studies_that_lost_good"], 0.05))
        more = ours["worth_percent"] - never["worth_percent"]
        found.append(
            Bar(f"{landscape}: worth beyond taking nothing back", round(more, 3), -0.005, at_least=True)
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
