"""Computes the metric with the contract's own scorer, in a sandbox the candidate cannot reach.

The scorer's code comes from the pinned commit. It sees what the run left in its output folder,
the hidden data, and pipes to `serve` processes that answer with the candidate's code in
sandboxes of their own. What it finds it writes to `$JUMAR_OUT/score.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from jumar.core.contract import Contract
from jumar.core.evaluator import MOST_SCORE_BYTES, SCORE_FILE, FinishedRun
from jumar.core.job import Caps, Ending, ExitReport, Job
from jumar.core.outcome import Failed, Measured, Outcome, Why, is_number
from jumar.core.run import Purpose
from jumar.evaluators.ending import failure, last_lines
from jumar.rules.items import condensed


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a scorer may say; anything else is a failure of the scorer.

    `refused` says why the answers are not honest. `measurements` are further numbers that guards
    may name; `breakdown` is the metric by named part; `items` are per-item losses, in an order
    that is the same for every run.
    """

    metric: float | None = None
    measurements: dict[str, float] = {}
    breakdown: dict[str, float] = {}
    items: tuple[float, ...] = ()
    refused: str = ""


class ScoringPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What every scoring of a study shares."""

    pinned: Path  #: the target's folder as of the pinned commit, hidden files of the commit included
    inputs: Mapping[str, Path]  #: what a run sees beside its tree
    hidden: Mapping[str, Path]  #: what the scorer alone sees, by its place in the tree
    readable: tuple[Path, ...]
    masked: tuple[Path, ...]
    env: Mapping[str, str]


class Scorer:
    """The trusted evaluator: no number in it was ever in the candidate's hands."""

    trusted = True

    def __init__(self, contract: Contract, place: ScoringPlace) -> None:
        self._contract = contract
        self._place = place

    def scoring(self, finished: FinishedRun) -> Job | None:
        """The scoring job of a run that ended as it should; None for one with nothing to score."""
        if failure(finished, self._contract.run):
            return None
        measure, place = self._contract.measure, self._place
        split = "holdout" if finished.run.purpose is Purpose.CERTIFY else "search"
        env = {
            **place.env,
            "JUMAR_SPLIT": split,
            "JUMAR_SEED": str(finished.run.seed),
            "JUMAR_RUN_OUT": str(finished.out),
        }
        if finished.run.strict:  # said to the scorer alone: whoever answers it cannot tell
            env["JUMAR_STRICT"] = "1"
        servers = tuple(self._server(finished, n) for n in range(measure.servers if measure.serve else 0))
        return Job(
            key=f"{finished.run.key}:score",
            command=measure.score,
            tree=place.pinned,
            out=finished.scored,
            log=finished.score_log,
            caps=self._caps(),
            env=env,
            inputs={**place.inputs, **place.hidden},
            readable=(*place.readable, finished.out),
            servers=servers,
            follows=finished.run.key,
        )

    def _server(self, finished: FinishedRun, number: int) -> Job:
        return Job(
            key=f"{finished.run.key}:serve{number}",
            command=self._contract.measure.serve,
            tree=finished.tree,
            out=finished.work / f"serve{number}",
            log=finished.work / f"serve{number}.log",
            caps=self._caps(),
            env={**self._place.env, "JUMAR_RUN_OUT": str(finished.out)},
            inputs=self._place.inputs,
            readable=(*self._place.readable, finished.out),
            masked=self._place.masked,
        )

    def _caps(self) -> Caps:
        run = self._contract.run
        return Caps(
            wall_s=run.timeout_s,
            memory_bytes=run.memory_bytes,
            processes=run.processes,
            output_bytes=run.output_bytes,
            disk_bytes=run.disk_bytes,
        )

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome:
        """Read the score, strictly; what is not exactly a score is a failure, never a number."""
        if failed := failure(finished, self._contract.run):
            return failed
        assert scored is not None, "a run that ended as it should was given a scoring job"
        if not scored.succeeded:
            return Failed(why=Why.SCORER_FAILED, detail=_what_went_wrong(scored, finished))
        try:
            score = read_score(finished.scored / SCORE_FILE)
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            return Failed(why=Why.SCORER_FAILED, detail=f"{SCORE_FILE}: {error}")
        return _outcome(score)


def _outcome(score: Score) -> Outcome:
    if score.refused:
        return Failed(why=Why.REFUSED, detail=score.refused[:500])
    if score.metric is None:
        return Failed(why=Why.SCORER_FAILED, detail=f"{SCORE_FILE} has neither `metric` nor `refused`")
    if not is_number(score.metric):
        return Failed(why=Why.NOT_FINITE, detail=f"the scorer computed {score.metric}")
    others = {**score.breakdown, **score.measurements}
    return Measured(value=score.metric, others=others, items=condensed(score.items))


def read_score(path: Path) -> Score:
    """Decode a scorer's result. Raises OSError, MsgspecError or ValueError."""
    if path.is_symlink() or not path.is_file():
        raise FileNotFoundError("the scorer wrote none")
    if path.stat().st_size > MOST_SCORE_BYTES:
        raise ValueError(f"larger than {MOST_SCORE_BYTES} bytes")
    return msgspec.json.decode(path.read_bytes(), type=Score)


def _what_went_wrong(scored: ExitReport, finished: FinishedRun) -> str:
    what = (
        f"exit code {scored.exit_code}"
        if scored.ending is Ending.EXITED
        else f"{scored.ending.value} {scored.detail}".strip()
    )
    said = last_lines(finished.score_log)
    return f"{what}: {said.splitlines()[-1]}\n{said}" if said else what
