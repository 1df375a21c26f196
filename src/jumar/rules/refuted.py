"""Owns which champions are taken back, refuted by a certification or failing, and who is champion again."""

from __future__ import annotations

from collections.abc import Mapping

from jumar.core.event import Refuted
from jumar.core.evidence import Evidence
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Measured, outcome_in_words
from jumar.core.verdict import Claim
from jumar.rules.history import History
from jumar.rules.judge import MOST_SPOILED
from jumar.rules.simpler import is_simplification


def last_certified(history: History, champion: int) -> tuple[int, Claim | None]:
    """The nearest experiment that `champion` is built on and that was certified, with its claim.

    The baseline, and no claim, where there is none.
    """
    claims = _claims(history)
    for number in ancestors(history, champion):
        claim = claims.get(number)
        if claim and claim.certified:
            return number, claim
    return BASELINE, None


def may_lose(history: History, champion: int) -> float | None:
    """What the keeps since the last certified champion might lose, in the metric's unit.

    None where each of them was kept for a gain. Where only simplifications were, their margin: all of them
    were paired with one anchor, so together they stay within one. Nothing where there are both: what was
    gained may have been spent on less code, and no more.
    """
    end, _ = last_certified(history, champion)
    since = [number for number in (champion, *ancestors(history, champion)) if number > end]
    verdicts = [verdict for number in since if (verdict := history.experiments[number].verdict)]
    margins = [float(kept.evidence["simpler"]["margin"]) for kept in verdicts if is_simplification(kept)]
    if not margins:
        return None
    return max(margins) if len(margins) == len(since) else 0.0


def refutations(history: History, claim: Claim) -> tuple[Refuted, ...]:
    """The keeps that a claim takes back, the newest first; none unless it refutes."""
    if not claim.refuted:
        return ()
    end, certified = last_certified(history, claim.experiment)
    fallen = [claim.experiment]
    fallen += [number for number in ancestors(history, claim.experiment) if number > end]
    events = []
    for number, before in zip(fallen, [*fallen[1:], end], strict=True):
        with_it = f"kept below experiment {claim.experiment}, of which certification said: "
        events.append(
            Refuted(
                experiment=number,
                champion=before,
                commit=history.experiments[before].experiment.commit,
                claim=certified if before == end else None,
                reason=claim.reason if number == claim.experiment else with_it + claim.reason,
            )
        )
    return tuple(events)


def fallen(history: History, evidence: Evidence) -> Refuted | None:
    """The end of a champion that goes on failing beside a candidate that works; None while it does not.

    Beside what fails as well the machine may be at fault. One keep falls: whether what it was built on
    fails too, its own pairs will show.
    """
    if history.champion == BASELINE or evidence.reference is not None:
        return None
    failures = [
        pair.reference
        for pair in evidence.pairs
        if isinstance(pair.candidate, Measured) and not isinstance(pair.reference, Measured)
    ]
    if len(failures) < MOST_SPOILED:
        return None
    words = f"its own runs gave no number in {len(failures)} pairs, beside a candidate that works"
    return taken_back(history, f"{words}: {outcome_in_words(failures[-1])}")


def taken_back(history: History, reason: str) -> Refuted:
    """The champion alone falls to what it was built on. It is not the baseline."""
    before = ancestors(history, history.champion)[0]
    claim = _claims(history).get(before)
    return Refuted(
        experiment=history.champion,
        champion=before,
        commit=history.experiments[before].experiment.commit,
        claim=claim if claim and claim.certified else None,
        reason=reason,
    )


def _claims(history: History) -> Mapping[int, Claim]:
    """The newest claim of each experiment that has one."""
    return {claim.experiment: claim for claim in history.claims}


def champion_at(history: History, commit: str) -> ExperimentRecord:
    """The champion, of now or of before, whose commit this is. Raises KeyError; every parent is one's."""
    for number in (*reversed(history.kept), BASELINE):
        if (record := history.experiments[number]).experiment.commit == commit:
            return record
    raise KeyError(commit)


def ancestors(history: History, number: int) -> list[int]:
    """What an experiment is built on: the champions before it, the newest first, the baseline last.

    By the keeps alone: a refused proposal has its champion's commit, and would be its own ancestor.
    """
    by_commit = {history.experiments[kept].experiment.commit: kept for kept in (BASELINE, *history.kept)}
    found: list[int] = []
    while number != BASELINE:
        number = by_commit[history.experiments[number].experiment.parent]
        found.append(number)
    return found
