"""What a commit's runs add up to: reading it costs the same after ten runs and after ten thousand.

Where its runs were made under several circumstances, what was measured under each adds up apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from statistics import median

from msgspec.structs import replace

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
        self._fresh: dict[Circumstances | None, _Sums] = {}
        self._told: set[tuple[int, Purpose, int, int, Side, Circumstances | None]] = set()
        self._screens: dict[Circumstances | None, _Sums] = {}
        self._walls_s: deque[float] = deque(maxlen=RECENT)
        self.curves: dict[int, str] = {}  # seed → digest of the curve

    def add(self, record: RunRecord) -> None:
        """Take in a run that has its outcome. Each is given once."""
        run, outcome = record.run, record.outcome
        if digest := record.artefacts.get("curve"):
            self.curves[run.seed] = digest
        if not isinstance(outcome, Measured):
            return
        if record.ended_at is not None:
            self._walls_s.append(record.ended_at - record.started_at)
        # Of a pair that is repeated, the side that was finished before measured this commit already.
        under = record.under
        place = (run.experiment, run.purpose, run.pair, run.seed, run.side, under)
        if run.purpose in COMPARABLE and place not in self._told:
            self._told.add(place)
            kind = self._screens if run.purpose is Purpose.SCREEN else self._fresh
            kind.setdefault(under, _Sums()).add(run, outcome)

    def standing(self, under: Circumstances | None = None) -> Standing:
        """The commit's own measurements, of runs that compare with those made `under` circumstances.

        Raises LookupError when there are none. The run that made a candidate look promising is left out
        as soon as there are others: a champion is never worth the lucky draw that won.
        """
        fresh, screens = (_together(kind, under) for kind in (self._fresh, self._screens))
        sums = fresh if fresh.runs else screens
        if not sums.runs:
            raise LookupError("never measured")
        standing = sums.standing()
        return standing if standing.others else replace(standing, others=screens.others())

    def knows(self, under: Circumstances | None) -> bool:
        """Whether there is a measurement that compares with those made `under` circumstances."""
        return any(alike(under, known) for known in (*self._fresh, *self._screens))

    def usual_wall_s(self) -> float | None:
        """Median seconds that a run took, scoring included; None before one gave a number."""
        return median(self._walls_s) if self._walls_s else None


def _together(sums: Mapping[Circumstances | None, _Sums], under: Circumstances | None) -> _Sums:
    found = [each for known, each in sums.items() if alike(under, known)]
    return found[0] if len(found) == 1 else _Sums.of(found)


class _Sums:
    def __init__(self) -> None:
        self.runs = 0
        self._total = 0.0
        self._by_seed: dict[int, float] = {}
        self._usual = 0  # runs that were scored as usual: strictness costs what guards would take for work
        self._others: dict[str, tuple[int, float]] = {}

    @classmethod
    def of(cls, several: Iterable[_Sums]) -> _Sums:
        """All of them in one."""
        whole = cls()
        for sums in several:
            whole.runs += sums.runs
            whole._total += sums._total
            whole._by_seed |= sums._by_seed
            whole._usual += sums._usual
            for name, (count, total) in sums._others.items():
                before, so_far = whole._others.get(name, (0, 0.0))
                whole._others[name] = (before + count, so_far + total)
        return whole

    def add(self, run: Run, outcome: Measured) -> None:
        self.runs += 1
        self._total += outcome.value
        self._by_seed[run.seed] = outcome.value
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
