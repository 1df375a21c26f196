"""The agents of a study: whose turn it is, who has nothing left, and who has dropped out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from jumar.core.agent import AnyAgent, Team
from jumar.core.experiment import BASELINE
from jumar.errors import AgentFailed
from jumar.rules.bandit import LATEST, Earned, by_gain
from jumar.rules.history import History
from jumar.rules.polish import authors_of
from jumar.rules.shares import Turns

# An agent whose trouble may pass is asked again after so many experiments of the others.
SITS_OUT = 20


class Roster:
    """Picks the next agent so that proposals follow the shares, from what the ledger says of the past.

    Nobody waits for one that thinks: the others go on meanwhile, and it is owed what it missed, up to
    a bound. Who drops out does so for this sitting.
    """

    def __init__(self, team: Team, history: History) -> None:
        self._team, self._history = team, history
        self._turns = Turns(team.members)
        self._counted = 0
        self._empty: dict[str, object] = {}  # agent → how the study stood when it had nothing left
        self._out: dict[str, float] = {}  # agent → from which experiment on it may be asked again
        self._let_in: dict[str, object] = {}  # agent → how the study stood when it was let in before that

    @property
    def members(self) -> Mapping[str, AnyAgent]:
        """Everybody who ever has a turn."""
        return self._team.members

    def next(self, busy: Collection[str], thinking: Sequence[str] = ()) -> AnyAgent | None:
        """Who is to be asked now, and is not `busy`; None while everybody is, or there is nobody.

        `thinking` names each agent as often as it thinks: those are proposals to come.
        """
        self._count()
        away = {name for name in self._team.members if name in busy or self._is_away(name)}
        asked = [name for name in thinking if name not in away]
        order = self._turns.order(self._shares(), away, asked)
        # What was answered before a crash is paid for, and waits to be used.
        paid = Counter(name for name, _ in self._history.questions)
        waiting = [name for name in order if paid[name] > thinking.count(name)]
        names = [*waiting, *order]
        return self._team.members[names[0]] if names else None

    @property
    def exhausted(self) -> bool:
        """Whether nobody has anything left; for another champion there may be something.

        Before the study rests, whoever sits out a trouble that may pass is let in, once as it stands.
        """
        if not all(map(self._is_away, self._team.members)):
            return False
        stand = self._stand()
        for name in [name for name, back in self._out.items() if math.isfinite(back)]:
            if self._let_in.get(name) != stand:
                self._let_in[name] = stand
                del self._out[name]
        return all(map(self._is_away, self._team.members))

    def has_nothing(self, name: str) -> str:
        """An agent has nothing left to propose on the champion as it is; what to say where others go on."""
        self._empty[name] = self._stand()
        others = [each for each in self._team.members if not self._is_away(each)]
        return f"{name} has nothing left to propose on this champion, and {_go_on(others)}" if others else ""

    def drop(self, name: str, failed: AgentFailed) -> str:
        """Leave an agent out that cannot go on; what to say of it. Raises `failed` where nobody is left."""
        others = [each for each in self._team.members if each != name and each not in self._out]
        if not others:
            raise failed
        back = len(self._history.experiments) + SITS_OUT if failed.passing else math.inf
        self._out[name] = back
        until = f"until experiment {back:.0f}" if failed.passing else "until the study is taken up again"
        fix = f" ({failed.fix})" if failed.fix else ""
        return f"{name} drops out {until}, and {_go_on(others)}: {failed.problem}{fix}"

    def _is_away(self, name: str) -> bool:
        if len(self._history.experiments) >= self._out.get(name, math.inf):
            del self._out[name]
        return name in self._out or self._empty.get(name) == self._stand()

    def _stand(self) -> object:
        history = self._history
        return history.champion, len(history.kept), len(history.claims)

    def _count(self) -> None:
        shares = self._shares()
        for number in range(self._counted, len(self._history.experiments)):
            record = self._history.experiments[number]
            self._counted += 1
            if record.number != BASELINE and "retest_of" not in record.experiment.details:
                self._turns.took(record.experiment.agent, shares)

    def _shares(self) -> dict[str, float]:
        shares = dict(self._team.shares)
        return by_gain(shares, self._earned()) if self._team.bandit else shares

    def _earned(self) -> Iterator[Earned]:
        records = [*islice(reversed(self._history.experiments.values()), LATEST)][::-1]
        authors = authors_of(records)
        for record in records:
            verdict = record.verdict
            if record.number == BASELINE or verdict is None:
                continue
            level = abs(float(verdict.evidence.get("champion", 0.0))) or 1.0
            gain = (verdict.gain or 0.0) / level if record.stands else 0.0
            spent = sum(run.report.wall_s for run in record.runs if run.report)
            seconds = spent + record.experiment.cost.seconds
            yield Earned(agent=authors[record.number], gain=gain, seconds=seconds)


def _go_on(names: list[str]) -> str:
    return f"{' and '.join(names)} {'goes' if len(names) == 1 else 'go'} on"
