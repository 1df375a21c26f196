"""What every face calls: open a study, read it, run it, ask things of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from jumar.core.event import Asked, Wish
from jumar.core.experiment import BASELINE
from jumar.core.ledger import Ledger, StudyRecord
from jumar.core.verdict import Claim, Decision
from jumar.errors import Usage
from jumar.home import CONTRACT, Options, find_home, read_try
from jumar.view import StudyView

if TYPE_CHECKING:
    from jumar.core.probe import Probe
    from jumar.inspection import Finding
    from jumar.intake import Intake
    from jumar.study.loop import Loop
    from jumar.study.parts import Observer


MOST_TOLD = 4_000  #: characters of what agents are told at once

Result = TypeVar("Result")


def open_study(path: str | Path = ".", *, study: str | None = None, options: Options | None = None) -> Study:
    """The study of the target in folder `path`: the one named, else the latest, else a new one.

    Raises Usage when the folder has no contract, ContractInvalid when it has a wrong one.
    """
    folder = Path(path).resolve()
    if of := read_try(folder):  # a work tree that was handed out stands for its target
        folder, study = Path(of.target), study or of.study
    contract = folder / CONTRACT
    if not contract.is_file():
        raise Usage(f"there is no {CONTRACT} in {folder}", fix="run `jumar init` there, or name the folder")
    return Study(folder, contract.read_text(encoding="utf-8", errors="replace"), study, options)


def _nobody(_: object) -> None:
    """Observe nothing."""


class Study(StudyView):
    """A study, to be read and run. Cheap to open; nothing starts before `run`."""

    _loop: Loop | None = None

    def run(
        self, *, experiments: int | None = None, hours: float | None = None, observe: Observer = _nobody
    ) -> StudyRecord:
        """Work until a limit of the contract, or so many more experiments or hours, is reached.

        Raises EnvironmentUnfit, NotMeasurable or LedgerUnfit. What was recorded stays recorded,
        and the same call goes on from there. Raises Usage for experiments or hours that are not above 0.
        """
        for name, most in (("experiments", experiments), ("hours", hours)):
            if most is not None and not most > 0:
                raise Usage(f"{name} is {most}", fix="give a number above 0, or leave it out")
        self.renew()
        self._sit(lambda loop: loop.run(experiments=experiments, hours=hours), observe)
        return self._recorded()

    def certify(self, *, observe: Observer = _nobody) -> Claim | None:
        """Baseline and champion on fresh seeds on the holdout, once more; None with nothing kept."""
        self._recorded()
        return self._sit(lambda loop: loop.certify(), observe)

    def interrupt(self) -> None:
        """Called once: finish what runs, then return. Twice: stop now. Safe in a signal handler."""
        if self._loop is not None:
            self._loop.interrupt()

    def look(self, probe: Probe, *, beyond: bool = False, observe: Observer = _nobody) -> str | None:
        """Make a sweep or a profile, here or in the process that runs the study: what it showed.

        In Markdown; None when it was stopped. Raises Usage for what may not be made; `beyond` lifts a bound.
        """
        from jumar.looking import answer

        self._recorded()
        if self.holder() is None:
            return self._sit(lambda loop: loop.look(probe), observe)
        asked = self.ask(Wish.PROBE_BEYOND if beyond else Wish.PROBE, msgspec.json.encode(probe).decode())
        return answer(self.entries, lambda: self.holder() is not None, self.artefact, asked)

    def retest(self, number: int) -> None:
        """Have an experiment tried again on the champion, next in turn. Raises Usage where that is idle."""
        from jumar.study.retesting import refuse_again

        record, history = self.experiment(number), self.intake().history
        refuse_again(record, history, self._workspace())
        self.ask(Wish.RETEST, str(number))

    def ask(self, wish: Wish, words: str = "") -> int:
        """Ask a running study to pause, resume, stop or certify, or tell its agents something: the entry.

        Raises Usage for words that a brief has no room for.
        """
        from jumar.ledgers.sql import open_ledger

        if wish is Wish.TELL and len(words) > MOST_TOLD:
            raise Usage(
                f"{len(words):,} characters are more than a brief has room for ({MOST_TOLD:,})",
                fix="say it shorter, or write it into program.md and start anew: jumar run --new",
            )
        self._recorded()
        with closing(open_ledger(self.home.ledger)) as ledger:
            return ledger.append(self.name, Asked(wish=wish, words=words))[0].seq

    def intake(self) -> Intake:
        """What whoever researches from outside may do: take a work tree, propose, note."""
        from jumar.intake import Intake

        return Intake(self.home, self._recorded(), self.contract)

    def _sit(self, work: Callable[[Loop], Result], observe: Observer) -> Result:
        from jumar.assembly import assembled
        from jumar.study.loop import Loop

        with assembled(self.home, self._contract_text, self._options, observe) as parts:
            self._loop = Loop(parts)
            try:
                return work(self._loop)
            finally:
                self._loop = None

    def renew(self) -> None:
        """Become another study where this one's baseline gave no number: nothing can be built on that.

        Raises Usage for a study that was named.
        """
        ledger = self.ledger()
        if ledger is None or not _is_dead(ledger, self.name):
            return
        if self._is_named:
            raise Usage(
                f"the unchanged target gave no number in study {self.name}, so it cannot go on",
                fix="mend the target and leave --study out: that starts another",
            )
        self.name, self._reader = self._free_name(ledger), None


def _is_dead(ledger: Ledger, study: str) -> bool:
    """True when the unchanged target could not be measured: nothing can be built on that."""
    baseline = ledger.experiment(study, BASELINE)
    return bool(baseline and baseline.verdict and baseline.verdict.decision is Decision.FAILED)


def inspect_machine(folder: Path) -> tuple[Finding, ...]:
    """What this machine can do for a study in `folder`, and what mends each shortcoming."""
    from jumar.inspection import inspect

    return inspect(folder)


def inspect_record(folder: Path) -> tuple[Finding, ...]:
    """Whether the record in `folder` is what was written, and agrees with the repository."""
    from jumar.inspection import inspect_ledger

    return inspect_ledger(folder)


def back_up(folder: Path, to: Path) -> None:
    """Copy the record in `folder` as it is at this moment into the new folder `to`."""
    from jumar.ledgers.backup import back_up as copy

    copy(find_home(folder).ledger, to)
