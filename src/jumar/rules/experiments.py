"""Owns experiments by number: their runs, what those of a commit add up to, and what tries what again."""

from __future__ import annotations

from collections import defaultdict

from msgspec.structs import replace

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, RunRecord
from jumar.rules.means import Means


class Experiments(dict[int, ExperimentRecord]):
    """Records by number. `changes` has every number that was set, in that order: readers go on from there.

    What takes in a run costs the same after a hundred thousand experiments. Of those that were not kept no
    means are held, as nothing is ever compared with them: they took 40 % of a long study's memory. Where
    `items` is False, what single items measured is let go of once the judge has spoken: with a thousand
    items, runs take ten times the memory, and only certification asks for them again.
    """

    def __init__(self, *, items: bool = True) -> None:
        super().__init__()
        self._items = items
        self.changes: list[int] = []
        self._means: dict[str, Means] = {}
        self._tries: dict[int, list[int]] = defaultdict(
            list
        )  # experiment → what tries it again, at any remove

    def __setitem__(self, number: int, record: ExperimentRecord) -> None:
        if number not in self and (first := self.first(record)) != number:
            self._tries[first].append(number)
        super().__setitem__(number, record)
        self.changes.append(number)
        if record.verdict and not record.is_kept and record.experiment.commit != record.experiment.parent:
            self._means.pop(record.experiment.commit, None)

    def first(self, record: ExperimentRecord) -> int:
        """What an experiment tries again, or what that one tried again; itself where it is the first."""
        while (again := self.get(_again(record))) is not None and again.number < record.number:
            record = again
        return record.number

    def tries(self, first: int) -> list[ExperimentRecord]:
        """What tries an experiment again, at any remove, the newest first."""
        return [self[number] for number in reversed(self._tries.get(first, ()))]

    def start(self, run: RunRecord) -> None:
        """A run was started."""
        of = self[run.run.experiment]
        self[of.number] = replace(of, runs=(*of.runs, run))

    def end(self, run: RunRecord) -> None:
        """A run that was started has its outcome, or is lost."""
        of = self[run.run.experiment]
        place = _place(of, run.run.key)
        run = run if self._items or of.is_open else _without_items(run)
        self[of.number] = replace(of, runs=(*of.runs[:place], run, *of.runs[place + 1 :]))
        if run.outcome is not None and run.run.purpose is not Purpose.PROBE:
            self._hold(run)

    def _hold(self, run: RunRecord) -> None:
        of = self[run.run.experiment]
        if of.is_open or of.is_kept or run.run.commit != of.experiment.commit:
            self._means.setdefault(run.run.commit, Means()).add(run)

    def judge(self, record: ExperimentRecord) -> None:
        """An experiment has its verdict."""
        if not self._items:
            record = replace(record, runs=tuple(map(_without_items, record.runs)))
        self[record.number] = record

    def run(self, key: str) -> RunRecord:
        """The run with this key. Raises KeyError."""
        of = self[int(key.partition("-")[0])]
        return of.runs[_place(of, key)]

    def means(self, commit: str) -> Means:
        """What every run of a commit adds up to, for whichever experiment it was made."""
        if commit in self._means:
            return self._means[commit]
        means = Means()
        for record in self.values():
            if record.experiment.commit == commit != record.experiment.parent:
                self._add_up(means, record, [record.number])
        return means

    def forget_before(self, number: int, place: int) -> None:
        """Of an experiment's commit only what was measured since its latest revisit began counts on."""
        record = self[number]
        of_revisits = (run for run in record.runs if run.run.purpose is Purpose.REVISIT)
        since = min(run.started_at for run in of_revisits if run.run.pair >= place)
        self[number] = record = replace(record, since=since)
        means, told = Means(), self.means(record.experiment.commit)
        self._means[record.experiment.commit] = means
        self._add_up(means, record, sorted(told.experiments))

    def _add_up(self, means: Means, record: ExperimentRecord, numbers: list[int]) -> None:
        """Take in what was run of an experiment's commit for any of these."""
        for run in (run for number in numbers for run in self[number].runs):
            is_own = run.run.commit == record.experiment.commit and run.outcome is not None
            if is_own and run.started_at >= record.since and run.run.purpose is not Purpose.PROBE:
                means.add(run)


def _again(record: ExperimentRecord) -> int:
    again = record.experiment.details.get("retest_of")
    return again if isinstance(again, int) else BASELINE - 1


def _without_items(run: RunRecord) -> RunRecord:
    outcome = run.outcome
    if run.run.purpose is Purpose.CERTIFY or not (isinstance(outcome, Measured) and outcome.items):
        return run
    return replace(run, outcome=replace(outcome, items=()))


def _place(of: ExperimentRecord, key: str) -> int:
    """Where a run of an experiment is: near the end, as a rule. Raises KeyError."""
    for place in reversed(range(len(of.runs))):
        if of.runs[place].run.key == key:
            return place
    raise KeyError(key)
