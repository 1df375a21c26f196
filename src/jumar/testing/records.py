"""Synthetic studies: records as a ledger would give them, from a seed and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from statistics import fmean

import msgspec

from jumar.core.contract import (
    Budget,
    Clock,
    Contract,
    Direction,
    LimitTerms,
    MeasureTerms,
    Metric,
    RunTerms,
    TargetTerms,
)
from jumar.core.event import StudyStarted
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.job import Ending, ExitReport
from jumar.core.ledger import Condition, StudyRecord
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Cost
from jumar.core.run import Purpose, Run, RunRecord, Side
from jumar.core.verdict import Claim, Decision, Verdict

STARTED_AT = 1_772_668_800.0  # 2026-03-05 00:00 UTC
STUDY = "mar5"
CPU_S = 20.0
CONFIRMATIONS = 3
RECENT_WINDOW = 0.35  # gains shrink as a study goes on: half-life as a share of its length

_CONTRACT_TEXT = """\
[target]
name     = "tinylm"
editable = ["train.py"]

[run]
command  = ["python", "train.py"]
budget   = "20s"

[measure]
metric    = "{metric}"
direction = "{direction}"
"""

_IDEAS = (
    "raise LEARNING_RATE {a} to {b}",
    "lower WEIGHT_DECAY to {a}",
    "warm the learning rate up over {n} steps",
    "add RMSNorm to queries and keys",
    "swap GELU for squared ReLU",
    "halve the batch, double the steps",
    "tie the embedding and the output head",
    "use {n} heads instead of 4, at the same width",
    "cosine decay to {a} of the peak learning rate",
    "depth {n}, width 192",
    "beta2 {b} for the embedding alone, since rare tokens see few gradients",
    "rotary base {n}000",
    "clip gradients at {b}",
    "remove dropout, the budget is too short to overfit",
    "value embeddings on every second layer",
    "initialise the output head at zero",
)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a synthetic study shall look like."""

    direction: Direction = Direction.MINIMIZE
    metric: str = "val_bpb"
    start: float = 2.65  #: the baseline's value
    reach: float = 0.21  #: relative gain of all keeps together
    noise: float = 0.003  #: relative, between runs; 0 makes the metric deterministic
    failed: float = 0.08  #: share of experiments without a number
    invalid: float = 0.02  #: share of breaches
    disasters: float = 0.05  #: share of measured experiments that are far worse
    self_reported: bool = False
    certified: bool = True


def make_study(
    experiments: int, *, keeps: int | None = None, seed: int = 0, shape: Shape | None = None
) -> tuple[StudyRecord, tuple[ExperimentRecord, ...], Contract]:
    """A finished study of so many experiments beside the baseline. The same arguments, the same study.

    `keeps` defaults to what studies of that length keep (about the square root of it).
    """
    made = _Maker(Random(f"{seed}/{experiments}"), shape or Shape())
    wanted = min(experiments, round(experiments**0.5) if keeps is None else keeps)
    records = made.all(experiments, wanted)
    return made.study(records), records, made.contract


class _Maker:
    """Makes the records one after the other; holds the clock, the champion and the dice."""

    def __init__(self, dice: Random, shape: Shape) -> None:
        self.dice, self.shape, self.now = dice, shape, STARTED_AT
        self.contract = _contract(shape)
        self.champion, self.level = BASELINE, shape.start
        self.commits: list[str] = [_sha(f"{shape.metric}/base")]

    def all(self, count: int, keeps: int) -> tuple[ExperimentRecord, ...]:
        records = [self._baseline()]
        numbers = range(1, count + 1)
        # Early experiments are kept more often than late ones, as in every study seen.
        weighed = sorted(numbers, key=lambda n: self.dice.random() ** (1 + n / count / RECENT_WINDOW))
        kept = sorted(weighed[len(weighed) - keeps :]) if keeps else []
        gains = _shares(self.dice, kept, count, self.shape.reach)
        for number in numbers:
            records.append(self._experiment(number, gains.get(number)))
        return tuple(records)

    def _baseline(self) -> ExperimentRecord:
        runs = tuple(
            self._run(0, n, commit=self.commits[0], level=self.shape.start, purpose=Purpose.BASELINE)
            for n in range(4)
        )
        reason = f"the unchanged target: {self.shape.start:.6g}"
        return ExperimentRecord(
            experiment=Experiment(
                number=BASELINE,
                parent=self.commits[0],
                commit=self.commits[0],
                tree="",
                hypothesis="the unchanged target",
                agent="jumar",
            ),
            proposed_at=STARTED_AT,
            runs=runs,
            verdict=Verdict(decision=Decision.KEPT, reason=reason),
            judged_at=self.now,
        )

    def _experiment(self, number: int, gain: float | None) -> ExperimentRecord:
        experiment = self._propose(number)
        proposed_at = self.now
        self.commits.append(experiment.commit)
        draw = self.dice.random()
        if gain is not None:
            runs, verdict = self._keep(number, experiment, gain)
        elif draw < self.shape.invalid:
            runs, verdict = (), _breach()
        elif draw < self.shape.invalid + self.shape.failed:
            runs, verdict = self._fail(number, experiment)
        else:
            runs, verdict = self._discard(number, experiment)
        if verdict.decision is Decision.KEPT:
            self.champion = number
        self.now += 0.1
        return ExperimentRecord(
            experiment=experiment, proposed_at=proposed_at, runs=runs, verdict=verdict, judged_at=self.now
        )

    def _propose(self, number: int) -> Experiment:
        dice = self.dice
        idea = dice.choice(_IDEAS).format(
            a=f"{10 ** dice.uniform(-4, -1):.2g}", b=f"{dice.uniform(0.5, 2):.2g}", n=dice.randint(2, 32)
        )
        cost = Cost(usd=round(dice.uniform(0.01, 0.09), 3), tokens=dice.randint(2_000, 30_000), seconds=2.0)
        self.now += 2.0
        return Experiment(
            number=number,
            parent=self.commits[self.champion],
            commit=_sha(f"{idea}/{number}"),
            tree=_sha(f"tree/{number}"),
            hypothesis=idea,
            agent=dice.choice(("tuner", "llm")),
            predicted=round(dice.uniform(-0.002, 0.02), 4),
            cost=cost,
        )

    def _keep(
        self, number: int, experiment: Experiment, gain: float
    ) -> tuple[tuple[RunRecord, ...], Verdict]:
        old, new = self.level, self._better(self.level, gain)
        runs = [self._run(number, 0, commit=experiment.commit, level=new)]
        if self.shape.noise:
            runs += self._pairs(number, experiment, old, new)
        self.level = new
        size, half = abs(new - old), 1.2 * self.shape.noise * abs(new)
        verdict = Verdict(
            decision=Decision.KEPT,
            reason=f"better in {CONFIRMATIONS} of {CONFIRMATIONS} pairs of fresh runs",
            gain=size,
            interval=(size - half, size + half),
            evidence={"pairs": CONFIRMATIONS, "log_e": round(3.0 + self.dice.random(), 3)},
        )
        return tuple(runs), verdict

    def _pairs(self, number: int, experiment: Experiment, old: float, new: float) -> list[RunRecord]:
        runs: list[RunRecord] = []
        for pair in range(CONFIRMATIONS):
            for side, commit, level in (
                (Side.CANDIDATE, experiment.commit, new),
                (Side.REFERENCE, experiment.parent, old),
            ):
                run = self._run(number, len(runs) + 1, commit=commit, level=level, purpose=Purpose.CONFIRM)
                place = msgspec.structs.replace(run.run, side=side, pair=pair)
                runs.append(msgspec.structs.replace(run, run=place))
        return runs

    def _fail(self, number: int, experiment: Experiment) -> tuple[tuple[RunRecord, ...], Verdict]:
        why = self.dice.choice((Why.CRASHED, Why.OUT_OF_MEMORY, Why.TIMED_OUT, Why.NOT_FINITE))
        outcome = Failed(why=why, detail=f"the run {why.value}: RuntimeError in train.py, line 210")
        run = self._run(number, 0, commit=experiment.commit, level=self.level, outcome=outcome)
        return (run,), Verdict(decision=Decision.FAILED, reason=outcome.detail)

    def _discard(self, number: int, experiment: Experiment) -> tuple[tuple[RunRecord, ...], Verdict]:
        far = self.dice.random() < self.shape.disasters
        worse = self.dice.uniform(0.5, 3.0) if far else self.dice.expovariate(40.0)
        level = self._better(self.level, -worse)
        runs = [self._run(number, 0, commit=experiment.commit, level=level)]
        reason = "not promising at the screen"
        if worse < self.shape.noise:
            runs += self._pairs(number, experiment, self.level, level)
            reason = f"undecided after {CONFIRMATIONS} pairs of fresh runs"
        own = [run.outcome for run in runs[1:] or runs if run.run.side is Side.CANDIDATE]
        value = fmean(outcome.value for outcome in own if isinstance(outcome, Measured))
        gain = self.contract.measure.metric.gain(self.level, value)
        return tuple(runs), Verdict(decision=Decision.DISCARDED, reason=reason, gain=gain)

    def _better(self, value: float, gain: float) -> float:
        sign = -1 if self.shape.direction is Direction.MINIMIZE else 1
        return value + sign * gain * abs(self.shape.start)

    def _run(
        self,
        number: int,
        index: int,
        *,
        commit: str,
        level: float,
        purpose: Purpose = Purpose.SCREEN,
        outcome: Outcome | None = None,
    ) -> RunRecord:
        value = level + self.dice.gauss(0, 1) * self.shape.noise * abs(level)
        peak_mb = self.dice.uniform(300, 700)
        started_at, wall_s = self.now, CPU_S * self.dice.uniform(1.0, 1.1)
        self.now += wall_s
        failed = isinstance(outcome, Failed)
        return RunRecord(
            run=Run(
                key=f"{number}-{index}",
                experiment=number,
                commit=commit,
                seed=self.dice.randrange(1, 2**31),
                purpose=purpose,
                side=Side.REFERENCE if purpose is Purpose.BASELINE else Side.CANDIDATE,
            ),
            started_at=started_at,
            ended_at=self.now,
            outcome=outcome or Measured(value=value, others={"peak_memory_mb": peak_mb, "cpu_s": CPU_S}),
            report=ExitReport(
                ending=Ending.EXITED,
                exit_code=int(failed),
                wall_s=wall_s,
                cpu_s=CPU_S,
                peak_memory_bytes=int(peak_mb * 1e6),
                output_bytes=2_000,
            ),
            artefacts={"log": _sha(f"log/{number}-{index}")},
        )

    def study(self, records: Sequence[ExperimentRecord]) -> StudyRecord:
        ends = [record.verdict.decision for record in records[1:] if record.verdict]
        return StudyRecord(
            name=STUDY,
            started_at=STARTED_AT,
            terms=StudyStarted(
                base=self.commits[0],
                contract=_CONTRACT_TEXT.format(
                    metric=self.shape.metric, direction=self.shape.direction.value
                ),
                scale="default",
                agent="tuner",
                secret="00" * 32,
                sandbox="bubblewrap",
                machine={"host": "bench", "system": "Linux x86_64", "cpu": "a CPU", "cores": 2},
                jumar="0.1.0",
            ),
            condition=Condition.FINISHED,
            reason=f"{len(records) - 1} experiments were asked for",
            champion=self.champion,
            champion_commit=self.commits[self.champion],
            last_seq=10 * len(records),
            last_at=self.now,
            decisions={decision: ends.count(decision) for decision in Decision},
            open_experiments=0,
            cost_usd=sum(record.experiment.cost.usd for record in records),
            active_s=self.now - STARTED_AT,
            claim=self._claim() if self.shape.certified and self.champion != BASELINE else None,
        )

    def _claim(self) -> Claim:
        relative = self.contract.measure.metric.relative_gain(self.shape.start, self.level)
        half = 1.5 * self.shape.noise
        return Claim(
            experiment=self.champion,
            baseline=self.commits[0],
            champion=self.commits[self.champion],
            baseline_value=self.shape.start,
            champion_value=self.level,
            relative=relative,
            relative_interval=(relative - half, relative + half),
            pairs=4 if self.shape.noise else 1,
            certified=relative > half,
            reason="better in every pair of fresh runs" if relative > half else "the interval reaches zero",
            self_reported=self.shape.self_reported,
        )


def _contract(shape: Shape) -> Contract:
    run = RunTerms(
        command=("python", "train.py"),
        budget=Budget(amount=CPU_S, clock=Clock.CPU),
        timeout_s=90.0,
        memory_bytes=4 << 30,
        disk_bytes=1 << 30,
        output_bytes=16 << 20,
        processes=256,
    )
    trusted = not shape.self_reported
    return Contract(
        target=TargetTerms(name="tinylm", editable=("train.py",)),
        run=run,
        measure=MeasureTerms(
            metric=Metric(name=shape.metric, direction=shape.direction),
            score=("python", "score.py") if trusted else (),
            hidden=("data/holdout",) if trusted else (),
        ),
        limits=LimitTerms(experiments=100),
        scales={"default": run},
    )


def _shares(dice: Random, kept: Sequence[int], count: int, reach: float) -> dict[int, float]:
    """How much each keep gains: large ones early, small ones late, `reach` in all."""
    sizes = {n: dice.expovariate(1.0) * 0.5 ** (n / count / RECENT_WINDOW) + 0.05 for n in kept}
    return {n: reach * size / sum(sizes.values()) for n, size in sizes.items()}


def _breach() -> Verdict:
    return Verdict(decision=Decision.INVALID, reason="touches score.py", code="out-of-scope")


def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
