"""What a commit's runs add up to: reading it costs the same after ten runs and after ten thousand.

Where its runs were made under several circumstances, what was measured under each adds up apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from statistics import median

from msgspec.structs import replace

from jumar.core.by_seed import BySeed
from jumar.core.evidence import Standing
from jumar.core.machine import Circumstances, alike
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, Run, RunRecord, Side

# Certifying runs are scored on the holdout, and checks give no value.
COMPARABLE = frozenset({Purpose.BASELINE, Purpose.SCREEN, Purpose.CONFIRM, Purpose.REVISIT})
RECENT = 50  # runs whose duration says how long the next one will take


class Means:
    """Running means of one commit's measurements, its curves, and how long its runs take."""

    def __init__(self) -> None:
        self._fresh, self._screens = _Under(), _Under()
        self._told: set[tuple[int, Purpose, int, int, Side, Circumstances | None]] = set()
        self._walls_s: deque[float] = deque(maxlen=RECENT)
        self.curves: dict[int, str] = {}  # seed → digest of the curve
        self.experiments: dict[int, None] = {}  # for which it was run

    def add(self, record: RunRecord) -> None:
        """Take in a run that has its outcome. Each is given once."""
        run, outcome = record.run, record.outcome
        self.experiments[run.experiment] = None
        if digest := record.artefacts.get("curve"):
            self.curves[run.seed] = digest
        if not isinstance(outcome, Measured):
            return
        if record.ended_at is not None:
            self._walls_s.append(record.ended_at - record.started_at)
        # Of a pair that is repeated, the side that was finished before measured this commit already.
        place = (run.experiment, run.purpose, run.pair, run.seed, run.side, record.under)
        if run.purpose in COMPARABLE and place not in self._told:
            self._told.add(place)
            kind = self._screens if run.purpose is Purpose.SCREEN else self._fresh
            kind.add(run, outcome, record.under)

    def standing(self, under: Circumstances | None = None) -> Standing:
        """The commit's own measurements, of runs that compare with those made `under` circumstances.

        Raises LookupError when there are none. The run that made a candidate look promising is left out
        as soon as there are others: a champion is never worth the lucky draw that won.
        """
        fresh, screens = self._fresh.like(under), self._screens.like(under)
        sums = fresh if fresh.runs else screens
        if not sums.runs:
            raise LookupError("never measured")
        standing = sums.standing()
        return standing if standing.others else replace(standing, others=screens.others())

    def knows(self, under: Circumstances | None) -> bool:
        """Whether there is a measurement that compares with those made `under` circumstances."""
        return self._fresh.knows(under) or self._screens.knows(under)

    def usual_wall_s(self) -> float | None:
        """Median seconds that a run took, scoring included; None before one gave a number."""
        return median(self._walls_s) if self._walls_s else None


class _Under:
    """Sums by the circumstances that runs were made under, and by those that somebody asked about."""

    def __init__(self) -> None:
        self._made: dict[Circumstances | None, _Sums] = {}
        # Where records of several kinds compare, they are added up once; asking again costs nothing.
        self._asked: dict[Circumstances | None, _Sums] = {}

    def add(self, run: Run, outcome: Measured, under: Circumstances | None) -> None:
        self._made.setdefault(under, _Sums()).add(run, outcome)
        for asked, sums in self._asked.items():
            if alike(asked, under):
                sums.add(run, outcome)

    def knows(self, under: Circumstances | None) -> bool:
        return any(alike(under, known) for known in self._made)

    def like(self, under: Circumstances | None) -> _Sums:
        """What was measured under circumstances that compare with these."""
        found = [sums for known, sums in self._made.items() if alike(under, known)]
        if len(found) == 1:
            return found[0]
        if under not in self._asked:
            self._asked[under] = _Sums.of(found)
        return self._asked[under]


class _Sums:
    def __init__(self) -> None:
        self.runs = 0
        self._total = 0.0
        self._by_seed = BySeed()
        self._usual = 0  # runs that were scored as usual: strictness costs what guards would take for work
        self._others: dict[str, tuple[int, float]] = {}

    @classmethod
    def of(cls, several: Iterable[_Sums]) -> _Sums:
        """All of them in one."""
        whole = cls()
        for sums in several:
            whole.runs += sums.runs
            whole._total += sums._total
            whole._by_seed.put(sums._by_seed)
            whole._usual += sums._usual
            for name, (count, total) in sums._others.items():
                before, so_far = whole._others.get(name, (0, 0.0))
                whole._others[name] = (before + count, so_far + total)
        return whole

    def add(self, run: Run, outcome: Measured) -> None:
        self.runs += 1
        self._total += outcome.value
        self._by_seed.put({run.seed: outcome.value})
        if run.strict:
            return
        self._usual += 1
        for name, value in outcome.others.items():
            count, total = self._others.get(name, (0, 0.0))
            self._others[name] = (count + 1, total + value)

    def standing(self) -> Standing:
        return Standing(
            value=self._total / self.runs,
            by_seed=self._by_seed,
            others=self.others(),
            runs=self.runs,
        )

    def others(self) -> dict[str, float]:
        """Means of what every run measured beside the metric."""
        return {name: total / count for name, (count, total) in self._others.items() if count == self._usual}
