"""What leaves of a study: each experiment as a tracker shows one, and the course of them all."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from jumar.core.contract import Contract
from jumar.core.curve import Curve, Point, read_curve
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.run import Purpose, RunRecord
from jumar.errors import JumarError
from jumar.exports.hiding import Hide
from jumar.reports.summary import summarise
from jumar.reports.values import Values, peak_memory_bytes
from jumar.rules.plain import plain, short

MOST_POINTS = 1000  #: of one curve; a longer one is thinned evenly
MOST_CURVES = 10  #: of one experiment: those of its latest runs
MOST_LOG_BYTES, MOST_DIFF = 256 << 10, 1 << 20
MOST_WORDS = 2000  #: characters of a hypothesis or a reason
DIFF, LOG = "change.diff", "log.txt"
_CURVED = frozenset({Purpose.BASELINE, Purpose.SCREEN, Purpose.CONFIRM, Purpose.REVISIT})
_NOT_IN_A_NAME = re.compile(r"[^\w.:/ -]")


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A study to be exported. `diff` and `artefact` may raise JumarError: what they had is left out."""

    record: StudyRecord
    experiments: tuple[ExperimentRecord, ...]
    contract: Contract
    diff: Callable[[int], str]
    artefact: Callable[[str], bytes]
    hide: Hide
    unhidden: tuple[str, ...] = ()  #: variables whose values runs knew, and `hide` does not

    @property
    def key(self) -> str:
        """Names the study among all others, of whatever ledger: exported again, it is found by this."""
        said = f"{self.record.name}\n{self.record.started_at!r}\n{self.record.terms.base}".encode()
        if (
            not self.record.last_seq
        ):  # of no ledger, and perhaps without a time or a commit: its beginning tells
            said += msgspec.json.encode(self.experiments[:1])
        return hashlib.sha256(said).hexdigest()[:12]

    def words(self, text: str) -> str:
        """A text on one line, without secrets, no longer than trackers take it."""
        return short(self.hide(text), MOST_WORDS)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A judged experiment as a tracker shows it. One with another `mark` says something else."""

    number: int
    name: str
    decision: str
    started_at: float
    ended_at: float
    knobs: Mapping[str, float | int | str | bool]  #: what it turned, and to what
    figures: Mapping[str, float]  #: the metric by its own name, and what else is a number
    words: Mapping[str, str]
    mark: str
    record: ExperimentRecord
    study: Outgoing

    @property
    def key(self) -> str:
        """Names it among all experiments of all studies."""
        return f"{self.study.key}-{self.number}"

    def curves(self) -> tuple[tuple[str, Curve], ...]:
        """The learning curves of its own runs, by name: `curve/loss`, then `curve/loss.2`."""
        found = []
        for run in _own_runs(self.record, "curve"):
            try:
                curve = read_curve(self.study.artefact(run.artefacts["curve"]))
            except JumarError:
                continue
            if curve:
                found.append(_thinned(curve))
        return tuple(
            (f"curve/loss.{n}" if n > 1 else "curve/loss", curve) for n, curve in enumerate(found, 1)
        )

    def papers(self) -> dict[str, str]:
        """Its diff and the log of its last run, by file name, as far as there are any."""
        return {name: text for name, text in ((DIFF, self._diff()), (LOG, self._log())) if text.strip()}

    def _diff(self) -> str:
        try:
            text = "" if self.number == BASELINE else self.study.diff(self.number)
        except JumarError:
            return ""
        more = "\n[cut here: `jumar diff` has all of it]\n" if len(text) > MOST_DIFF else ""
        return self.study.hide(text[:MOST_DIFF]) + more

    def _log(self) -> str:
        runs = _own_runs(self.record, "log")
        try:
            content = self.study.artefact(runs[-1].artefacts["log"]) if runs else b""
        except JumarError:
            return ""
        # Hidden before it is cut: half of a key would no longer look like one.
        text = plain(self.study.hide(content.decode("utf-8", "replace")), lines=True)
        return text[-MOST_LOG_BYTES:]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment in the course of a study. `champion` is the level that was held from then on."""

    number: int
    at: float
    value: float | None
    champion: float | None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A study as a whole."""

    words: Mapping[str, str]
    figures: Mapping[str, float]
    steps: tuple[Step, ...]
    mark: str


def sheets(study: Outgoing) -> Iterator[Sheet]:
    """Every judged experiment, oldest first; made one by one, so that a long study takes no memory."""
    values = Values(study.experiments)
    for record in study.experiments:
        if record.verdict is not None:
            yield _sheet(study, record, values)


def _sheet(study: Outgoing, record: ExperimentRecord, values: Values) -> Sheet:
    experiment, verdict = record.experiment, record.verdict
    assert verdict is not None
    hypothesis = study.words(experiment.hypothesis)
    words = {
        "decision": standing(record),
        "hypothesis": hypothesis,
        "reason": study.words(record.refuted or verdict.reason),
        "breach": verdict.code,
        "agent": experiment.agent,
        "commit": experiment.commit,
        "parent": experiment.parent,
        "numbers": numbers_of(study.contract),
    }
    figures, knobs = _figures(study, record, values), _knobs(experiment.details)
    kept = [sorted(run.artefacts.items()) for run in record.runs]
    said = msgspec.json.encode((words, figures, knobs, kept, record.judged_at), order="sorted")
    return Sheet(
        number=record.number,
        name=f"#{record.number} {short(hypothesis, 80)}",
        decision=standing(record),
        started_at=record.proposed_at,
        ended_at=max(record.judged_at or 0.0, record.proposed_at),
        knobs=knobs,
        figures=figures,
        words={name: text for name, text in words.items() if text},
        mark=hashlib.sha256(said).hexdigest()[:16],
        record=record,
        study=study,
    )


def standing(record: ExperimentRecord) -> str:
    """How an experiment stands now, in a word."""
    return "refuted" if record.refuted else record.verdict.decision.value if record.verdict else "open"


def numbers_of(contract: Contract) -> str:
    """Who computed the numbers."""
    return "self-reported" if contract.self_reported else "scored out of the candidate's reach"


def named(text: str) -> str:
    """A name of a figure or a knob as every tracker takes it: it may become a path there."""
    name = posixpath.normpath(_NOT_IN_A_NAME.sub("_", plain(text)).replace("..", "_"))
    return name.strip("/. ")[:100] or "unnamed"


def _figures(study: Outgoing, record: ExperimentRecord, values: Values) -> dict[str, float]:
    verdict, experiment = record.verdict, record.experiment
    low, high = (verdict.interval if verdict else None) or (None, None)
    peak = peak_memory_bytes(record)
    found = {
        "gain": verdict.gain if verdict else None,
        "gain_low": low,
        "gain_high": high,
        "predicted_relative_gain": experiment.predicted,
        "runs": len(record.runs),
        "cpu_s": sum(run.report.cpu_s for run in record.runs if run.report) or None,
        "peak_memory_mb": None if peak is None else peak / 1e6,
        "cost_usd": experiment.cost.usd if experiment.cost.priced or experiment.cost.usd else None,
        "tokens": experiment.cost.tokens,
        named(study.contract.measure.metric.name): values.of(record),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _knobs(details: Mapping[str, Any]) -> dict[str, float | int | str | bool]:
    """The knobs that an experiment turned, as far as its agent told; nobody has checked what it told."""
    changed = details.get("changed")
    found: dict[str, float | int | str | bool] = {}
    for name, pair in changed.items() if isinstance(changed, Mapping) else ():
        if (
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and isinstance(pair[1], float | int | str | bool)
        ):
            found[named(str(name))] = short(pair[1], 200) if isinstance(pair[1], str) else pair[1]
    return found


def _own_runs(record: ExperimentRecord, artefact: str) -> list[RunRecord]:
    """Its own runs that kept such an artefact: the other side of a pair is somebody else's code."""
    found = [
        run
        for run in record.runs
        if run.run.commit == record.experiment.commit
        and run.run.purpose in _CURVED
        and artefact in run.artefacts
    ]
    return found[-MOST_CURVES:]


def _thinned(curve: Curve) -> Curve:
    if len(curve) <= MOST_POINTS:
        return curve
    last = len(curve) - 1
    return tuple(curve[round(n * last / (MOST_POINTS - 1))] for n in range(MOST_POINTS))


def counted(curve: Curve) -> Iterator[tuple[int, Point]]:
    """Each point with a whole number to draw it over: its step, or thousandths of the budget."""
    by_step = all(point.step == int(point.step) for point in curve) and len(
        {point.step for point in curve}
    ) == len(curve)
    for point in curve:
        yield (int(point.step) if by_step else round(1000 * point.progress)), point


def course(study: Outgoing) -> Course:
    """The study as a whole: its terms, what it came to, and the staircase."""
    record, contract = study.record, study.contract
    summary = summarise(record, study.experiments, contract)
    values, champion, steps = Values(study.experiments), None, []
    for one in study.experiments:
        value = values.of(one)
        if one.verdict is None:
            continue
        if one.stands and value is not None:
            champion = value
        at = one.judged_at or one.proposed_at
        steps.append(Step(number=one.number, at=at, value=value, champion=champion))
    metric = contract.measure.metric
    words = {
        "study": record.name,
        "target": contract.target.name,
        "metric": metric.name,
        "direction": metric.direction.value,
        "numbers": numbers_of(contract),
        "result": summary.sentence,
        "scale": record.terms.scale,
        "agents": ", ".join(record.terms.shares),
        "base": record.terms.base,
        "champion": record.champion_commit,
        "sandbox": record.terms.sandbox,
        "jumar": record.terms.jumar,
    }
    figures: dict[str, float | None] = {
        "experiments": summary.experiments,
        "kept": len(summary.standing_keeps),
        "cost_usd": summary.effort.usd,
        "uncertified_relative_gain": summary.gain,
    }
    if summary.claim is not None and summary.is_certified:
        low, high = sorted(summary.claim.relative_interval)
        figures |= {"certified_relative_gain": summary.claim.relative}
        figures |= {"certified_low": low, "certified_high": high}
    known = {name: float(value) for name, value in figures.items() if value is not None}
    said = msgspec.json.encode((words, known, steps), order="sorted")
    return Course(
        words={name: study.words(text) for name, text in words.items() if text},
        figures=known,
        steps=tuple(steps),
        mark=hashlib.sha256(said).hexdigest()[:16],
    )
