"""What to do next with a study, each as a sentence and the command that does it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from jumar.core.agent import NOTHING_LEFT
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import Condition
from jumar.reports.findings import MOST_NEAR_MISSES
from jumar.reports.values import Values, tried
from jumar.reports.words import percent, plural

if TYPE_CHECKING:
    from jumar.reports.summary import Summary

MANY_FAILURES = 0.3  # share of experiments; half of that is what tuners and models lose as a rule
LONG_DROUGHT = 30  # experiments without a keep
FEW_EQUALS = 3  # experiments that all measured the same as the unchanged target
CERTIFY = "jumar certify"
APPROVE = "jumar approve"


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, and the command for it where there is one."""

    words: str
    command: str = ""
    stops: bool = False  #: until it is done, running the study again gets no further


def of_study(advice: Advice, study: str) -> Advice:
    """The same with the study named in its command: whoever reads it later may have a newer one."""
    if not advice.command.startswith("jumar ") or advice.command.endswith("--new"):
        return advice
    return replace(advice, command=f"{advice.command} --study {shlex.quote(study)}")


def advise(
    summary: Summary, experiments: Sequence[ExperimentRecord], values: Values | None = None
) -> tuple[Advice, ...]:
    """What the record suggests, the most urgent first."""
    found = (
        _approve(experiments),
        _nothing_proposed(summary),
        _reach_the_metric(summary, experiments, values or Values(experiments)),
        _measure_better(summary),
        _certify(summary),
        _read_changes(summary),
        _mend_failures(summary),
        _retry_near_misses(summary),
        _leave_plateau(summary, experiments),
        _finished(summary),
    )
    return tuple(advice for advice in found if advice)


def _approve(experiments: Sequence[ExperimentRecord]) -> Advice | None:
    held = [record.number for record in experiments if record.held]
    if not held:
        return None
    these = " and ".join(f"experiment {number}" for number in held[:3])
    more = f" and {plural(len(held) - 3, 'other')}" if held[3:] else ""
    return Advice(
        words=f"For your approval {'waits' if len(held) == 1 else 'wait'} {these}{more}: read what changed "
        f"(`jumar diff {held[0]}`), then approve or reject it.",
        command=f"{APPROVE} {held[0]}",
    )


def _nothing_proposed(summary: Summary) -> Advice | None:
    if summary.reason != NOTHING_LEFT:
        return None
    words = "The agent has nothing left to propose: every value within its reach was tried. "
    then = (
        "The tuner turns values that are written in the editable files (docs/tuner.md says which, and how to "
        "widen their ranges): write more, commit, and start another study."
    )
    if not summary.experiments:
        words = "The agent had nothing to propose. "
    elif not any(share.agent.startswith("tuner") for share in summary.agents):
        words, then = "The agent has nothing left to propose. ", "Start another study with another one."
    return Advice(words=f"{words}{then}", command="jumar run --new", stops=True)


def _reach_the_metric(
    summary: Summary, experiments: Sequence[ExperimentRecord], values: Values
) -> Advice | None:
    measured = [record.number for record in tried(experiments) if values.of(record) is not None]
    found = {values.of(record) for record in experiments} - {None}
    if len(measured) < FEW_EQUALS or found != {summary.baseline.value}:
        return None
    return Advice(
        words=f"The metric never changed in {plural(len(measured), 'experiment')}: does the edit reach what "
        "is measured?",
        command=f"jumar diff {measured[-1]}",
        stops=True,
    )


def _finished(summary: Summary) -> Advice | None:
    if summary.condition != Condition.FINISHED.value or summary.baseline.value is None:
        return None
    if summary.is_certified:
        then = "To build on what it found, merge its branch and start another."
    elif summary.standing_keeps:
        then = "Certify what was kept before another study builds on it."
    else:
        then = "Another study may find more with another agent, another budget or more to edit."
    return Advice(
        # Not `reason`: after a certification that is what came of it, and no limit.
        words="A limit of the contract was reached. To let the study go on, raise the limit in [limits] "
        f"of jumar.toml and say `jumar run`. {then}",
        command="" if summary.standing_keeps and not summary.is_certified else "jumar run --new",
        stops=True,
    )


def _measure_better(summary: Summary) -> Advice | None:
    if not summary.self_reported:
        return None
    return Advice(
        words="Every number here is self-reported: the code under test printed it. Before you rely on one, "
        "give the contract a scorer ([measure] score) that the candidate cannot reach."
    )


def _certify(summary: Summary) -> Advice | None:
    if not summary.standing_keeps:
        return None
    if summary.claim is None:
        words = "The gain is uncertified: measure it on fresh seeds before you repeat it or merge the branch."
    elif not summary.claim_is_current:
        words = "The champion has moved since the last certification, and is uncertified itself."
    elif not summary.claim.certified:
        words = (
            f"The champion is still uncertified ({summary.claim.reason}): nothing speaks for merging it yet. "
            "Certifying again adds fresh pairs to those that it had."
        )
    else:
        return None
    return Advice(words=words, command=CERTIFY)


def _read_changes(summary: Summary) -> Advice | None:
    if not summary.standing_keeps:
        return None
    count = len(summary.standing_keeps)
    changes = "kept change" if count == 1 else f"{count:,} kept changes"
    return Advice(
        words=f"Read the {changes} before merging: what the score does not value "
        "may have been given up for it.",
        command=f"git diff {summary.baseline.commit[:10]} {summary.champion.commit[:10]}",
    )


def _mend_failures(summary: Summary) -> Advice | None:
    lost = summary.decisions["failed"] + summary.decisions["invalid"]
    if not summary.failures or lost < MANY_FAILURES * summary.experiments:
        return None
    worst = summary.failures[0]
    return Advice(
        words=f"{percent(lost / summary.experiments)} of the experiments gave no number, most often: "
        f"{worst.why}. Tell the agents what to keep clear of, or raise the limit that is in the way.",
        command=f"jumar show {worst.examples[-1]}",
    )


def _retry_near_misses(summary: Summary) -> Advice | None:
    if not summary.near_misses:
        return None
    best, count = summary.near_misses[0], len(summary.near_misses)
    at_least = "At least " if count == MOST_NEAR_MISSES else ""
    return Advice(
        words=f"{at_least}{plural(count, 'change')} looked better and could not be told from noise; "
        f"the best of them is experiment {best.experiment} ({percent(best.gain, signed=True)}, uncertified). "
        f"A longer budget, or more confirmations, would settle {'it' if count == 1 else 'them'}.",
        command=f"jumar show {best.experiment}",
    )


def _leave_plateau(summary: Summary, experiments: Sequence[ExperimentRecord]) -> Advice | None:
    judged = [record for record in tried(experiments) if record.verdict]
    since = 0
    for record in reversed(judged):
        if record.is_kept:
            break
        since += 1
    if since >= LONG_DROUGHT:
        return Advice(
            words=f"Nothing was kept in the last {since:,} experiments. Tell the agents where else to look "
            "(those that read words; the tuner does not), or start another study that may edit more or runs "
            "at a larger scale.",
            command="jumar tell 'try …'",
        )
    if summary.condition != Condition.RESTING.value or not summary.standing_keeps:
        return None
    if summary.reason == NOTHING_LEFT:
        return None
    return Advice(words="It was still finding gains when it stopped. Let it go on.", command="jumar run")
