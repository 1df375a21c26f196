"""Owns what a change gave alone, and on top of another that was kept meanwhile: gains need not add up."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from msgspec.structs import replace

from jumar.core.evidence import Evidence
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.verdict import ALONE, Verdict
from jumar.rules.history import History
from jumar.rules.refuted import champion_at

IN_PLACE_OF = "in_place_of"  #: in an experiment's details: the champion whose change its files do without


def effect_alone(evidence: Evidence, answer: object) -> Mapping[str, Any]:
    """What an experiment that was overtaken gave on its own champion, for the evidence of its verdict.

    The judge's own gain where it had one; else what its runs show so far, which nobody has confirmed.
    """
    level = {"champion": evidence.champion.value}
    if isinstance(answer, Verdict) and answer.gain is not None:
        return {ALONE: {**level, "gain": answer.gain, "interval": answer.interval, "confirmed": True}}
    metric, screen = evidence.metric, evidence.screen
    pairs = [
        metric.gain(pair.reference.value, pair.candidate.value)
        for pair in evidence.pairs
        if isinstance(pair.reference, Measured) and isinstance(pair.candidate, Measured)
    ]
    if not pairs and isinstance(screen, Measured):
        pairs = [metric.gain(evidence.champion.value, screen.value)]
    return {ALONE: {**level, "gain": fmean(pairs), "confirmed": False}} if pairs else {}


def with_effect_alone(verdict: Verdict, record: ExperimentRecord, history: History) -> Verdict:
    """A verdict on what is tried again on another champion, with what its change gave on the first one.

    Where its own version of the files competes with the champion's, nothing is told of the two together.
    """
    first = history.experiments[history.experiments.first(record)]
    alone = first.verdict.evidence.get(ALONE) if first.verdict else None
    moved = record.experiment.parent != first.experiment.parent
    if verdict.gain is None or not alone or not moved:
        return verdict
    below = champion_at(history, record.experiment.parent).number
    level = float(verdict.evidence.get("champion") or alone["champion"])
    unsure = "" if alone["confirmed"] else ", not confirmed"
    instead = record.experiment.details.get(IN_PLACE_OF) == below
    words = (
        f"alone it gave {_share(alone['gain'], alone['champion'])} (experiment {first.number}{unsure}), "
        f"{'in place' if instead else 'on top'} of experiment {below} {_share(verdict.gain, level)}"
    )
    if instead:
        return replace(verdict, reason=f"{verdict.reason}; {words}")
    both = {**alone, "experiment": first.number, "on_top_of": below, "on_top": verdict.gain}
    return replace(
        verdict, reason=f"{verdict.reason}; {words}", evidence={**verdict.evidence, "additivity": both}
    )


def _share(gain: float, level: float) -> str:
    return f"{gain / abs(level):+.2%}" if level else f"{gain:+.3g}"
