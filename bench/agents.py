"""What each kind of agent, and the team of them, makes of the same number of runs.

Whole studies: the real loop, judge, repository and ledger, on a stand-in for tinylm that answers at
once (`bench/surrogate.py`). The budget is runs, pairs and the baseline's included, and what counts is the
true loss of the champion at the end. The "model" plays a fixed script, in an order that the seed draws:
eighteen ideas that change code and ten turns of knobs as a textbook has them, then steps of its own. That
keeps money and the network out of the figure and says how the parts work together, not how good any real
model is. Differences are of the same seed, with 95 % intervals. Eight seeds take some ten minutes on two
free cores.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

from msgspec.structs import replace

from bench.cmaes import CMAES
from bench.common import Bar, arguments, report
from bench.fast import git
from bench.plain_tpe import PlainTPE
from bench.surrogate import IDEAS, PATH, Noise, loss_of, source, with_idea
from bench.tinylm import NOISE, SPACE
from jumar.agents.knobs import Knob, find_knobs, splice
from jumar.agents.ranges import Scale
from jumar.agents.space import bounds, coordinate, value_at
from jumar.agents.tuner import Sampler, Tuner
from jumar.assembly import assembled
from jumar.core.agent import Agent, AnyAgent, Brief, Team
from jumar.core.evaluator import FinishedRun
from jumar.core.event import Entry, RunEnded
from jumar.core.executor import Ended
from jumar.core.job import Ending, ExitReport, Job
from jumar.core.machine import Circumstances
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Edit, Proposal
from jumar.home import Home, Options
from jumar.rules.history import History
from jumar.rules.student import t_quantile
from jumar.study.loop import Loop
from jumar.study.parts import Parts

RUN_S = 20.0  # what a run of the target takes
MARKS = 4
MEMORY = "/dev/shm"
POLISH = 4
CONTRACT = f"""\
[target]
name = "surrogate"
editable = ["{PATH}"]
[run]
command = ["python", "{PATH}"]
budget = "20s"
[measure]
metric = "loss"
scores = "full"
"""
TURNS: tuple[dict[str, Any], ...] = (
    {"LR": 3e-3},
    {"BATCH": 8},
    {"WIDTH": 64},
    {"DEPTH": 4},
    {"EMBEDDING_STD": 0.02},
    {"WARMUP": 0.1, "COOLDOWN": 0.5},
    {"BETA1": 0.8, "BETA2": 0.95},
    {"WEIGHT_DECAY": 0.1},
    {"CLIP": 1.0},
    {"MLP_RATIO": 3},
)


class Script:
    """Proposes its ideas in turn, then doubles or halves a knob at a time, as who has run out of ideas."""

    name = "script"
    repeats = False

    def __init__(self, seed: int) -> None:
        ideas: list[str | dict[str, Any]] = [*(idea.name for idea in IDEAS), *TURNS]
        Random(f"script {seed}").shuffle(ideas)
        self._ideas = ideas

    def propose(self, brief: Brief) -> Proposal | None:
        """The idea whose turn it is on the champion as it is."""
        own = [record.experiment for record in brief.history if record.experiment.agent == self.name]
        turn = sum("retest_of" not in experiment.details for experiment in own) + len(brief.refusals)
        content = brief.files[PATH]
        if turn >= len(self._ideas):
            return self._step(brief, content)
        idea = self._ideas[turn]
        if isinstance(idea, str):
            return self._said(idea, with_idea(content, idea) or content)
        return self._said(str(idea), splice(PATH, content, {f"{PATH}:{name}": idea[name] for name in idea}))

    def _step(self, brief: Brief, content: bytes) -> Proposal:
        dice = Random(brief.chance)
        knob = dice.choice(find_knobs(PATH, content))
        value = _stepped(knob, dice.choice((-1, 1)))
        return self._said(f"{knob.name} to {value}", splice(PATH, content, {knob.name: value}))

    def _said(self, hypothesis: str, content: bytes) -> Proposal:
        return Proposal(hypothesis=hypothesis, edits=(Edit(path=PATH, content=content),), agent=self.name)


def _stepped(knob: Knob, way: int) -> Any:
    low, high = bounds(knob.range)
    near = knob.range.scale in (Scale.LOG, Scale.POWER, Scale.STEPS)
    return value_at(knob.range, coordinate(knob.range, knob.value) + way * (1 if near else (high - low) / 8))


def _start() -> dict[str, Any]:
    return {knob.name: knob.value for knob in find_knobs(PATH, source())}


def _team(seed: int, *, polish: int = POLISH, bandit: bool = False) -> Team:
    tuner = Tuner()
    members: dict[str, AnyAgent] = {"tuner": tuner, "script": Script(seed)}
    return Team(
        members=members,
        shares={"tuner": 0.5, "script": 0.5},
        polisher=tuner,
        polish=polish,
        bandit=bandit,
    )


ARMS: Mapping[str, Callable[[int], Agent | Team]] = {
    "random": lambda _: Tuner(sampler=Sampler.RANDOM),
    "plain TPE": lambda _: PlainTPE(PATH, SPACE),
    "CMA-ES": lambda _: CMAES(PATH, SPACE, _start()),
    "tuner": lambda _: Tuner(),
    "scripted model": Script,
    "hybrid": _team,
    "hybrid, no polish": lambda seed: _team(seed, polish=0),
    "hybrid, bandit": lambda seed: _team(seed, bandit=True),
}


class Machine:
    """Runs end as soon as they are submitted; after so many the study is asked to finish."""

    slots = 1
    under: Circumstances | None = None  # a stand-in runs alike wherever it is

    def __init__(self, runs: int) -> None:
        self._left = runs
        self._ended: list[Ended] = []
        self.enough: Callable[[], None] = lambda: None

    def submit(self, job: Job) -> None:
        """Take a run for done."""
        job.log.touch()
        ended = ExitReport(
            ending=Ending.EXITED,
            exit_code=0,
            wall_s=RUN_S,
            cpu_s=RUN_S,
            peak_memory_bytes=1 << 28,
            output_bytes=0,
        )
        self._ended.append(Ended(key=job.key, report=ended))

    def wait(self, timeout_s: float) -> tuple[Ended, ...]:
        """What was submitted."""
        ended, self._ended = tuple(self._ended), []
        self._left -= len(ended)
        if ended and self._left <= 0:
            self.enough()
        return ended

    def wake(self) -> None:
        """Nobody sleeps here."""

    def cancel(self, key: str) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing is under way."""


class Gauge:
    """Measures the stand-in by reading the program."""

    trusted = True

    def __init__(self, game: str) -> None:
        self._noise = Noise(game)

    def scoring(self, finished: FinishedRun) -> Job | None:
        """The program says it all."""
        return None

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome:
        """The loss with noise, or why there is none."""
        loss = loss_of((finished.tree / PATH).read_bytes())
        if isinstance(loss, Why):
            return Failed(why=loss, detail="as the stand-in says")
        return Measured(value=self._noise(loss, finished.run.seed))


def play(arm: str, seed: int, runs: int) -> dict[str, Any]:
    """A study of so many runs: the champion's true loss at a few marks, and what was proposed."""
    # In memory where there is such a place: nothing of it has to survive a power cut.
    where = MEMORY if Path(MEMORY).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="jumar-bench-", dir=where) as place:
        folder = Path(place) / "surrogate"
        folder.mkdir()
        (folder / PATH).write_bytes(source())
        (folder / "jumar.toml").write_text(CONTRACT)
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "start")):
            git(folder, *words)
        home = Home(folder=folder, study="s")
        with assembled(home, CONTRACT, Options(workers=1), lambda _: None) as parts:
            machine = Machine(runs)
            loop = Loop(_equipped(parts, ARMS[arm](seed), machine, seed))
            machine.enough = loop.interrupt
            loop.run()
            return _told(parts, runs)


def _equipped(parts: Parts, agent: Agent | Team, machine: Machine, seed: int) -> Parts:
    team = agent if isinstance(agent, Team) else None
    one = next(iter(agent.members.values())) if isinstance(agent, Team) else agent
    terms = replace(parts.terms, secret=Random(seed).randbytes(32).hex())
    made = replace(parts, terms=terms, agent=one, team=team, executor=machine)
    return replace(made, evaluator=Gauge(f"seed {seed}"))


def _told(parts: Parts, runs: int) -> dict[str, Any]:
    marks = [runs * part // MARKS for part in range(1, MARKS + 1)]
    at = dict(_champions(parts.ledger.entries(parts.name)))
    losses = [loss_of(parts.workspace.read(at[min(mark, max(at))], PATH) or b"") for mark in marks]
    records = parts.ledger.experiments(parts.name)
    said = [record.experiment.details for record in records]
    return {
        "losses": losses,
        "experiments": len(records) - 1,
        "kept": sum(record.stands for record in records) - 1,
        "polished": sum("polishes" in details for details in said),
        "polished_kept": sum("polishes" in r.experiment.details and r.stands for r in records),
    }


def _champions(entries: Iterator[Entry]) -> Iterator[tuple[int, str]]:
    """The champion's commit after each run."""
    history, runs = History(), 0
    for entry in entries:
        history.apply(entry)
        runs += isinstance(entry.event, RunEnded)
        if runs:
            yield runs, history.champion_commit


def main() -> int:
    """Play every arm on every seed and compare them."""
    parser = arguments("agents", __doc__ or "")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--runs", type=int, default=120, help="of each study (default 120)")
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    options = parser.parse_args()
    games = [(arm, seed, options.runs) for seed in range(options.seeds) for arm in options.arms]
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        played = pool.starmap(play, games, chunksize=1)
    ends = {arm: [end for game, end in zip(games, played, strict=True) if game[0] == arm] for arm in ARMS}
    figures, bars = told({arm: found for arm, found in ends.items() if found}, options.runs)
    return report("agents", figures, bars, json=options.json, save=options.save)


def told(ends: Mapping[str, Sequence[Mapping[str, Any]]], runs: int) -> tuple[dict[str, Any], list[Bar]]:
    """Figures and bars: where every arm came, and what it is beside others."""
    figures: dict[str, Any] = {
        "true loss of the champion": {arm: _row(found, runs) for arm, found in ends.items()},
        "seeds": max(map(len, ends.values())),
        "runs of each study": runs,
    }
    pairs = (
        ("tuner", "random"),
        ("tuner", "plain TPE"),
        ("tuner", "CMA-ES"),
        ("hybrid", "tuner"),
        ("hybrid", "scripted model"),
        ("hybrid", "hybrid, no polish"),
        ("hybrid, bandit", "hybrid"),
    )
    compared = {f"{a} against {b}": _paired(ends[a], ends[b]) for a, b in pairs if a in ends and b in ends}
    figures["% lower loss, of the same seed"] = compared
    return figures, _bars(compared)


def _row(ends: Sequence[Mapping[str, Any]], runs: int) -> dict[str, float]:
    marks = {
        f"after {runs * part // MARKS}": round(fmean(end["losses"][part - 1] for end in ends), 4)
        for part in range(1, MARKS + 1)
    }
    counts = ("experiments", "kept", "polished", "polished_kept")
    return {
        **marks,
        **{name.replace("_", ", "): round(fmean(end[name] for end in ends), 1) for name in counts},
    }


def _paired(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """By how many per cent our loss is lower at the end, with its 95 % interval over seeds."""
    both = zip(ours, theirs, strict=True)
    logs = [100 * math.log(b["losses"][-1] / a["losses"][-1]) for a, b in both]
    error = stdev(logs) / len(logs) ** 0.5 if len(logs) > 1 else math.nan
    half = t_quantile(0.975, max(1, len(logs) - 1)) * error
    mean = fmean(logs)
    return {"mean": round(mean, 2), "from": round(mean - half, 2), "to": round(mean + half, 2)}


def _bars(compared: Mapping[str, Mapping[str, float]]) -> list[Bar]:
    wanted = (
        ("tuner against random", "from", 1.0),
        ("tuner against plain TPE", "from", -100 * NOISE),
        ("hybrid against tuner", "from", 0.0),
    )
    return [
        Bar(f"{name}: {end}, %", compared[name][end], limit, at_least=True)
        for name, end, limit in wanted
        if name in compared
    ]


if __name__ == "__main__":
    sys.exit(main())
