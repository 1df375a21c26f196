"""TensorBoard: one folder of events for each experiment, with its curves, figures and knobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jumar.exports.outgoing import Course, Outgoing, Sheet, counted, named
from jumar.exports.sending import need
from jumar.exports.stamped import clear, marks_in, stamp

_COURSE = "study"
_MOST_PAPER = 20_000  # characters of a diff or a log that are shown


class TensorboardTracker:
    """Writes `place`/STUDY/0012/ with TensorBoard's own writer of records.

    The files have names of ours: those that it gives them tell what this machine is called.
    """

    def __init__(self, place: str, study: Outgoing) -> None:
        need("tensorboard.summary.writer", "tensorboard")
        self._study = study
        self._folder = Path(place) / f"{named(study.record.name).replace('/', '_')}-{study.key[:6]}"
        self._metric = named(study.contract.measure.metric.name)

    def known(self) -> Mapping[int, str]:
        return {int(name): mark for name, mark in marks_in(self._folder, "[0-9]*").items()}

    def write(self, sheet: Sheet) -> None:
        folder = clear(self._folder / f"{sheet.number:04}")
        events = _Events(folder, sheet.started_at)
        events.begin_session({**sheet.knobs, "agent": sheet.words["agent"], "decision": sheet.decision})
        for key, curve in sheet.curves():
            for step, point in counted(curve):
                events.number(key, point.loss, step, sheet.ended_at)
        for key, value in sheet.figures.items():
            events.number(self._tag(key), value, 0, sheet.ended_at)
        for key, text in {**sheet.words, **sheet.papers()}.items():
            events.text(key, text, sheet.ended_at)
        events.end_session(sheet.decision not in ("failed", "invalid"), sheet.ended_at)
        events.close()
        stamp(folder, sheet.mark)

    def write_course(self, course: Course) -> None:
        events = _Events(clear(self._folder / _COURSE), self._study.record.started_at)
        for step in course.steps:
            for key, value in ((self._metric, step.value), ("champion", step.champion)):
                if value is not None:
                    events.number(key, value, step.number, step.at)
        for key, value in course.figures.items():
            events.number(self._tag(key), value, 0, self._study.record.last_at)
        for key, text in course.words.items():
            events.text(key, text, self._study.record.last_at)
        events.close()

    def close(self) -> None:
        """Every file was closed."""

    def _tag(self, figure: str) -> str:
        """Single figures are folded away under one heading: a card for each would bury the curves."""
        return figure if figure == self._metric else f"figures/{figure}"


class _Events:
    """One file of events."""

    def __init__(self, folder: Path, started_at: float) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2  # noqa: PLC0415  (half a second)
        from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: PLC0415

        self._event, self._summary, self._at = event_pb2.Event, summary_pb2, started_at
        self._file = (folder / f"events.out.tfevents.{int(started_at)}.jumar").open("wb")
        self._records = RecordWriter(self._file)
        self._write(self._event(wall_time=started_at, file_version="brain.Event:2"))

    def number(self, tag: str, value: float, step: int, at: float) -> None:
        made = self._summary.Summary(value=[self._summary.Summary.Value(tag=tag, simple_value=value)])
        self._write(self._event(wall_time=at, step=step, summary=made))

    def text(self, tag: str, text: str, at: float) -> None:
        """Text as text: it is read as Markdown, where lines behind four blanks are shown as they are."""
        from tensorboard.plugins.text.metadata import create_summary_metadata  # noqa: PLC0415
        from tensorboard.util.tensor_util import make_tensor_proto  # noqa: PLC0415

        shown = "\n".join(f"    {line}" for line in text[:_MOST_PAPER].splitlines())
        value = self._summary.Summary.Value(
            tag=tag, metadata=create_summary_metadata("", ""), tensor=make_tensor_proto([shown.encode()])
        )
        self._write(self._event(wall_time=at, summary=self._summary.Summary(value=[value])))

    def begin_session(self, knobs: Mapping[str, float | int | str | bool]) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb  # noqa: PLC0415

        self._write(self._event(wall_time=self._at, summary=hparams_pb(knobs, start_time_secs=self._at)))

    def end_session(self, well: bool, at: float) -> None:
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2  # noqa: PLC0415

        status = api_pb2.STATUS_SUCCESS if well else api_pb2.STATUS_FAILURE
        ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=at)
        content = plugin_data_pb2.HParamsPluginData(session_end_info=ended)
        value = self._summary.Summary.Value(
            tag=metadata.SESSION_END_INFO_TAG,
            metadata=metadata.create_summary_metadata(content),
            tensor=metadata.NULL_TENSOR,
        )
        self._write(self._event(wall_time=at, summary=self._summary.Summary(value=[value])))

    def close(self) -> None:
        self._records.flush()
        self._file.close()

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())
