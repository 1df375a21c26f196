"""How much of what there is to gain the tuner leaves, beside random search and plain TPE.

Each agent proposes 40 experiments on four synthetic landscapes, with the noise that was measured on
tinylm: 0.25 % of the value between runs, two thirds of it shared by runs of one seed. An experiment
is one run beside the champion's on the same seed; what looks better gets three pairs on fresh
seeds, and is kept when their mean is better than the noise of a mean.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from random import Random
from statistics import fmean

from bench.common import Bar, arguments, report
from bench.landscapes import LANDSCAPES, PATH, Landscape
from bench.plain_tpe import PlainTPE, space_from
from jumar.agents.tuner import Sampler, Tuner
from jumar.core.agent import Agent
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.testing.rehearsal import Rehearsal

EXPERIMENTS, AT = 40, (20, 40)
SHARED_SD, OWN_SD = 0.0020, 0.0015  # relative; together 0.25 %
KEEP_ABOVE = 1.2  # standard errors of the mean of three pairs
SEEDS = 4  # of the baseline, and of the screens

AGENTS: dict[str, Callable[[Landscape], Agent]] = {
    "tuner": lambda _: Tuner(),
    "plain TPE": lambda land: PlainTPE(PATH, space_from(PATH, land.source.encode())),
    "random": lambda _: Tuner(sampler=Sampler.RANDOM),
}


def main() -> int:
    """Play every agent on every landscape and say how much of the gain was left."""
    parser = arguments("tuner", __doc__ or "")
    parser.add_argument("--repetitions", type=int, default=8)
    options = parser.parse_args()
    games = [
        (a, land, seed)
        for a in AGENTS
        for land in range(len(LANDSCAPES))
        for seed in range(options.repetitions)
    ]
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        ends = dict(zip(games, pool.starmap(play, games, chunksize=1), strict=True))
    rows = {
        f"{land.name}, after {at}": {
            agent: _mean([ends[agent, n, seed][i] for seed in range(options.repetitions)]) for agent in AGENTS
        }
        for n, land in enumerate(LANDSCAPES)
        for i, at in enumerate(AT)
    }
    rows["all, at the end"] = {
        agent: _mean([end[-1] for game, end in ends.items() if game[0] == agent]) for agent in AGENTS
    }
    left = rows["all, at the end"]
    bars = [
        Bar("what the tuner leaves, of what plain TPE leaves", left["tuner"] / left["plain TPE"], 1.0),
        Bar("what the tuner leaves, of what random search leaves", left["tuner"] / left["random"], 0.5),
    ]
    figures = {"% of the possible gain that is left": rows, "repetitions": options.repetitions}
    return report("tuner", figures, bars, json=options.json, save=options.save)


def _mean(shares: Sequence[float]) -> float:
    return round(100 * fmean(shares), 1)


def play(agent: str, landscape: int, seed: int) -> list[float]:
    """The share of the possible gain that the champion has left after each of AT experiments."""
    land, dice = LANDSCAPES[landscape], Random(f"{landscape}/{seed}")
    player, source = AGENTS[agent](land), land.source.encode()
    noise = _Noise(dice)
    start = land.of(source)
    assert isinstance(start, float)
    study = Rehearsal({PATH: source}, baseline=[noise(start, n) for n in range(SEEDS)])
    shares = []
    for _ in range(EXPERIMENTS):
        if proposal := player.propose(study.brief(chance=dice.getrandbits(32))):
            champion = land.of(study.files[study.champion][PATH])
            assert isinstance(champion, float)
            commit = study.enter(proposal)
            _measure(study, land.of(study.files[commit][PATH]), champion, noise)
        loss = land.of(study.files[study.champion][PATH])
        assert isinstance(loss, float)
        shares.append((loss - land.best) / (start - land.best))
    return [shares[at - 1] for at in AT]


def _measure(study: Rehearsal, loss: float | Why, champion: float, noise: _Noise) -> None:
    seed = len(study.history) % SEEDS
    screen: Outcome
    if isinstance(loss, Why):
        screen = Failed(why=loss, detail="as the landscape says")
        return study.finish(screen, seed=seed)
    screen = Measured(value=noise(loss, seed))
    if screen.value >= noise(champion, seed):
        return study.finish(screen, seed=seed)
    fresh = [1000 * len(study.history) + n for n in range(3)]
    pairs = [(noise(loss, s), noise(champion, s)) for s in fresh]
    error = champion * OWN_SD * (2 / len(pairs)) ** 0.5
    keep = fmean(theirs - ours for ours, theirs in pairs) > KEEP_ABOVE * error
    return study.finish(screen, pairs=pairs, keep=keep, seed=seed)


class _Noise:
    """What a run measures: the loss, with a part that all runs of its seed share and one of its own."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._shared: dict[int, float] = {}

    def __call__(self, loss: float, seed: int) -> float:
        shared = self._shared.setdefault(seed, self._dice.gauss(0, SHARED_SD))
        return loss * (1 + shared + self._dice.gauss(0, OWN_SD))


if __name__ == "__main__":
    sys.exit(main())
