"""Looks at what runs: stops the hopeless by their curves, and tells observers what is going on."""

from __future__ import annotations

import time

from jumar.core.curve import Curve, read_curve
from jumar.core.experiment import BASELINE
from jumar.core.outcome import Stopped
from jumar.core.run import Purpose
from jumar.rules.early_stop import hopeless, is_exempt
from jumar.rules.evidence import standing
from jumar.study.bulletin import Bulletin
from jumar.study.flight import Aloft, Flights
from jumar.study.parts import Parts
from jumar.study.queue import Queue
from jumar.study.recorder import Recorder
from jumar.study.tick import Running, Tick

# Reading every curve costs about a millisecond; on runs of seconds half a second loses little.
LOOK_EVERY_S = 0.5
MOST_REFERENCES = 4  # curves of the unchanged target, one a seed, that a run is held against


class Watch:
    """Eyes on the runs that are under way."""

    def __init__(self, parts: Parts, recorder: Recorder, flights: Flights, queue: Queue) -> None:
        self._parts = parts
        self._recorder = recorder
        self._flights = flights
        self._queue = queue
        self._bulletin = Bulletin(parts.scratch.parent)
        self._looked = 0.0
        self._exempt: dict[int, bool] = {}
        self._references: dict[str, Curve] = {}

    def look(self, doing: str, time_left_s: float | None) -> None:
        """Stop what is hopeless and tell what goes on, unless it is too soon for another look."""
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        curves = {aloft.run.key: aloft.curve() for aloft in self._flights}
        for aloft in self._flights:
            if aloft.run.purpose is Purpose.SCREEN and aloft.report is None and aloft.stopped is None:
                self._stop_if_hopeless(aloft, curves[aloft.run.key])
        tick = self._tick(curves, doing, time_left_s)
        self._bulletin.post(tick)
        self._parts.observe(tick)

    def close(self) -> None:
        """Nothing is going on any more."""
        self._bulletin.close()

    def _stop_if_hopeless(self, aloft: Aloft, curve: Curve) -> None:
        number = aloft.run.experiment
        experiment = self._recorder.history.experiments[number].experiment
        if not curve:
            return
        if number not in self._exempt:
            diff = self._parts.workspace.diff(experiment.parent, experiment.commit)
            self._exempt = {number: is_exempt(diff), **dict(list(self._exempt.items())[:8])}
        if reason := hopeless(curve, self._read_references(), exempt=self._exempt[number]):
            self._flights.stop_early(
                aloft.run.key, Stopped(progress=min(1.0, curve[-1].progress), detail=reason)
            )

    def _read_references(self) -> tuple[Curve, ...]:
        """Curves of the unchanged target."""
        digests = tuple(self._recorder.history.means(self._parts.terms.base).curves.values())
        for digest in digests[:MOST_REFERENCES]:
            if digest not in self._references:
                self._references[digest] = read_curve(self._parts.artefacts.get(digest))
        return tuple(self._references.values())

    def _tick(self, curves: dict[str, Curve], doing: str, time_left_s: float | None) -> Tick:
        history = self._recorder.history
        measured = not history.baseline_failed and BASELINE not in history.open and bool(history.experiments)
        usual = history.means(history.champion_commit).usual_wall_s() if measured else None
        return Tick(
            running=tuple(self._running(aloft, curves[aloft.run.key], usual) for aloft in self._flights),
            queued=len(self._queue),
            judged=history.judged,
            kept=len(history.kept),
            held=len(history.held),
            champion=history.champion,
            value=standing(history, history.champion_commit).value if measured else None,
            baseline=standing(history, self._parts.terms.base).value if measured else None,
            active_s=history.active_s_at(self._parts.now()),
            time_left_s=time_left_s,
            doing=doing,
        )

    def _running(self, aloft: Aloft, curve: Curve, usual_s: float | None) -> Running:
        elapsed = time.monotonic() - aloft.started
        progress = curve[-1].progress if curve else (elapsed / usual_s if usual_s else None)
        return Running(
            key=aloft.run.key,
            experiment=aloft.run.experiment,
            purpose=aloft.run.purpose,
            side=aloft.run.side,
            hypothesis=self._recorder.history.experiments[aloft.run.experiment].experiment.hypothesis,
            elapsed_s=elapsed,
            progress=None if progress is None else min(1.0, progress),
            scoring=aloft.report is not None,
            place=aloft.place.root.name,
        )
