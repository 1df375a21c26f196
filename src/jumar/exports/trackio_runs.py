"""Trackio: one run for each experiment, in its database on this machine."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jumar.errors import EnvironmentUnfit
from jumar.exports.outgoing import Course, Outgoing, Sheet, counted, named
from jumar.exports.sending import need

# What would send the runs to a Space or a server instead; that is a step of its own (`trackio sync`).
_AWAY = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID", "TRACKIO_DATASET_ID")
_MARK, _NUMBER, _STUDY = "jumar_mark", "jumar_experiment", "jumar_study"
_COURSE = -1


class TrackioTracker:
    """Writes to Trackio's folder at `place`, or where Trackio keeps its runs by itself."""

    def __init__(self, place: str, study: Outgoing) -> None:
        need("trackio", "trackio")
        for name in _AWAY:
            os.environ.pop(name, None)
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        if place:
            Path(place).mkdir(parents=True, exist_ok=True)
            os.environ["TRACKIO_DIR"] = str(Path(place).absolute())  # read when it is imported
        import trackio  # noqa: PLC0415  (half a second)

        self._trackio, self._study = trackio, study
        self._project = named(study.contract.target.name).replace("/", "_")
        self._metric = named(study.contract.measure.metric.name)
        self._runs = dict(self._find_runs())
        self._written: set[int] = set()

    def known(self) -> Mapping[int, str]:
        return {number: mark for number, (_, mark) in self._runs.items()}

    def write(self, sheet: Sheet) -> None:
        self._clear(sheet.number)
        config = {**sheet.words, **{f"knobs/{name}": value for name, value in sheet.knobs.items()}}
        rows: dict[int, dict[str, float]] = {}
        for key, curve in sheet.curves():
            for step, point in counted(curve):
                rows.setdefault(step, {})[key] = point.loss
        last = max(rows, default=0)
        rows.setdefault(last, {}).update(sheet.figures)
        self._write(sheet.number, sheet.name, {**config, _MARK: sheet.mark}, rows)

    def write_course(self, course: Course) -> None:
        if self._runs.get(_COURSE, (None, ""))[1] == course.mark:
            return
        self._clear(_COURSE)
        rows: dict[int, dict[str, float]] = {}
        for step in course.steps:
            figures = {self._metric: step.value, "champion": step.champion}
            rows[step.number] = {name: value for name, value in figures.items() if value is not None}
        name = f"study {self._study.record.name}"
        self._write(_COURSE, name, {**course.words, **course.figures, _MARK: course.mark}, rows)
        if missing := self._written - dict(self._find_runs()).keys():
            raise EnvironmentUnfit(
                f"trackio kept {len(self._written) - len(missing):,} of {len(self._written):,} runs",
                fix="see that its folder may be written and has room, and do the same again",
            )

    def close(self) -> None:
        """Every run was finished."""

    def _find_runs(self) -> Iterator[tuple[int, tuple[Any, str]]]:
        try:
            runs = self._trackio.Api().runs(self._project)
        except ValueError:  # the project is not there yet
            return
        for run in runs:
            config = run.config or {}
            if config.get(_STUDY) == self._study.key:
                yield int(config[_NUMBER]), (run, str(config.get(_MARK, "")))

    def _clear(self, number: int) -> None:
        if number in self._runs:
            self._runs[number][0].delete()

    def _write(
        self, number: int, name: str, config: Mapping[str, object], rows: Mapping[int, dict[str, float]]
    ) -> None:
        said = {**config, _STUDY: self._study.key, _NUMBER: number}
        self._written.add(number)
        # It greets at every run; that it could not keep one it says as a warning, and we by looking.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = self._trackio.init(
                project=self._project,
                name=name,
                group=self._study.record.name,
                config=said,
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            for step, figures in sorted(rows.items()):
                run.log(figures, step=step)
            self._trackio.finish()
