"""Weights & Biases without an account or a network: runs on disk, for `wandb sync` to send later."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jumar.exports.outgoing import Course, Outgoing, Sheet, named
from jumar.exports.sending import need
from jumar.exports.stamped import marks_in, stamp

_MOST_TAG = 64


class WandbTracker:
    """Writes `place`/wandb/offline-run-…: one for each experiment, in a group of the study's name."""

    def __init__(self, place: str, study: Outgoing) -> None:
        need("wandb", "wandb")
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # read when it is imported
        import wandb  # noqa: PLC0415  (half a second)

        self._wandb, self._study, self._root = wandb, study, Path(place)
        self._root.mkdir(parents=True, exist_ok=True)
        self._metric = named(study.contract.measure.metric.name)

    def known(self) -> Mapping[int, str]:
        marks = marks_in(self._runs, f"offline-run-*-{self._study.key}-[0-9]*")
        return {int(name.rpartition("-")[2]): mark for name, mark in marks.items()}

    def write(self, sheet: Sheet) -> None:
        config = {"knobs": dict(sheet.knobs), **sheet.words, "experiment": sheet.number}
        run = self._begin(sheet.key, name=sheet.name, config=config, tags=[sheet.decision[:_MOST_TAG]])
        for key, curve in sheet.curves():
            run.define_metric(key, step_metric="progress")
            for point in curve:
                run.log({key: point.loss, "progress": point.progress, "step": point.step})
        run.summary.update(dict(sheet.figures))
        for name, text in sheet.papers().items():
            Path(run.dir, name).write_text(text, encoding="utf-8")
            run.save(str(Path(run.dir, name)), base_path=run.dir, policy="end")
        self._end(run, sheet.mark, well=sheet.decision not in ("failed", "invalid"))

    def write_course(self, course: Course) -> None:
        key, name = f"{self._study.key}-study", f"study {self._study.record.name}"
        if course.mark in marks_in(self._runs, f"offline-run-*-{key}").values():
            return
        run = self._begin(key, name=name, config=dict(course.words), tags=["study"])
        run.define_metric("*", step_metric="experiment")
        for step in course.steps:
            figures = {self._metric: step.value, "champion": step.champion}
            known = {name: value for name, value in figures.items() if value is not None}
            run.log({"experiment": step.number, **known})
        run.summary.update(dict(course.figures))
        self._end(run, course.mark, well=True)

    def close(self) -> None:
        self._wandb.teardown()

    @property
    def _runs(self) -> Path:
        return self._root / "wandb"

    def _begin(self, key: str, **said: Any) -> Any:
        for old in self._runs.glob(f"offline-run-*-{key}"):
            shutil.rmtree(old, ignore_errors=True)
        settings = self._wandb.Settings(
            mode="offline",
            root_dir=str(self._root),
            silent=True,
            console="off",
            # What it gathers by itself says where and on what we run; none of it concerns the results.
            disable_git=True,
            disable_code=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        )
        return self._wandb.init(
            project=named(self._study.contract.target.name).replace("/", "_"),
            group=named(self._study.record.name),
            job_type="experiment" if key.rpartition("-")[2].isdigit() else "study",
            id=key,
            settings=settings,
            reinit="create_new",
            **said,
        )

    def _end(self, run: Any, mark: str, *, well: bool) -> None:
        folder = Path(run.dir).parent
        run.finish(exit_code=0 if well else 1)
        stamp(folder, mark)
