"""What happens in a study, in words: the same for terminals, logs and pages."""

from __future__ import annotations

from jumar.core.contract import Contract
from jumar.core.event import (
    AT_ONCE,
    Asked,
    Certified,
    Entry,
    Event,
    Held,
    Judged,
    Noticed,
    Probed,
    Proposed,
    Rebased,
    Refuted,
    Rested,
    Resumed,
    Revisited,
    Wish,
)
from jumar.core.experiment import BASELINE
from jumar.core.ledger import Condition, StudyRecord
from jumar.core.machine import circumstances_in_words
from jumar.core.verdict import Verdict
from jumar.reports.words import claim_in_words, gap_in_words, number
from jumar.rules.plain import plain, short

MOST_WORDS = 600  # that are shown of what somebody asked for

WISHES = {
    Wish.PAUSE: "asked to pause: what runs is finished, nothing new starts",
    Wish.RESUME: "asked to go on",
    Wish.STOP: "asked to stop: what runs is finished",
    Wish.TELL: "told",
    Wish.CERTIFY: "asked to certify when what runs has finished",
    Wish.PROBE: "asked for a look",
    Wish.PROBE_BEYOND: "asked for a look, whatever it takes",
    Wish.RETEST: "asked to try an experiment again",
    Wish.APPROVE: "approved",
    Wish.REJECT: "rejected",
    Wish.ADOPT: "asked to try what another ledger claims",
}


def doing_in_words(record: StudyRecord, by: str) -> str:
    """What a study is doing, and `by` whom; who ran it and died is not running it."""
    if by:
        return f"{record.condition.value}, by {by}"
    if record.condition in (Condition.RUNNING, Condition.PAUSED):
        return "resting: its process ended without a word; `jumar run` goes on"
    return f"{record.condition.value}: {record.reason}" if record.reason else record.condition.value


def _uncertified_gain(verdict: Verdict) -> str:
    """The gain, called uncertified where the reason beside it does not say so already."""
    if verdict.gain is None:
        return ""
    mark = "" if "uncertified" in verdict.reason else " (uncertified)"
    return f" {number(verdict.gain, signed=True)}{mark}"


def _asked_words(asked: Asked) -> str:
    """What a person asked for; of an adoption its name alone."""
    if asked.wish is Wish.STOP and asked.words == AT_ONCE:
        return "asked to stop now: what runs is ended"
    words = asked.words.partition(" ")[0] if asked.wish is Wish.ADOPT else asked.words
    return WISHES[asked.wish] + (f": {short(words, MOST_WORDS)}" if words else "")


def entry_words(entry: Entry, contract: Contract) -> str | None:
    """What happened, on one line; None for what is too small to be told."""
    said = _of_experiment(entry.event)
    match entry.event:
        case Certified(claim=claim):
            said = claim_in_words(claim, holdout=bool(contract.measure.hidden))
            said += f"; {gap}" if (gap := gap_in_words(claim)) else ""
        case Revisited(reason=words) | Noticed(words=words) | Probed(words=words) | Rebased(words=words):
            said = words
        case Asked() as asked:
            said = _asked_words(asked)
        case Resumed(pid=pid, host=host, under=under):
            runs = f"; runs: {circumstances_in_words(under)}" if under else ""
            said = f"taken up by process {pid} on {host}{runs}"
        case Rested(reason=reason):
            said = f"resting: {reason}"
    return plain(said) if said else None


def _of_experiment(event: Event) -> str:
    match event:
        case Proposed(experiment=experiment) if experiment.number != BASELINE:
            return f"#{experiment.number} proposed: {experiment.hypothesis}"
        case Proposed():
            return "measuring the unchanged target"
        case Judged(experiment=which, verdict=verdict):
            return f"#{which} {verdict.decision.value}{_uncertified_gain(verdict)}: {verdict.reason}"
        case Held(experiment=which, verdict=verdict):
            return f"#{which} waits for `jumar approve {which}`{_uncertified_gain(verdict)}: {verdict.reason}"
        case Refuted(experiment=which, reason=reason):
            return f"#{which} is taken back: {reason}"
    return ""
