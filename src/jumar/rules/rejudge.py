"""Judges an old record anew: which verdicts would be others under today's judge, or other settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from jumar.core.contract import Contract
from jumar.core.event import Entry, Judged
from jumar.core.evidence import Want
from jumar.core.experiment import BASELINE
from jumar.core.verdict import ALONE, Decision, Verdict
from jumar.rules.evidence import evidence_for
from jumar.rules.history import History
from jumar.rules.judge import judge


class Rejudged(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment, as it was judged and as it would be now."""

    number: int
    was: Verdict
    now: Verdict | None  #: None: the judge would want to see more
    wants: str = ""  #: what, in words

    @property
    def changed(self) -> bool:
        """Whether the decision is another one."""
        return self.now is None or self.now.decision is not self.was.decision


def rejudge(entries: Iterable[Entry], contract: Contract) -> Iterator[Rejudged]:
    """Every verdict of a study beside the one that `judge` gives now, in the order they were given.

    Each rests on what had been recorded by then, and on the champions that there really were: a keep
    that would not be one any more still stands under what was built on it. Verdicts that the judge
    did not give (refused proposals, overtaken experiments) are left out.
    """
    history = History()
    for entry in entries:
        event = entry.event
        if isinstance(event, Judged) and _was_judged(event, history):
            answer = judge(evidence_for(event.experiment, history, contract))
            if isinstance(answer, Want):
                yield Rejudged(number=event.experiment, was=event.verdict, now=None, wants=answer.why)
            else:
                yield Rejudged(number=event.experiment, was=event.verdict, now=answer)
        history.apply(entry)


def _was_judged(event: Judged, history: History) -> bool:
    """Whether the judge gave a verdict: it always says what it saw.

    The loop saw nothing, but for what an overtaken change gave alone; a person who rejects is no judge.
    """
    number, verdict = event.experiment, event.verdict
    if number == BASELINE or not verdict.evidence or ALONE in verdict.evidence:
        return False
    return number not in history.held or verdict.decision is Decision.KEPT
