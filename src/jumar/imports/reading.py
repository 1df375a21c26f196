"""From a file, or the folder it lies in, to a history as a study; and to its report."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from jumar.core.contract import Direction
from jumar.errors import Usage
from jumar.imports.branch import Branch
from jumar.imports.history import Imported, imported
from jumar.imports.pi_log import read_log
from jumar.imports.results_tsv import read_results
from jumar.imports.row import read_text
from jumar.reports.advice import Advice
from jumar.reports.asked import Fact
from jumar.reports.contents import Report, Sources, report_of
from jumar.reports.written import material_of, write_report

_IN_A_FOLDER = (".auto/log.jsonl", "autoresearch.jsonl", "log.jsonl", "results.tsv")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is to be read, where the user says more than its name."""

    metric: str = ""
    direction: Direction | None = None
    branch: str = ""
    segment: int | None = None


def read_history(path: Path, asked: Asked) -> Imported:
    """The history in a file, or in the well-known file of a folder.

    Raises Usage for what cannot be read as one.
    """
    if path.is_dir():
        there = [path / name for name in _IN_A_FOLDER if (path / name).is_file()]
        if not there:
            raise Usage(f"{path} has none of {', '.join(_IN_A_FOLDER)}", fix="name the file itself")
        path = there[0]
    text = read_text(path)
    try:
        if text.lstrip()[:1] == "{":
            found = read_log(text, segment=asked.segment)
        else:
            found = read_results(text, metric=asked.metric)
    except Usage as error:
        raise Usage(f"{path}: {error.problem}", fix=error.fix) from error
    folder = path.resolve().parent
    folder = folder.parent if folder.name == ".auto" else folder
    return imported(found, path, Branch(folder, asked.branch), asked.direction)


def write_history(history: Imported, folder: Path) -> dict[str, Path]:
    """Write the report of a history into a folder; where each file lies."""
    sources = Sources(diff=history.diff, log=lambda _: b"", branch="")
    material = material_of(history.record, history.experiments, history.contract, sources)
    folder.mkdir(parents=True, exist_ok=True)
    return write_report(folder, material, report_on(history, report_of(material)))


def report_on(history: Imported, report: Report) -> Report:
    """A report without the words that hold for studies of Jumar alone."""
    metric = history.contract.measure.metric
    way = "lower" if metric.direction is Direction.MINIMIZE else "higher"
    whose = "self-reported: whoever ran it wrote it down, and one run stands behind each number"
    facts = [
        Fact(name="imported from", words=history.whence),
        Fact(name="numbers are", words=whose, kind="warning"),
        Fact(name="branch", words=history.branch.name),
        *(Fact(name="note", words=note, kind="warning") for note in history.notes),
    ]
    words = (
        "Any of these keeps may be luck: none was run twice. To know which hold, write a contract for the "
        "code and let a study start from there."
    )
    return replace(
        report,
        imported=history.whence,
        goal=f"{metric.name}: {way} is better. What else was asked is not told.",
        asked=(),
        trust=tuple(fact for fact in facts if fact.words),
        recipes=(),
        summary=replace(report.summary, advice=(Advice(words=words, command="jumar init"),)),
    )
