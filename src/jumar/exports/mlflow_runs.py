"""MLflow: one run for each experiment, nested under one for the study."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from jumar.errors import EnvironmentUnfit
from jumar.exports.outgoing import Course, Outgoing, Sheet, Step, counted, named
from jumar.exports.sending import need
from jumar.rules.plain import short

_STUDY, _NUMBER, _MARK = "jumar.study", "jumar.experiment", "jumar.mark"
_COURSE = -1  # in place of a number: the run that stands for the study
_MOST_AT_ONCE = 900  # of the 1000 figures that one request may carry
_MOST_KNOBS = 90  # of the 100 parameters
_PAGE = 1000
_MOST_VALUE = 4000


class MlflowTracker:
    """Writes to the store at `place`: a file, or an address that MLflow knows, such as http://host:5000."""

    def __init__(self, place: str, study: Outgoing) -> None:
        need("mlflow", "mlflow")
        # Nothing goes anywhere but to the store, and an address where nobody answers is told at once.
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  (a second and a half)

        for name in ("mlflow", "alembic"):  # its tables are made: nobody asked
            logging.getLogger(name).setLevel(logging.ERROR)
        _look_at(place)
        self._study, self._place = study, place
        self._metric = named(study.contract.measure.metric.name)
        with self._troubles():
            self._client = MlflowClient(address_of(place))
            self._experiment = self._find_experiment()
            self._runs = dict(self._find_runs())
            self._parent = self._runs.get(_COURSE) or self._make_parent()

    def known(self) -> Mapping[int, str]:
        return {number: run.data.tags[_MARK] for number, run in self._runs.items() if _MARK in run.data.tags}

    def write(self, sheet: Sheet) -> None:
        with self._troubles():
            run = self._runs.get(sheet.number) or self._make(sheet)
            name, at = run.info.run_id, _ms(sheet.ended_at)
            # Of a figure that was told before, MLflow shows the latest.
            told = _ms(self._study.record.last_at)
            figures = [(key, value, told, 0) for key, value in sheet.figures.items()]
            for key, curve in sheet.curves():
                figures += [(key, point.loss, at, step) for step, point in counted(curve)]
            self._log(name, figures)
            for paper, text in sheet.papers().items():
                self._client.log_text(name, text, paper)
            self._tag(name, sheet.words)
            ended = "FAILED" if sheet.decision in ("failed", "invalid") else "FINISHED"
            self._client.set_terminated(name, status=ended, end_time=at)
            self._client.set_tag(name, _MARK, sheet.mark)

    def write_course(self, course: Course) -> None:
        with self._troubles():
            name = self._parent.info.run_id
            seen = {point.step for point in self._client.get_metric_history(name, self._metric)}
            fresh = [step for step in course.steps if step.number not in seen]
            told = _ms(self._study.record.last_at)
            figures = [point for step in fresh for point in self._points(step)]
            self._log(name, [*figures, *((key, value, told, 0) for key, value in course.figures.items())])
            self._tag(name, course.words)
            self._client.set_terminated(name, end_time=told)

    def close(self) -> None:
        """Nothing is held."""

    def _points(self, step: Step) -> Iterator[tuple[str, float, int, int]]:
        if step.value is not None:
            yield self._metric, step.value, _ms(step.at), step.number
        if step.champion is not None:
            yield "champion", step.champion, _ms(step.at), step.number

    def _find_experiment(self) -> str:
        name = self._study.contract.target.name
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifact_location=_artefacts_beside(self._place)))
        if found.lifecycle_stage != "active":
            raise EnvironmentUnfit(
                f"MLflow's experiment {short(name, 60)} was deleted there",
                fix=f"mlflow experiments restore --experiment-id {found.experiment_id}",
            )
        return str(found.experiment_id)

    def _find_runs(self) -> Iterator[tuple[int, Any]]:
        wanted, token = f"tags.`{_STUDY}` = '{self._study.key}'", None
        while True:
            page = self._client.search_runs([self._experiment], wanted, max_results=_PAGE, page_token=token)
            for run in page:
                yield int(run.data.tags[_NUMBER]), run
            if not (token := page.token):
                return

    def _make_parent(self) -> Any:
        record = self._study.record
        tags = {_STUDY: self._study.key, _NUMBER: str(_COURSE)}
        name = f"study {record.name}"
        return self._client.create_run(self._experiment, _ms(record.started_at), tags, run_name=name)

    def _make(self, sheet: Sheet) -> Any:
        from mlflow.entities import Param  # noqa: PLC0415

        tags = {_STUDY: self._study.key, _NUMBER: str(sheet.number)}
        tags["mlflow.parentRunId"] = self._parent.info.run_id
        run = self._client.create_run(self._experiment, _ms(sheet.started_at), tags, run_name=sheet.name)
        knobs = [Param(name, str(value)) for name, value in [*sheet.knobs.items()][:_MOST_KNOBS]]
        self._client.log_batch(run.info.run_id, params=knobs)
        return run

    def _log(self, run: str, figures: list[tuple[str, float, int, int]]) -> None:
        from mlflow.entities import Metric  # noqa: PLC0415

        for first in range(0, len(figures), _MOST_AT_ONCE):
            batch = [Metric(*figure) for figure in figures[first : first + _MOST_AT_ONCE]]
            self._client.log_batch(run, metrics=batch)

    def _tag(self, run: str, words: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag  # noqa: PLC0415

        tags = [RunTag(f"jumar.{name}", short(text, _MOST_VALUE)) for name, text in words.items()]
        self._client.log_batch(run, tags=[tag for tag in tags if tag.key != _STUDY])

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        try:
            yield
        except (MlflowException, SQLAlchemyError) as error:
            raise EnvironmentUnfit(
                f"MLflow at {self._study.hide(self._place)} does not take it: "
                f"{short(self._study.hide(str(error)), 300)}",
                fix="see that the store is there and of this MLflow's version; what was written stays",
            ) from error


def address_of(place: str) -> str:
    """What MLflow calls a store: a plain path is an SQLite file."""
    return place if "://" in place else f"sqlite:///{Path(place).absolute()}"


def _look_at(place: str) -> None:
    """Raise EnvironmentUnfit for a file that is no database: MLflow would try it for minutes."""
    address = address_of(place)
    path = Path(address.removeprefix("sqlite:///"))
    if not address.startswith("sqlite:///"):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        fix = f"name a file in it, such as {place}/mlflow.db" if path.is_dir() else "name another file"
        raise EnvironmentUnfit(f"{place} cannot be a store of MLflow's: {error}", fix=fix) from error


def _artefacts_beside(place: str) -> str | None:
    """Where files go: beside a store that is a file; a server has a place of its own."""
    address = address_of(place)
    if not address.startswith("sqlite:///"):
        return None
    return (Path(address.removeprefix("sqlite:///")).absolute().parent / "mlartifacts").as_uri()


def _ms(at: float) -> int:
    return int(1000 * at)
