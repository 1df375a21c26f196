"""Owns the revisit: when the champion is run anew although nothing asks for it, and what that shows.

A night may outlast the conditions in which its champion was measured. A machine that becomes slower
makes every candidate look bad beside values from faster times, and one that becomes faster makes each
look promising; code that works until midnight takes all that is built on it along. In the end nothing is
kept any more, and nobody knows why. That a study goes on with another number of workers, or on another
machine, is known beforehand: its champion runs before anything is compared with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from statistics import fmean
from typing import NamedTuple

from msgspec.structs import replace

from jumar.core.by_seed import Together
from jumar.core.contract import Metric
from jumar.core.event import Refuted, Revisited
from jumar.core.evidence import Want
from jumar.core.experiment import BASELINE
from jumar.core.machine import circumstances_in_words
from jumar.core.outcome import Measured, Outcome, outcome_in_words
from jumar.core.run import Purpose, Side
from jumar.rules.evidence import latest_runs, noise_of, pairs_of, standing
from jumar.rules.history import History
from jumar.rules.noise import record_width
from jumar.rules.record import ROUNDING
from jumar.rules.refuted import taken_back
from jumar.rules.scale import are_positive, gain_on_scale, mean_on_scale, noise_among, on_scale
from jumar.rules.simpler import is_simplification
from jumar.rules.student import t_quantile

UNSEEN = 20  # experiments judged without one run of the champion: at most one run in twenty is spent on it
CRASHES = 3  # experiments in a row that gave no number

PAIRS = 3  # beside what it is built on, before anything is done about a champion
SUSPICIOUS = 0.90  # a first run that equals are above so often: worth the pairs
WORSE = 0.99  # all its runs together


class Finding(NamedTuple):
    """What a revisit showed. `broken` says why nothing can be measured any more."""

    events: tuple[Revisited | Refuted, ...]
    broken: str = ""


class _Seen(NamedTuple):
    """One step of a revisit: a run of the champion, and from the second on one of what it is built on."""

    own: Outcome
    seed: int
    beside: Outcome | None


def revisit(history: History, metric: Metric) -> Want | Finding | None:
    """What to do about the champion: run it, say what its runs showed, or nothing.

    It is run alone first. Where that gives no number, or a suspicious one, pairs with what it is built
    on follow (the baseline goes on alone). One that never gives a number, or none in any pair, is taken
    back, unless what it is built on gives none either. One that is worse than its record keeps its place
    while it is better than what it is built on, or for less code no worse than its margin, and the
    loss is not its own: what it measured before is forgotten. Else it is taken back. What one that is better
    than its record measured before is forgotten, too.
    """
    seen = _seen(history)
    if not seen:
        why = _occasion(history)
        return Want(purpose=Purpose.REVISIT, why=why) if why else None
    if not _is_below(seen, history, metric, SUSPICIOUS) and not _is_above(seen, history, metric):
        anew = None if _record(seen, history).seeds else history.under
        words = f"measured as runs are made now: {circumstances_in_words(anew)}" if anew else "what it was"
        return _found(history, seen, f"the champion is {words}")
    if len(seen) <= PAIRS:
        return Want(purpose=Purpose.REVISIT, why=f"is the champion what it was? pair {len(seen)} of {PAIRS}")
    return _verdict(history, seen, metric)


def _verdict(history: History, seen: Sequence[_Seen], metric: Metric) -> Finding:
    """The end of a revisit that found the champion below its record again and again."""
    now, was = _measured(seen), _record(seen, history)
    dead = [step for step in seen if isinstance(step.beside, Measured) and not isinstance(step.own, Measured)]
    if now and len(dead) >= PAIRS:
        words = (
            f"the champion gave no number in {len(dead)} of {len(seen)} runs, beside what it is built on: "
        )
        return _found(history, seen, words + outcome_in_words(dead[-1].own), falls=True)
    if not now:
        words = f"the champion gave no number in {len(seen)} runs: {outcome_in_words(seen[-1].own)}"
        if any(isinstance(step.beside, Measured) for step in seen):
            return _found(history, seen, words, falls=True)
        return _found(history, seen, words)._replace(broken=words)
    if not _is_above(seen, history, metric) and not _is_below(seen, history, metric, WORSE):
        return _found(history, seen, "the champion may be worse than it was, within the noise")
    how = "better" if _is_above(seen, history, metric) else "worse"
    words = f"the champion is {how} than it was, {metric.name} {fmean(now):.5g} instead of {was.mean:.5g}"
    if how == "worse" and (fault := _fault(seen, history, metric)):
        return _found(history, seen, f"{words}, and {fault}", falls=True)
    return _found(history, seen, f"{words}: what was measured before counts no more", moved=True)


def is_routine(history: History) -> bool:
    """Whether nothing speaks against the champion, and it is looked at only because that is due.

    Then what starts from it need not wait for its run: of many workers all would.
    """
    shaky = history.doubted or CRASHES <= history.crashes <= history.unseen
    known = not history.under or history.means(history.champion_commit).knows(history.under)
    return known and not shaky and not _seen(history)


def _occasion(history: History) -> str:
    if history.under and not history.means(history.champion_commit).knows(history.under):
        return f"it was never run as runs are made now: {circumstances_in_words(history.under)}"
    if history.doubted:
        return "it ran far off its record beside a candidate"
    if CRASHES <= history.crashes <= history.unseen:  # it was not seen since the row began
        return f"{history.crashes} experiments in a row gave no number"
    noise_of(history)
    if history.pooled and history.pooled.unlearnt == history.champion:
        return "the noise is another where it leads, and has to be learnt"
    return f"it has not run for {history.unseen} experiments" if history.unseen >= UNSEEN else ""


def _seen(history: History) -> list[_Seen]:
    """The steps of the revisit under way that are complete."""
    record, first = history.experiments[history.champion], history.revisited.get(history.champion, 0)
    runs = {(run.run.pair, run.run.side): run for run in latest_runs(record, Purpose.REVISIT, first=first)}
    seen: list[_Seen] = []
    while own := runs.get((first + len(seen), Side.CANDIDATE)):
        beside = runs.get((first + len(seen), Side.REFERENCE))
        if beside is None and seen and history.champion != BASELINE:
            break
        assert own.outcome is not None
        # Beside the first run there is nothing, or the unchanged target, measured anew as well.
        seen.append(_Seen(own.outcome, own.run.seed, beside.outcome if beside and seen else None))
    return seen


def _is_above(seen: Sequence[_Seen], history: History, metric: Metric) -> bool:
    """Whether it gave numbers above its record as equals are once in 1 / (1 - WORSE)."""
    return _distance(seen, history, metric, WORSE) > 0


def _is_below(seen: Sequence[_Seen], history: History, metric: Metric, share: float) -> bool:
    """Whether it gave no number at all, or numbers below its record as equals are once in 1 / (1 - share)."""
    return not _measured(seen) or _distance(seen, history, metric, share) < 0


def _distance(seen: Sequence[_Seen], history: History, metric: Metric, share: float) -> float:
    """How far above its record it is (below: negative); 0 where equals may be, or nothing is known."""
    now, was = _measured(seen), _record(seen, history)
    if not now or not was.seeds:
        return 0.0
    positive = was.log_mean is not None and are_positive(now)
    noise = noise_among(noise_of(history), was.mean, positive=positive)
    mean_now, mean_was = fmean(on_scale(value, noise) for value in now), mean_on_scale(was, noise)
    if noise.deterministic:
        far = ROUNDING * abs(mean_was)
    else:
        error = noise.run_sd * math.sqrt(1 / len(now) + 1 / was.seeds)
        far = t_quantile(share, max(1, noise.runs - 1)) * error
    above = metric.gain(mean_was, mean_now)
    return above if abs(above) > far else 0.0


def _fault(seen: Sequence[_Seen], history: History, metric: Metric) -> str:
    """Why a champion that is worse than its record falls; empty where it keeps its place."""
    if history.champion == BASELINE:
        return ""
    if not _still_holds(seen, history, metric):
        return "no better than what it is built on"
    if _lost_its_gain(seen, history, metric):
        return "most of its gain over what it is built on is gone"
    return ""


def _still_holds(seen: Sequence[_Seen], history: History, metric: Metric) -> bool:
    """Whether it is better, on average, than what it is built on; what fails there is worse.

    Less code promised no gain: it may be worse by its margin.
    """
    gains = [
        metric.gain(step.beside.value, step.own.value)
        for step in seen
        if isinstance(step.own, Measured) and isinstance(step.beside, Measured)
    ]
    verdict = history.experiments[history.champion].verdict
    if not gains or verdict is None or not is_simplification(verdict):
        return not gains or fmean(gains) > 0
    rounding = ROUNDING * max(abs(value) for value in _measured(seen))
    return fmean(gains) >= -max(float(verdict.evidence["simpler"]["margin"]), rounding)


def _lost_its_gain(seen: Sequence[_Seen], history: History, metric: Metric) -> bool:
    """Whether more than half of what it gained in its pairs is gone in these, beyond what noise takes.

    A machine that became slower takes what it is built on along. Where only the champion is worse, who
    mends it would be paid for the same gain twice, and who lets it rot on purpose again and again.
    """
    record = history.experiments[history.champion]
    if record.verdict is None or is_simplification(record.verdict):
        return False
    confirmed = pairs_of(record, Purpose.CONFIRM)
    then, now = (
        [
            (old.value, new.value)
            for old, new in both
            if isinstance(old, Measured) and isinstance(new, Measured)
        ]
        for both in (
            [(pair.reference, pair.candidate) for pair in confirmed],
            [(step.beside, step.own) for step in seen],
        )
    )
    if not then or not now:
        return False
    values = [*chain.from_iterable((*then, *now))]
    level = fmean(old for old, _ in then)
    noise = noise_among(noise_of(history), level, positive=are_positive(values))
    if noise.deterministic:  # it has no scale of its own
        noise = replace(noise, relative=min(values) > 0)
    gained, gains = (
        fmean(gain_on_scale(metric, old, new, noise) for old, new in both) for both in (then, now)
    )
    return gained - gains > max(gained / 2, record_width(noise))


def _measured(seen: Sequence[_Seen]) -> list[float]:
    return [step.own.value for step in seen if isinstance(step.own, Measured)]


def _record(seen: Sequence[_Seen], history: History) -> Together:
    """What the champion measured before this revisit."""
    here = {step.seed for step in seen}
    try:
        return standing(history, history.champion_commit).by_seed.without(here)
    except LookupError:
        return Together()


def _found(
    history: History, seen: Sequence[_Seen], reason: str, *, moved: bool = False, falls: bool = False
) -> Finding:
    number = history.champion
    runs = history.revisited.get(number, 0) + len(seen)
    end = Revisited(experiment=number, runs=runs, moved=moved, reason=reason)
    return Finding((end, taken_back(history, reason)) if falls else (end,))
