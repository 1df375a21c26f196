"""What lies beside a record and is shown with it: diffs, logs, curves, transcripts, and what runs now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jumar.core.curve import Curve, read_curve
from jumar.core.event import Answered
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Failed
from jumar.core.run import RunRecord
from jumar.errors import JumarError
from jumar.reports.course import Course
from jumar.reports.learned import said_of
from jumar.reports.pages import InFlight, LogView, Trouble, Turn
from jumar.reports.single import Found, curved, thinned
from jumar.reports.transcripts import readable
from jumar.rules.plain import plain
from jumar.study.bulletin import curve_so_far, log_so_far, read_bulletin
from jumar.study.tick import Running, Tick

if TYPE_CHECKING:
    from jumar.view import StudyView

LOG_TAIL = 32 << 10
WHOLE_LOG = 4 << 20
TURN_TAIL = 64 << 10
LIVE_CURVES = 16  # of runs under way that are read at a time
LIVE_POINTS = 120
MOST_TURNS = 50


def trouble_of(error: JumarError) -> Trouble:
    """An error as a page shows it."""
    return Trouble(kind=type(error).__name__, problem=plain(error.problem), fix=plain(error.fix))


class Beside:
    """Reads it for one study, each time anew: what a page shows of one experiment is little."""

    def __init__(self, view: StudyView) -> None:
        self._view = view

    def found(self, course: Course, record: ExperimentRecord) -> Found:
        """Everything beside one experiment, and of what cannot be had the reason."""
        diff, diff_trouble = "", None
        try:
            diff = plain(self._view.diff(record.number), lines=True)
        except JumarError as error:
            diff_trouble = trouble_of(error)
        log, log_trouble = None, None
        try:
            log = self.log(record)
        except JumarError as error:
            log_trouble = trouble_of(error)
        return Found(
            diff=diff,
            diff_trouble=diff_trouble,
            log=log,
            log_trouble=log_trouble,
            curves=self._curves(record),
            said=said_of(course, record.number, self._view.experiment) or "",
        )

    def log(self, record: ExperimentRecord, key: str = "", *, whole: bool = False) -> LogView | None:
        """What a run printed: the one asked for, else the last that failed, else the last one of its own."""
        own = [run for run in record.runs if run.run.commit == record.experiment.commit]
        if key:
            own = [run for run in record.runs if run.run.key == key]
        failed = [run for run in own if isinstance(run.outcome, Failed)]
        logs = [run for run in failed or own if "log" in run.artefacts]
        most = WHOLE_LOG if whole else LOG_TAIL
        if not logs:
            return self._log_of_open(own, most)
        content = self._view.artefact(logs[-1].artefacts["log"])
        return _log_view(logs[-1].run.key, content[-most:], len(content))

    def transcript(self, places: Sequence[int], *, whole: bool = False) -> tuple[Turn, ...]:
        """Answers that agents had, by the places of their entries; of very many the newest."""
        ledger = self._view.ledger()
        places = places[-MOST_TURNS:]
        entries = ledger.entries_at(places) if ledger else {}
        found = [entries[place] for place in places if place in entries]
        most = WHOLE_LOG if whole else TURN_TAIL
        return tuple(
            self._turn(entry.event, entry.at, most) for entry in found if isinstance(entry.event, Answered)
        )

    def told(self) -> Tick | None:
        """What the controller says that it does, where it runs on this machine."""
        return read_bulletin(self._view.home.own)

    def running(self, told: Tick) -> Mapping[str, InFlight]:
        """Runs under way by key, with their curves so far."""
        return {
            run.key: self._in_flight(run, with_curve=place < LIVE_CURVES)
            for place, run in enumerate(told.running)
        }

    def _in_flight(self, run: Running, *, with_curve: bool) -> InFlight:
        curve = curve_so_far(self._view.home.scratch, run) if with_curve else ()
        return InFlight(
            key=run.key,
            experiment=run.experiment,
            hypothesis=run.hypothesis,
            purpose=run.purpose.value,
            side=run.side.value,
            seed=0,
            started_at=0.0,
            progress=run.progress,
            scoring=run.scoring,
            curve=thinned(curve, LIVE_POINTS),
        )

    def _curves(self, record: ExperimentRecord) -> dict[str, Curve]:
        """Learning curves by run. One that is lost is left out: nothing rests on it."""
        found: dict[str, Curve] = {}
        for run in curved(record):
            try:
                found[run.run.key] = read_curve(self._view.artefact(run.artefacts["curve"]))
            except JumarError:
                continue
        return found

    def _log_of_open(self, runs: Sequence[RunRecord], most: int) -> LogView | None:
        """The log so far of a run under way on this machine."""
        flying = {run.run.key for run in runs if run.is_open}
        told = self.told() if flying else None
        for run in told.running if told else ():
            if run.key in flying:
                content, size = log_so_far(self._view.home.scratch, run, most)
                return _log_view(run.key, content, size, is_live=True)
        return None

    def _turn(self, answered: Answered, at: float, most: int) -> Turn:
        text, trouble = "", None
        try:
            text = plain(readable(self._view.artefact(answered.reply)), lines=True)
        except JumarError as error:
            trouble = trouble_of(error)
        usage = answered.usage
        return Turn(
            agent=answered.agent,
            model=usage.model,
            at=at,
            text=text[-most:],
            size=len(text),
            is_whole=len(text) <= most,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            usd=usage.usd,
            priced=usage.priced,
            seconds=usage.seconds,
            trouble=trouble,
        )


def _log_view(key: str, content: bytes, size: int, *, is_live: bool = False) -> LogView:
    text = plain(content.decode("utf-8", "replace"), lines=True)
    return LogView(key=key, text=text, size=size, is_whole=len(content) == size, is_live=is_live)
