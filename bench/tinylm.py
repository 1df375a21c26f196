"""The tuner, random search and plain TPE on the real target: the same number of real runs each.

Every proposal is one run of tinylm, trained and scored on validation as in a study, sandboxed, two
games side by side; a game is one agent and one repetition, and all runs of a repetition have its
seed. What is better than the champion by more than the noise becomes the champion. At the end the
best program that each game has measured runs again on fresh seeds: those figures are compared.

A full bench (40 runs, 10 CPU seconds, 3 repetitions) takes one to two hours on two free cores.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import optuna

from bench.common import Bar, arguments, report
from bench.fast import git
from bench.plain_tpe import PlainTPE, Space
from jumar.agents.tuner import Sampler, Tuner
from jumar.assembly import assembled
from jumar.core.agent import Agent
from jumar.core.outcome import Measured, Outcome
from jumar.core.proposal import Edit
from jumar.core.run import Purpose, Run
from jumar.home import Home, Options
from jumar.rules.contract_file import read_contract
from jumar.study.flight import Flights
from jumar.study.parts import Parts
from jumar.targets.copy import copy_target
from jumar.testing.rehearsal import Rehearsal

PATH = "train.py"
KEEP_ABOVE = 0.003  # of the champion's value: the noise between runs of one seed
NOISE = 0.006  # of a mean over repetitions: what two equal agents may differ by

_floats = optuna.distributions.FloatDistribution
_choices = optuna.distributions.CategoricalDistribution
# As somebody writes it who has tuned such models before.
SPACE: Space = {
    f"{PATH}:{name}": values
    for name, values in {
        "DEPTH": optuna.distributions.IntDistribution(1, 4),
        "WIDTH": _choices((32, 48, 64, 96, 128, 192, 256)),
        "HEADS": _choices((1, 2, 4, 8)),
        "MLP_RATIO": _choices((1, 2, 3, 4, 6)),
        "EMBEDDING_STD": _floats(0.01, 1.0, log=True),
        "BATCH": _choices((4, 8, 16, 32, 64)),
        "LR": _floats(1e-4, 3e-2, log=True),
        "WEIGHT_DECAY": _floats(1e-3, 0.3, log=True),
        "BETA1": _floats(0.8, 0.98),
        "BETA2": _floats(0.9, 0.999),
        "WARMUP": _floats(0.0, 0.2),
        "COOLDOWN": _floats(0.0, 1.0),
        "CLIP": _floats(0.0, 2.0),
    }.items()
}
AGENTS: dict[str, Callable[[], Agent]] = {
    "tuner": Tuner,
    "plain TPE": lambda: PlainTPE(PATH, SPACE),
    "random": lambda: Tuner(sampler=Sampler.RANDOM),
}


class Game:
    """One agent on one repetition: asks for one run at a time, and learns from what came of it."""

    def __init__(self, key: str, agent: str, seed: int, runs: int, fresh: int) -> None:
        self.key, self.agent, self.seed = key, agent, seed
        self._player, self._dice = AGENTS[agent](), Random(f"{agent}/{seed}")
        self._runs, self._fresh = runs, fresh
        self._study: Rehearsal | None = None
        self._content = b""
        self._best = (float("inf"), b"")
        self.curve: list[float] = []  #: best value after each run, the unchanged target's first
        self.failed = 0
        self.again: list[float] = []  #: of the best program, on fresh seeds

    def wants(self, source: bytes) -> tuple[bytes, int] | None:
        """The program and the seed to run next; None when the game is over."""
        if self._study is None:
            self._content = source
        elif len(self.curve) <= self._runs:
            proposal = self._player.propose(self._study.brief(chance=self._dice.getrandbits(32)))
            if proposal is None:
                self.curve += [self._best[0]] * (self._runs + 1 - len(self.curve))
                return self.wants(source)
            self._content = self._study.files[self._study.enter(proposal)][PATH]
        elif len(self.again) < self._fresh:
            return self._best[1], 1000 * (1 + len(self.again)) + self.seed
        else:
            return None
        return self._content, self.seed

    def take(self, outcome: Outcome) -> None:
        """What came of the run that was wanted."""
        value = outcome.value if isinstance(outcome, Measured) else float("inf")
        if len(self.curve) > self._runs:
            self.again.append(value)
            return
        self.failed += not isinstance(outcome, Measured)
        self._best = min(self._best, (value, self._content))
        self.curve.append(self._best[0])
        if self._study is None:
            if not isinstance(outcome, Measured):
                raise SystemExit(f"the unchanged target gave no number: {outcome}")
            self._study = Rehearsal({PATH: self._content}, baseline=(value,), name=self.key)
        else:
            champion = self._study.values[self._study.champion]
            self._study.finish(outcome, keep=value < champion * (1 - KEEP_ABOVE))


def main() -> int:
    """Play all games and say how far each agent came."""
    parser = arguments("tinylm", __doc__ or "")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--runs", type=int, default=40, help="of each game (default 40)")
    parser.add_argument("--budget", type=float, default=10.0, help="CPU seconds of a run (default 10)")
    parser.add_argument("--fresh", type=int, default=3, help="seeds the best programs run again on")
    parser.add_argument("--workers", type=int, default=2, help="runs at once (default 2)")
    options = parser.parse_args()
    games = [
        Game(f"{agent.replace(' ', '_')}.{seed}", agent, seed, options.runs, options.fresh)
        for seed in range(options.repetitions)
        for agent in AGENTS
    ]
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place:
        contract = make_target(Path(place, "tinylm"), options.budget)
        home = Home(folder=Path(place, "tinylm"), study="bench")
        with assembled(home, contract, Options(workers=options.workers), lambda _: None) as parts:
            play(parts, games, progress=not options.json)
    figures, bars = outcome_of(games, options.runs)
    return report(
        "tinylm", {**figures, "budget_s": options.budget}, bars, json=options.json, save=options.save
    )


def make_target(folder: Path, budget_s: float) -> str:
    """The target as it ships, with the bench's budget, prepared and committed. Returns its contract."""
    copy_target("tinylm", folder)
    contract = (folder / "jumar.toml").read_text(encoding="utf-8")
    assert contract.count('budget  = "20s"') == 1
    contract = contract.replace('budget  = "20s"', f'budget  = "{budget_s:g}s"').partition("[scales]")[0]
    assert read_contract(contract).run.budget.amount == budget_s  # a scale would set its own
    (folder / "jumar.toml").write_text(contract, encoding="utf-8")
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True, capture_output=True)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    return contract


def play(parts: Parts, games: list[Game], *, progress: bool) -> None:
    """All games to their end, as many side by side as there are slots. None waits for another."""
    source = parts.workspace.read(parts.terms.base, PATH)
    assert source is not None
    flights, waiting, aloft, number = Flights(parts), list(games), dict[str, Game](), 0
    while waiting or aloft:
        while waiting and flights.free:
            game = waiting.pop(0)
            if (wanted := game.wants(source)) is None:
                continue
            number += 1
            run = _commit(parts, f"{game.key}-{number}", *wanted)
            aloft[run.key] = game
            flights.start(run)
        for landed in flights.wait(timeout_s=1.0):
            game = aloft.pop(landed.run.key)
            game.take(landed.outcome)
            waiting.insert(0, game)  # a game goes on before another begins: its runs share an hour
            if progress:
                print(f"{landed.run.key}: {_in_words(landed.outcome)}, best {game.curve[-1]:.4f}", flush=True)


def _commit(parts: Parts, key: str, content: bytes, seed: int) -> Run:
    edits = (Edit(path=PATH, content=content),)
    made = parts.workspace.commit(parts.terms.base, edits, message=key, ref=f"refs/jumar/bench/{key}")
    return Run(key=key, experiment=0, commit=made.sha, seed=1 + seed, purpose=Purpose.SCREEN)


def _in_words(outcome: Outcome) -> str:
    return f"{outcome.value:.4f}" if isinstance(outcome, Measured) else str(getattr(outcome, "why", outcome))


def outcome_of(games: list[Game], runs: int) -> tuple[dict[str, Any], list[Bar]]:
    """Figures and bars: best values found on the way, and the best programs on fresh seeds."""
    rows: dict[str, dict[str, Any]] = {}
    ends: dict[str, float] = {}
    for agent in AGENTS:
        mine = [game for game in games if game.agent == agent]
        finals = [fmean(game.again) for game in mine if game.again]
        ends[agent] = fmean(finals) if finals else float("nan")
        rows[agent] = {
            "start": round(fmean(game.curve[0] for game in mine), 4),
            **{
                f"best of {at}": round(fmean(game.curve[at] for game in mine), 4)
                for at in sorted({max(1, runs * part // 4) for part in (1, 2, 3, 4)})
            },
            "fresh seeds": round(ends[agent], 4),
            "sd": round(stdev(finals), 4) if len(finals) > 1 else None,
            "failed": sum(game.failed for game in mine),
        }
    bars = [
        Bar("tuner, as a share of plain TPE's value", ends["tuner"] / ends["plain TPE"], 1 + NOISE),
        Bar("tuner, as a share of random search's value", ends["tuner"] / ends["random"], 1 - NOISE),
    ]
    return {"val_bpb": rows}, bars


if __name__ == "__main__":
    sys.exit(main())
