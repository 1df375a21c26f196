"""What may follow what: the transitions of a study, each refused when it was made already."""

from __future__ import annotations

from typing import Protocol

from jumar.core.event import (
    Event,
    Held,
    Judged,
    Proposed,
    Rebased,
    Refuted,
    Revisited,
    RunEnded,
    RunLost,
    RunStarted,
    StudyStarted,
)
from jumar.errors import LedgerConflict
from jumar.ledgers.tally import Tally, begin, count


class Rows(Protocol):
    """One study's experiments and runs, marked off once each, in SQL or in memory."""

    def propose(self, number: int, commit: str) -> bool:
        """False when there is an experiment of this number."""
        ...

    def rebase(self, number: int, commit: str) -> bool:
        """False when there is no such experiment, or it has its verdict or a run."""
        ...

    def judge(self, number: int, seq: int) -> str | None:
        """The experiment's commit; None when it is unknown or has its verdict."""
        ...

    def start(self, key: str, experiment: int) -> bool:
        """False when the experiment is unknown or the key is taken."""
        ...

    def end(self, key: str, seq: int) -> int | None:
        """The run's experiment; None when it is unknown or over."""
        ...


def take(tally: Tally | None, rows: Rows, study: str, seq: int, event: Event) -> tuple[Tally, int | None]:
    """One event more: the counts after it, and the experiment it is about, if any.

    Raises LedgerConflict when the study is not in the state that the event starts from.
    """
    if isinstance(event, StudyStarted):
        if tally is not None:
            raise conflict(study, "it was started already")
        return begin(seq, event), None
    if tally is None:
        raise conflict(study, "it was never started")
    if isinstance(event, Refuted):
        if event.experiment != tally.champion:
            raise conflict(study, f"experiment {event.experiment} is not the champion: nothing to refute")
        return count(tally, seq, event, event.commit), event.experiment
    experiment, commit = _mark(rows, study, seq, event)
    return count(tally, seq, event, commit), experiment


def _mark(rows: Rows, study: str, seq: int, event: Event) -> tuple[int | None, str]:
    match event:
        case Proposed() | Rebased() | Judged():
            return _mark_experiment(rows, study, seq, event)
        case RunStarted(run=run):
            if not rows.start(run.key, run.experiment):
                raise conflict(
                    study, f"run {run.key} was started already, or experiment {run.experiment} is unknown"
                )
            return run.experiment, ""
        case RunEnded(key=key) | RunLost(key=key):
            if (number := rows.end(key, seq)) is None:
                raise conflict(study, f"run {key} is over already, or was never started")
            return number, ""
        case Revisited(experiment=number) | Held(experiment=number):
            return number, ""
        case _:
            return None, ""


def _mark_experiment(rows: Rows, study: str, seq: int, event: Proposed | Rebased | Judged) -> tuple[int, str]:
    match event:
        case Proposed(experiment=experiment):
            if not rows.propose(experiment.number, experiment.commit):
                raise conflict(study, f"there is an experiment {experiment.number} already")
            return experiment.number, experiment.commit
        case Rebased(experiment=experiment):
            if not rows.rebase(experiment.number, experiment.commit):
                raise conflict(study, f"experiment {experiment.number} does not wait for its first run")
            return experiment.number, ""
        case Judged(experiment=number):
            if (commit := rows.judge(number, seq)) is None:
                raise conflict(study, f"experiment {number} has its verdict already, or is unknown")
            return number, commit


def conflict(study: str, problem: str) -> LedgerConflict:
    """The refusal of a transition."""
    return LedgerConflict(
        f"study {study}: {problem}; nothing was written",
        fix="somebody else wrote first: read the study again (`jumar status`) and go on from there",
    )


class Marks:
    """Rows in memory, for replays."""

    def __init__(self) -> None:
        self.experiments: dict[int, tuple[str, int | None]] = {}  # number → commit, judged
        self.runs: dict[str, tuple[int, int | None]] = {}  # key → experiment, ended
        self._begun: set[int] = set()  # experiments with a run

    def propose(self, number: int, commit: str) -> bool:
        return self.experiments.setdefault(number, fresh := (commit, None)) is fresh

    def rebase(self, number: int, commit: str) -> bool:
        _, judged = self.experiments.get(number, ("", 0))
        if judged is not None or number in self._begun:
            return False
        self.experiments[number] = (commit, None)
        return True

    def judge(self, number: int, seq: int) -> str | None:
        commit, judged = self.experiments.get(number, (None, None))
        if commit is None or judged is not None:
            return None
        self.experiments[number] = (commit, seq)
        return commit

    def start(self, key: str, experiment: int) -> bool:
        if experiment not in self.experiments:
            return False
        self._begun.add(experiment)
        return self.runs.setdefault(key, fresh := (experiment, None)) is fresh

    def end(self, key: str, seq: int) -> int | None:
        experiment, ended = self.runs.get(key, (None, None))
        if experiment is None or ended is not None:
            return None
        self.runs[key] = (experiment, seq)
        return experiment
