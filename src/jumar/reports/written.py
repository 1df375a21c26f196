"""Writes the files of a report into a folder: the page, its Markdown and JSON, and the chart."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from jumar.core.contract import Contract
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports.chart import chart_available, draw_progress
from jumar.reports.contents import Material, Report, Sources, report_of
from jumar.reports.html import write_html
from jumar.reports.markdown import write_markdown
from jumar.reports.progress import progress_of
from jumar.reports.values import Values


def material_of(
    record: StudyRecord, experiments: Sequence[ExperimentRecord], contract: Contract, sources: Sources
) -> Material:
    """A study, made ready to be reported on."""
    values = Values(experiments)
    return Material(record=record, experiments=experiments, contract=contract, sources=sources, values=values)


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave out the collection of garbage: there is none, and of ten thousand records it takes a sixth."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def write_json(report: Report) -> bytes:
    """The report as JSON, with a line end at its end. Its schema is docs/report.schema.json."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def write_report(folder: Path, material: Material, report: Report | None = None) -> dict[str, Path]:
    """Write everything into `folder`; where each file lies. Readers see whole files alone.

    `report` is what to say, where that is not what the material says by itself.
    """
    report = report or report_of(material)
    paths = {
        "report": folder / "report.html",
        "markdown": folder / "report.md",
        "json": folder / "report.json",
    }
    _write(paths["report"], write_html(material, report).encode())
    _write(paths["markdown"], write_markdown(report).encode())
    _write(paths["json"], write_json(report))
    if chart_available():
        paths["chart"] = folder / "progress.png"
        progress = progress_of(material.record, material.experiments, material.contract, material.values)
        draw_progress(progress, path=paths["chart"])
    return paths


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
