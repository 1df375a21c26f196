"""Owns the verdict: from everything that is known of an experiment to an end, or to what to run next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from msgspec.structs import replace

from jumar.core.evidence import Evidence, Want
from jumar.core.outcome import MOST, Failed, Measured, Outcome, Stopped
from jumar.core.run import Purpose
from jumar.core.verdict import Decision, Verdict
from jumar.rules.error_budget import evidence_needed
from jumar.rules.evalue import Spread, interval, log_evidence
from jumar.rules.frozen import is_frozen, may_be_searched
from jumar.rules.guards import broken_guard, with_strictness
from jumar.rules.items import item_differences, sd_of_mean
from jumar.rules.noise import pair_spread
from jumar.rules.quarantine import STRICT_PAIRS, doubt_of, is_impossible
from jumar.rules.record import ROUNDING, before, off_record
from jumar.rules.scale import gain_in_unit, gain_on_scale, noise_among, sd_in_unit
from jumar.rules.screen import screen
from jumar.rules.simpler import WORST_SCREEN, is_hopeless, is_no_better, is_no_worse

# Hopeless: the pairs speak against a gain of 1.5 spreads by so much. Found by simulation
# (docs/judge.md).
DROP_AT = -0.4
DROP_EFFECT = (1.5,)

# The champion's own runs failing is not the candidate's fault, but a machine on which they go on
# failing must not spend for ever.
MOST_SPOILED = 3

# A single pair may be one wild run of the champion.
FEWEST_PAIRS = 2


def judge(evidence: Evidence) -> Verdict | Want:
    """The verdict on an experiment, or what has to be run before there can be one.

    Pure: the same evidence gives the same answer, so an old ledger can be judged anew. In order:
    the screen, its guards, the contract's checks, then pairs one by one until the evidence for a
    gain keeps, or that against one drops, or `confirmations` pairs are made. Less code is kept as
    soon as the evidence rules out a loss beyond the margin. A run that failed is
    never a number, and one that was stopped early never a reason to keep. What is too good to be
    believed at once is quarantined: its pairs are scored strictly, and more of them are needed.
    """
    noise = noise_among(evidence.noise, evidence.baseline.value, positive=evidence.is_positive)
    if noise is not evidence.noise:  # the margin of less code is one of the scale that was left
        evidence = replace(evidence, noise=noise, margin=0.0)
    answer, doubt = _judged(evidence), doubt_of(evidence)
    if not doubt:
        return answer
    if isinstance(answer, Want):
        is_pair = answer.purpose is Purpose.CONFIRM
        return replace(answer, strict=True, why=f"{answer.why}; quarantined: {doubt}") if is_pair else answer
    strict = sum(pair.strict for pair in evidence.pairs)
    return replace(
        answer,
        reason=f"{answer.reason}; quarantined, as {doubt}"
        + f" (until {strict} pairs were scored strictly)" * (answer.decision is Decision.KEPT),
        evidence={**answer.evidence, "quarantine": {"why": doubt, "strict_pairs": strict}},
    )


def _judged(evidence: Evidence) -> Verdict | Want:
    outcome = evidence.screen
    if outcome is None:
        return Want(purpose=Purpose.SCREEN, why="never run")
    if verdict := _no_number(outcome, "screen"):
        return verdict
    assert isinstance(outcome, Measured)
    if answer := _first_look(outcome, evidence) or _unchecked(evidence) or _impossible(evidence):
        return answer
    if evidence.noise.deterministic:
        return _keep_at_once(outcome, evidence)
    return _confirmed(evidence)


def _first_look(outcome: Measured, evidence: Evidence) -> Verdict | None:
    """The end of what its first run alone speaks against.

    Once it has passed, its pairs decide: they and other experiments move the noise and what champion and
    baseline are worth, and the bar with them. Without noise nothing moves.
    """
    if evidence.confirming and not evidence.noise.deterministic:
        return None
    if broken := broken_guard(evidence.guards, outcome.others, evidence.baseline.others):
        return _discard(broken, _seen(evidence))
    return _screened(outcome, evidence)


def _no_number(outcome: Outcome, which: str) -> Verdict | None:
    """The end of an experiment whose own run gave no number."""
    if isinstance(outcome, Failed):
        reason = f"{outcome.why.value}: {outcome.detail}" if outcome.detail else outcome.why.value
        return Verdict(decision=Decision.FAILED, reason=reason, evidence={"run": which})
    if isinstance(outcome, Stopped):
        return _discard(f"stopped at {outcome.progress:.0%} of the budget: {outcome.detail}", {"run": which})
    return None


def _screened(outcome: Measured, evidence: Evidence) -> Verdict | None:
    """The end of a candidate that one look shows not to be promising."""
    if not evidence.alike:
        return None  # nothing that it could be compared with: a pair is
    if evidence.noise.deterministic:
        return _no_gain(evidence.champion.value, outcome.value, evidence)
    seen = screen(outcome.value, evidence)
    if seen.promising or (evidence.margin and seen.gain > -WORST_SCREEN * seen.sd):
        return None
    how = f"{-seen.gain:.3g} worse" if seen.gain < 0 else f"only {seen.gain:.3g} better"
    needed = f"{seen.needed:.3g} better earns a second look"
    if evidence.margin:
        needed = f"with less code, less than {WORST_SCREEN * seen.sd:.3g} worse earns a second look"
    reason = f"{evidence.metric.name} {outcome.value:.5g} is {how} than the champion; {needed}"
    return _discard(reason, _seen(evidence), seen.gain)


def _no_gain(old: float, new: float, evidence: Evidence) -> Verdict | None:
    """The end of what is no better than the champion's `old`, without noise; equal suffices for less code."""
    gain, rounding = evidence.metric.gain(old, new), ROUNDING * max(abs(old), abs(new))
    if gain > rounding or (evidence.saved and gain >= -rounding):
        return None
    how = "equal to" if gain >= 0 else f"{-gain:.4g} worse than"
    return _discard(f"{evidence.metric.name} is {how} the champion's {old:.6g}", _seen(evidence), gain)


def _unchecked(evidence: Evidence) -> Verdict | Want | None:
    for outcome in evidence.checked:
        if not isinstance(outcome, Measured):
            return _discard(f"check failed: {outcome.detail}", _seen(evidence))
    if len(evidence.checked) < evidence.checks:
        return Want(purpose=Purpose.CHECK, why=f"check {len(evidence.checked) + 1} of {evidence.checks}")
    return None


def _impossible(evidence: Evidence) -> Verdict | None:
    """The end of what stays better than anything can be, however strictly it is scored."""
    for pair in evidence.pairs:
        found = pair.candidate
        if pair.strict and isinstance(found, Measured) and is_impossible(found.value, evidence):
            return Verdict(
                decision=Decision.INVALID,
                reason=f"{evidence.metric.name} is {found.value:.6g} on a fresh seed too, scored strictly",
                code="beyond-bound",
                evidence=_seen(evidence),
            )
    return None


def _keep_at_once(outcome: Measured, evidence: Evidence) -> Verdict | Want:
    """Without noise one run decides, once a second seed has shown that the candidate has none either.

    An edit that makes the metric a matter of luck would otherwise keep its luckiest draw.
    """
    pairs = [pair for pair in evidence.pairs if pair.strict or not doubt_of(evidence)]
    pair = next((pair for pair in pairs if pair.alike and isinstance(pair.reference, Measured)), None)
    if pair is None:
        wanted = Want(purpose=Purpose.CONFIRM, why="is it without noise on another seed too?")
        return _spoiled(len(pairs), evidence) or wanted
    if verdict := _no_number(pair.candidate, f"pair with seed {pair.seed}"):
        return verdict
    assert isinstance(pair.candidate, Measured) and isinstance(pair.reference, Measured)
    champion = pair.reference.value  # what was stored may be of another day
    told = _Told(pair.seed, pair.candidate, pair.reference, pair.strict)
    if verdict := _below_record([told], evidence) or _no_gain(champion, outcome.value, evidence):
        return verdict
    if abs(pair.candidate.value - outcome.value) > ROUNDING * abs(outcome.value):
        return _discard(
            f"{evidence.metric.name} is {outcome.value:.6g} on one seed and {pair.candidate.value:.6g} on "
            "another, where the unchanged target has no noise: too little to tell from luck",
            _seen(evidence) | {"near_miss": True},
        )
    gain, seen = evidence.metric.gain(champion, outcome.value), _seen(evidence)
    words = f"{gain:.4g} better"
    if gain <= ROUNDING * max(abs(champion), abs(outcome.value)):
        gain, words = 0.0, f"equal, with {evidence.saved} fewer syntax-tree nodes"
        seen["simpler"] = {"nodes": evidence.saved, "margin": 0.0, "gain": 0.0}
    return Verdict(
        decision=Decision.KEPT,
        reason=f"{evidence.metric.name} {outcome.value:.6g}: {words}, uncertified: the metric has no noise",
        gain=gain,
        interval=(gain, gain),
        evidence=seen,
    )


def _confirmed(evidence: Evidence) -> Verdict | Want:
    pairs: list[_Told] = []
    spoiled = 0
    for pair in evidence.pairs:
        if not pair.alike or not isinstance(pair.reference, Measured):
            spoiled += 1
            continue
        if verdict := _no_number(pair.candidate, f"pair with seed {pair.seed}"):
            return verdict
        assert isinstance(pair.candidate, Measured)
        pairs.append(_Told(pair.seed, pair.candidate, pair.reference, pair.strict))
        if verdict := _weighed(pairs, evidence):
            return verdict
    why = f"pair {len(pairs) + 1} of at most {evidence.confirmations}"
    return _spoiled(spoiled, evidence, pairs) or Want(purpose=Purpose.CONFIRM, why=why)


def _spoiled(spoiled: int, evidence: Evidence, pairs: Sequence[_Told] = ()) -> Verdict | None:
    """The end of what cannot be compared, as the champion's own runs go on failing."""
    if spoiled < MOST_SPOILED:
        return None
    reason = f"undecided: the champion's own run gave no number in {spoiled} pairs"
    if any(not pair.alike for pair in evidence.pairs):
        reason += ", or none that compares"
    return _discard(reason, _seen(evidence, pairs))


class _Told(NamedTuple):
    """A pair of which both sides gave a number."""

    seed: int
    candidate: Measured
    reference: Measured
    strict: bool


_Keep = Callable[[Sequence[_Told], Evidence], Verdict]


def _weighed(pairs: Sequence[_Told], evidence: Evidence) -> Verdict | None:
    """What the pairs so far decide; None when another is wanted."""
    gains, spread = _gains(pairs, evidence), pair_spread(evidence.noise)
    gain = _gain_in_unit(pairs, evidence)
    if keep := _won(gains, spread, evidence):
        if doubt_of(evidence) and sum(pair.strict for pair in pairs) < STRICT_PAIRS:
            return None  # quarantined, and too few pairs were scored strictly yet
        return _frozen(pairs, evidence) or _below_record(pairs, evidence) or keep(pairs, evidence)
    words = f"{gain:+.3g} on average of {len(pairs)} pair{'s' if len(pairs) > 1 else ''}"
    is_open = evidence.margin and not is_hopeless(gains, spread, evidence.margin)
    if not is_open and log_evidence(gains, spread, effects=DROP_EFFECT) <= DROP_AT:
        return _discard(f"did not hold: {words}", _seen(evidence, pairs), gain)
    if len(pairs) >= evidence.confirmations:
        seen = _seen(evidence, pairs) | {"near_miss": gain > 0}
        return _discard(f"undecided: {words}, too little to tell from luck", seen, gain)
    return None


def _won(gains: Sequence[float], spread: Spread, evidence: Evidence) -> _Keep | None:
    """How the pairs may be kept: for a gain, or for less code; None while they show neither."""
    if len(gains) < FEWEST_PAIRS:
        return None
    if log_evidence(gains, spread) >= _needed(evidence):
        return _keep
    return _keep_simpler if evidence.margin and is_no_worse(gains, spread, evidence.margin) else None


def _keep(pairs: Sequence[_Told], evidence: Evidence) -> Verdict:
    held = [pair for pair in pairs if pair.strict] or pairs
    names = set.intersection(*(set(pair.candidate.others) for pair in held))
    others = {name: fmean(pair.candidate.others[name] for pair in held) for name in names}
    level, ends = fmean(pair.reference.value for pair in pairs), _interval(pairs, evidence)
    gain, seen = _gain_in_unit(pairs, evidence), _seen(evidence, pairs)
    allowed = evidence.baseline.others
    if held[0].strict:
        allowed = with_strictness(allowed, evidence.champion.others, [pair.reference.others for pair in held])
    if broken := broken_guard(evidence.guards, others, allowed):
        return _discard(broken, seen, gain)
    return Verdict(
        decision=Decision.KEPT,
        reason=f"{evidence.metric.name} better by {gain:.3g} ({gain / abs(level or 1.0):.2%}) in "
        f"{len(pairs)} pairs{_ends_in_words(ends)}, uncertified",
        gain=gain,
        interval=ends,
        evidence=seen,
    )


def _interval(pairs: Sequence[_Told], evidence: Evidence) -> tuple[float, float] | None:
    """The gains in the metric's unit that the pairs leave open; None where these have no end."""
    level = fmean(pair.reference.value for pair in pairs)
    low, high = (
        gain_in_unit(evidence.metric, end, level, evidence.noise)
        for end in interval(_gains(pairs, evidence), pair_spread(evidence.noise))
    )
    return (low, high) if max(abs(low), abs(high)) < MOST else None


def _ends_in_words(ends: tuple[float, float] | None) -> str:
    return f", 95 % interval {ends[0]:.3g} to {ends[1]:.3g}" if ends else ""


def _keep_simpler(pairs: Sequence[_Told], evidence: Evidence) -> Verdict:
    """Kept for its code: it may be better or worse by less than the margin, and promises nothing."""
    gains, margin = _gains(pairs, evidence), evidence.margin
    kept = _keep(pairs, evidence)
    if kept.decision is not Decision.KEPT:
        return kept
    level = fmean(pair.reference.value for pair in pairs)
    most = gain_in_unit(evidence.metric, margin, level, evidence.noise)
    both = is_no_better(gains, pair_spread(evidence.noise), margin)
    how = f"equal within ±{most:.3g}" if both else f"no worse than by {most:.3g}"
    reason = (
        f"simpler: {evidence.saved} fewer syntax-tree nodes, {how} in {len(pairs)} pairs: {kept.gain:+.3g}"
        f"{_ends_in_words(kept.interval)}"
    )
    simpler = {"nodes": evidence.saved, "margin": most, "gain": fmean(gains)}
    return replace(kept, reason=reason, evidence={**kept.evidence, "simpler": simpler})


def _needed(evidence: Evidence) -> float:
    return evidence_needed(evidence.test, evidence.keeps, evidence.false_keeps)


def _frozen(pairs: Sequence[_Told], evidence: Evidence) -> Verdict | None:
    """The end of a candidate whose gain may be one lucky seed, written down."""
    assert isinstance(evidence.screen, Measured)
    values = [evidence.screen.value, *(pair.candidate.value for pair in pairs)]
    gain = fmean(_gains(pairs, evidence))
    if not is_frozen(values, [pair.reference.value for pair in pairs], evidence.noise):
        return None
    if not may_be_searched(gain, evidence.noise):
        return None
    reason = (
        f"{evidence.metric.name} is {values[-1]:.6g} on every seed, where the unchanged target's varies: "
        f"it does not follow JUMAR_SEED, and so small a gain may be one lucky seed, written down"
    )
    return _discard(reason, _seen(evidence, pairs), _gain_in_unit(pairs, evidence))


def _below_record(pairs: Sequence[_Told], evidence: Evidence) -> Verdict | None:
    """The end of what was compared with a champion, or anchor, that ran far worse than it did before.

    It may lose on purpose where it can tell that it is the reference. A candidate is no better for that.
    """
    beside = {pair.seed: pair.reference.value for pair in pairs}
    if off_record(beside, evidence) >= 0:
        return None
    reason = (
        f"undecided: the champion's own runs were far below its record: {evidence.metric.name} is "
        f"{fmean(beside.values()):.5g} in {len(pairs)} pairs and was {before(evidence, beside).mean:.5g}"
    )
    told = () if evidence.noise.deterministic else pairs
    seen = _seen(evidence, told) | {"near_miss": True, "below_record": True}
    return _discard(reason, seen, _gain_in_unit(pairs, evidence))


def _gains(pairs: Sequence[_Told], evidence: Evidence) -> list[float]:
    """On the scale on which values are compared."""
    return [
        gain_on_scale(evidence.metric, pair.reference.value, pair.candidate.value, evidence.noise)
        for pair in pairs
    ]


def _gain_in_unit(pairs: Sequence[_Told], evidence: Evidence) -> float:
    return fmean(evidence.metric.gain(pair.reference.value, pair.candidate.value) for pair in pairs)


def _discard(reason: str, seen: Mapping[str, Any], gain: float | None = None) -> Verdict:
    return Verdict(decision=Decision.DISCARDED, reason=reason, gain=gain, evidence=seen)


def _seen(evidence: Evidence, pairs: Sequence[_Told] = ()) -> dict[str, Any]:
    """What the verdict rests on, as JSON."""
    noise = evidence.noise
    seen: dict[str, Any] = {
        "champion": evidence.champion.value,
        "champion_runs": evidence.champion.runs,
        "run_sd": sd_in_unit(noise.run_sd, evidence.champion.value, noise),
        "pair_sd": sd_in_unit(noise.pair_sd, evidence.champion.value, noise),
        "noise_runs": noise.runs,
    }
    if isinstance(evidence.screen, Measured) and not noise.deterministic:
        look = screen(evidence.screen.value, evidence)
        seen["screen"] = {
            "value": evidence.screen.value,
            "seed": evidence.screen_seed,
            "expected": look.expected,
            "gain": look.gain,
            "needed": look.needed,
        }
    if pairs:
        gains, spread = _gains(pairs, evidence), pair_spread(noise)
        if differences := item_differences((pair.candidate, pair.reference) for pair in pairs):
            seen["items_sd"] = sd_of_mean(differences) * abs(evidence.champion.value)
        if off_record({pair.seed: pair.reference.value for pair in pairs}, evidence) > 0:
            seen["above_record"] = True
        seen["test"] = evidence.test
        seen["keep_at"] = _needed(evidence)
        seen["pairs"] = [
            {
                "seed": pair.seed,
                "candidate": pair.candidate.value,
                "reference": pair.reference.value,
                "gain": evidence.metric.gain(pair.reference.value, pair.candidate.value),
                "log_evidence": log_evidence(gains[: n + 1], spread),
            }
            for n, pair in enumerate(pairs)
        ]
    return seen
