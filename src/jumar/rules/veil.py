"""Owns what agents see of scores: nothing finer than the noise, so that nothing is fitted to single digits.

Every score that an agent sees tells it something of the data behind it; who may ask a thousand times
for all digits can fit them (Blum and Hardt, *The Ladder*, 2015). Digits below the noise between runs
say nothing of the code, so they are what agents can do without. People see everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from jumar.core.contract import MeasureTerms, Scores
from jumar.core.evidence import Noise
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import MOST, Failed, Measured, Outcome, Stopped
from jumar.core.run import Purpose, RunRecord, Side
from jumar.core.verdict import Decision, Verdict

# What we meter ourselves around a run; no scorer has a hand in it.
METERED = frozenset({"peak_memory_mb", "cpu_s", "wall_s", "output_mb", "serve_cpu_s", "curve_steps"})
TAKEN_BACK = "it was taken back since"
NOT_SHOWN = "not shown: of scores, this contract tells agents whether a change was kept"
_LEAST_STEP = 1e-300  # a power of ten below is none
_MOST_STEPS = 1e15
_KEPT_APART = ("did not hold", "undecided")  # how the judge begins the reasons that pairs give
_SAYS_NO_SCORE = ("guard ", "check ", "stopped", "overtaken")  # and those that tell nothing of the metric
_UNSEEN = (Purpose.CERTIFY, Purpose.PROBE)
_NUMBER = r"[-+]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d+)?"


class Veil:
    """Shows the records of one study as its contract lets agents see them. Certifying runs are never shown.

    `noise` and `level` are the unchanged target's, so that a record looks the same at any time.
    """

    def __init__(self, measure: MeasureTerms, noise: Noise, level: float) -> None:
        self._measure = measure
        self._relative = noise.relative
        self._sd = noise.run_sd
        self._level = level
        name = rf"\b{re.escape(measure.metric.name)}\b"
        mark = r"[\"']?[ \t]*[:=][ \t]*"
        self._line = re.compile(rf"^.*{name}{mark}{_NUMBER}.*$", re.MULTILINE)
        self._printed = re.compile(rf"({name}{mark})({_NUMBER})")
        self._judged = re.compile(rf"({name}(?: is)? )({_NUMBER})")

    def value(self, value: float) -> float:
        """A score of the metric."""
        return value if self._measure.scores is Scores.FULL else _to_grid(value, self._step(value))

    def record(self, record: ExperimentRecord) -> ExperimentRecord:
        """An experiment without its certifying runs: they saw the holdout, and the search may go on.

        What probes showed is told to whoever made them.
        """
        runs = tuple(run for run in record.runs if run.run.purpose not in _UNSEEN)
        if record.refuted:
            record = replace(record, refuted=TAKEN_BACK)  # its own words tell what the holdout said
        if self._measure.scores is Scores.FULL:
            return record if len(runs) == len(record.runs) else replace(record, runs=runs)
        runs = tuple(replace(run, outcome=self.outcome(run.outcome)) for run in runs)
        if self._measure.scores is Scores.BIT and record.number != BASELINE:
            return self._in_one_bit(record, runs)
        level = next((run.outcome.value for run in runs if isinstance(run.outcome, Measured)), self._level)
        return replace(record, runs=runs, verdict=record.verdict and self._verdict(record.verdict, level))

    def _in_one_bit(self, record: ExperimentRecord, runs: tuple[RunRecord, ...]) -> ExperimentRecord:
        """That it was kept or not. What was kept was the champion, whose score is shown; no pair is."""
        own = tuple(run for run in runs if run.run.side is Side.CANDIDATE) if record.verdict else ()
        return replace(
            record,
            runs=own if record.is_kept else _without_scores(own),
            verdict=record.verdict and self._bit(record.verdict),
        )

    def log(self, text: str) -> str:
        """What a run printed, its score as agents see scores: rounded, or the whole line taken out."""
        name = self._measure.metric.name
        match self._measure.scores:
            case Scores.FULL:
                return text
            case Scores.BIT:
                return self._line.sub(lambda _: f"[a line with {name}: not shown]", text)
        return self._printed.sub(lambda found: found[1] + self._said(found[2]), text)

    def _said(self, number: str) -> str:
        if self._measure.scores is Scores.BIT:
            return "(not shown)"
        return f"{self.value(float(number.replace('_', ''))):.12g}"

    def _plainly(self, reason: str) -> str:
        """Words of the judge that stay but for the score in them."""
        return self._judged.sub(lambda found: found[1] + self._said(found[2]), self.log(reason))

    def _step(self, level: float) -> float:
        return _grid(self._sd * abs(level) if self._relative else self._sd)

    def outcome(self, outcome: Outcome | None) -> Outcome | None:
        """What came of one run."""
        if self._measure.scores is Scores.FULL:
            return outcome
        if isinstance(outcome, Failed):  # it quotes the end of what was printed
            return replace(outcome, detail=self.log(outcome.detail))
        if not isinstance(outcome, Measured):
            return outcome
        return Measured(value=self.value(outcome.value), others=self._others(outcome.others))

    def _others(self, others: Mapping[str, float]) -> dict[str, float]:
        """Parts of the score can add up to it, so they are rounded by the same share."""
        share = self._sd if self._relative else self._sd / abs(self._level) if self._level else 0.0
        return {
            name: value if name in METERED else _to_grid(value, _grid(share * abs(value)))
            for name, value in others.items()
        }

    def _verdict(self, verdict: Verdict, level: float) -> Verdict:
        step, gain, interval = self._step(level), verdict.gain, verdict.interval
        if step == 0 or gain is None:
            return replace(verdict, reason=self._plainly(verdict.reason), evidence=_kept_evidence(verdict))
        rounded = _to_grid(gain, step)
        ends = (
            interval and (_to_grid(interval[0], step, math.floor), _to_grid(interval[1], step, math.ceil))
        )  # fmt: skip
        return replace(
            verdict,
            gain=rounded,
            interval=ends,
            reason=self._reason(verdict, rounded, ends, step),
            evidence=_kept_evidence(verdict),
        )

    def _reason(self, verdict: Verdict, gain: float, ends: tuple[float, float] | None, step: float) -> str:
        """The judge's words with numbers no finer than agents are shown."""
        if verdict.reason.startswith(("guard ", "check ")) or verdict.code:
            return self._plainly(verdict.reason)
        name = self._measure.metric.name
        if verdict.decision is Decision.KEPT:
            between = f", 95 % interval {ends[0]:.6g} to {ends[1]:.6g}" if ends else ""
            if "simpler" in verdict.evidence:
                return f"simpler: {gain:+.6g} on average of its pairs{between}"
            return f"{name} better by {gain:.6g}{between}"
        for kind in _KEPT_APART:
            if verdict.reason.startswith(kind):
                return f"{kind}: {gain:+.6g} on average of its pairs"
        if gain <= -step:
            return f"{name} is {-gain:.6g} worse than the champion's"
        return f"{name} is within the noise of the champion's ({gain:+.6g})"

    def _bit(self, verdict: Verdict) -> Verdict:
        reason = "no better than the champion"
        if verdict.decision is Decision.KEPT:
            simpler = "simpler" in verdict.evidence
            reason = "simpler, at about the champion's score" if simpler else "better than the champion"
        elif verdict.decision is not Decision.DISCARDED or verdict.reason.startswith(_SAYS_NO_SCORE):
            reason = self._plainly(verdict.reason)
        return replace(verdict, gain=None, interval=None, evidence={}, reason=reason)


def _kept_evidence(verdict: Verdict) -> dict[str, bool]:
    return {"near_miss": True} if verdict.evidence.get("near_miss") else {}


def _without_scores(runs: tuple[RunRecord, ...]) -> tuple[RunRecord, ...]:
    """The candidate's own runs: that they were measured stays, what they were worth does not."""
    own = [run for run in runs if run.run.side is Side.CANDIDATE]
    return tuple(
        replace(run, outcome=Stopped(progress=1.0, detail=NOT_SHOWN))
        if isinstance(run.outcome, Measured)
        else run
        for run in own
    )


def _grid(sd: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `sd`; 0 without noise."""
    if not _LEAST_STEP < sd < math.inf:
        return 0.0
    power = 10.0 ** math.floor(math.log10(sd))
    lead = sd / power * (1 + 1e-9)
    return power * (5 if lead >= 5 else 2 if lead >= 2 else 1)


def _to_grid(value: float, step: float, to: Callable[[float], int] = round) -> float:
    if step == 0:
        return value
    if abs(value) > step * _MOST_STEPS:
        return max(
            -MOST, min(MOST, float(f"{value:.2e}"))
        )  # a float has no digit on that grid: three are shown
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return max(-MOST, min(MOST, round(to(value / step) * step, digits)))
