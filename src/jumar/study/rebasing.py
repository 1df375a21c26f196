"""Moves what waits for its first run on with the champion: the same change, on what is best by now."""

from __future__ import annotations

from jumar.core.event import Judged
from jumar.core.verdict import OVERTAKEN, Decision, Verdict
from jumar.errors import Breach
from jumar.study.proposing import Proposer
from jumar.study.queue import Queue
from jumar.study.recorder import Recorder


class Rebasing:
    """Keeps every experiment without a run on the champion; one that does not fit there is withdrawn.

    So is what was handed in from outside and waits for its turn. A withdrawn one used nothing but thought:
    it counts for no limit, and its agent is told of it when it is asked next. A crash in between leaves a
    ref ahead of the record, and the next sitting moves both.
    """

    def __init__(self, recorder: Recorder, queue: Queue, proposer: Proposer) -> None:
        self._recorder, self._queue, self._proposer = recorder, queue, proposer
        self._seen = ""  # the champion on which everything that was handed in was looked at

    def bring_up(self) -> tuple[int, ...]:
        """Move on what has to; the numbers of those whose first run was in line, to go there again."""
        history, again = self._recorder.history, []
        for number in history.waiting:
            if history.experiments[number].experiment.parent == history.champion_commit:
                continue
            was_in_line = self._queue.holds(number)
            self._queue.forget(number)
            try:
                self._proposer.move_on(number)
            except Breach as breach:
                reason = f"{OVERTAKEN}: {breach.problem}"
                verdict = Verdict(decision=Decision.INVALID, reason=reason, code=breach.code, withdrawn=True)
                self._recorder.note(Judged(experiment=number, verdict=verdict))
            else:
                again += [number] if was_in_line else []
        if self._seen != history.champion_commit:
            self._seen = history.champion_commit
            self._proposer.withdraw_overtaken()
        return tuple(again)
