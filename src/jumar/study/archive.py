"""The archive: what agents may look up in a study, and the answers, each of them bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from jumar.core.agent import Brief, KnobNow
from jumar.core.curve import Curve, read_curve
from jumar.core.desk import ANSWER_BYTES, Tool
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import Artefacts
from jumar.core.outcome import Failed, Measured, Stopped
from jumar.core.run import RunRecord
from jumar.core.verdict import Decision
from jumar.core.workspace import Workspace
from jumar.errors import LedgerUnfit
from jumar.rules.brief_text import attempts_line, knob_line
from jumar.rules.plain import short
from jumar.rules.recollection import Recollection
from jumar.rules.telling import data, kept_line, others_in_words, own_runs, paragraph, quoted
from jumar.rules.tokens import cut
from jumar.rules.tried import search
from jumar.rules.veil import Veil

MOST_LISTED = 100
CURVE_POINTS = 24


class _Number(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    experiment: int


class _List(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    decision: str = ""
    last: int = 20
    before: int | None = None


class _Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    words: str


class _Curves(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    experiments: tuple[int, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: str
    experiment: int | None = None
    first_line: int = 1


class _Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Question(NamedTuple):
    about: str
    shape: type[msgspec.Struct]
    answer: Callable[[StudyArchive, Any], str]


class StudyArchive:
    """Keeps the promises of `core.desk.Archive` over a brief's history, the repository and the artefacts."""

    def __init__(
        self,
        brief: Brief,
        veil: Veil,
        places: tuple[Workspace, Artefacts],
        knobs: Sequence[KnobNow] = (),
        recollection: Recollection | None = None,
    ) -> None:
        self._brief, self._veil, self._knobs_now = brief, veil, knobs
        self._metric = brief.contract.measure.metric
        self._workspace, self._artefacts = places
        self._recollection = (recollection or Recollection()).read(brief.history)

    @property
    def tools(self) -> tuple[Tool, ...]:
        return TOOLS

    def ask(self, tool: str, arguments: Mapping[str, Any]) -> str:
        question = _QUESTIONS.get(tool)
        if question is None:
            return f"There is no tool {short(tool, 40)!r}; use one of those that are listed."
        try:
            asked = msgspec.convert(dict(arguments), question.shape, strict=False)
        except msgspec.ValidationError as error:
            schema = msgspec.json.encode(_schema(question.shape)).decode()
            return f"The arguments do not fit: {error}. They are: {schema}"
        try:
            return cut(question.answer(self, asked), ANSWER_BYTES)
        except _Unknown as unknown:
            return str(unknown)

    def _record(self, number: int) -> ExperimentRecord:
        if not 0 <= number < len(self._brief.history):
            raise _Unknown(
                f"There is no experiment {number}; they are numbered 0 to {len(self._brief.history) - 1}."
            )
        return self._brief.history[number]

    def _experiments(self, asked: _List) -> str:
        kinds = ("", "open", *(decision.value for decision in Decision))
        if asked.decision not in kinds:
            raise _Unknown(f"decision is one of: {', '.join(kinds[1:])}.")
        most = min(max(asked.last, 1), MOST_LISTED)
        end = len(self._brief.history) if asked.before is None else max(0, asked.before)
        found = []
        for record in reversed(self._brief.history[:end]):
            now = record.verdict.decision.value if record.verdict else "open"
            if asked.decision in ("", now):
                found.append(
                    kept_line(record, self._metric) if record.is_kept else paragraph(record, self._metric)
                )
            if len(found) == most:
                break
        return "\n".join(found) or "None."

    def _show(self, asked: _Number) -> str:
        record = self._record(asked.experiment)
        lines = [
            paragraph(record, self._metric, self._recollection.lessons.get(record.number, "")),
            "",
            "Runs:",
        ]
        lines += [f"- {_run_in_words(run)}" for run in own_runs(record)[:40]]
        return "\n".join(lines)

    def _diff(self, asked: _Number) -> str:
        experiment = self._record(asked.experiment).experiment
        if experiment.parent == experiment.commit:
            return "It changed nothing: " + (
                "it is the unchanged target." if not experiment.number else "refused."
            )
        text = self._workspace.diff(experiment.parent, experiment.commit)
        return data(cut(text, ANSWER_BYTES - 200), "diff")

    def _log(self, asked: _Number) -> str:
        runs = [run for run in own_runs(self._record(asked.experiment)) if "log" in run.artefacts]
        if not runs:
            return f"No run of experiment {asked.experiment} printed anything."
        text = self._veil.log(self._bytes(runs[-1].artefacts["log"]).decode("utf-8", "replace"))
        return data(cut(text, ANSWER_BYTES - 200, ends=True))

    def _curves(self, asked: _Curves) -> str:
        columns = {}
        for number in asked.experiments[:6]:
            runs = [run for run in own_runs(self._record(number)) if "curve" in run.artefacts]
            if runs:
                columns[f"#{number}"] = read_curve(self._bytes(runs[-1].artefacts["curve"]))
        if not columns:
            return "None of these has a curve."
        rows = ["| share of the budget | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for step in range(1, CURVE_POINTS + 1):
            share = step / CURVE_POINTS
            cells = [_loss_at(curve, share) for curve in columns.values()]
            rows.append(f"| {share:.2f} | " + " | ".join(cells) + " |")
        return "Loss of the last run of each, as it wrote it down:\n\n" + "\n".join(rows)

    def _knobs(self, _: _Nothing) -> str:
        if not self._knobs_now:
            return "The tuner finds no knob in the editable files."
        return "\n".join(knob_line(knob, self._recollection) for knob in self._knobs_now)

    def _tried(self, asked: _Words) -> str:
        groups, records = search(asked.words, self._recollection, self._brief.history)
        lines = [attempts_line(name, attempts) for name, attempts in groups]
        lines += [
            paragraph(record, self._metric, self._recollection.lessons.get(record.number, ""))
            for record in records
        ]
        return "\n".join(lines) or "Nothing of the kind was tried."

    def _file(self, asked: _File) -> str:
        if asked.path not in self._brief.files:
            raise _Unknown(f"Editable files are: {', '.join(sorted(self._brief.files))}.")
        content: bytes | None = self._brief.files[asked.path]
        if asked.experiment is not None:
            content = self._workspace.read(self._record(asked.experiment).experiment.commit, asked.path)
        if content is None:
            raise _Unknown(f"Experiment {asked.experiment} has no {asked.path}.")
        lines = content.decode("utf-8", "replace").splitlines()
        first = max(1, asked.first_line)
        text = cut("\n".join(lines[first - 1 :]), ANSWER_BYTES - 300)
        return f"{asked.path} from line {first} of {len(lines)}:\n\n{data(text, 'python')}"

    def _bytes(self, digest: str) -> bytes:
        try:
            return self._artefacts.get(digest)
        except LedgerUnfit as lost:
            raise _Unknown(f"It is gone: {lost.problem}") from lost


class _Unknown(Exception):
    """What was asked for is not there; the words are the answer."""


def _schema(shape: type[msgspec.Struct]) -> dict[str, Any]:
    (schema,) = msgspec.json.schema_components([shape], ref_template="{name}")[1].values()
    return {key: value for key, value in schema.items() if key != "title"}


_QUESTIONS = {
    "experiments": _Question(
        "List experiments, the newest first: `last` so many, of one `decision` (kept, discarded, "
        "failed, invalid, open), those `before` a number.",
        _List,
        StudyArchive._experiments,
    ),
    "show": _Question("Everything about one experiment: runs, steps, verdict.", _Number, StudyArchive._show),
    "diff": _Question("What one experiment changed, as a unified diff.", _Number, StudyArchive._diff),
    "log": _Question("What the last run of an experiment printed.", _Number, StudyArchive._log),
    "curves": _Question("Learning curves of some experiments side by side.", _Curves, StudyArchive._curves),
    "knobs": _Question(
        "The tuner's knobs: values, ranges, what turning each gave.", _Nothing, StudyArchive._knobs
    ),
    "tried": _Question(
        "What was tried already: words, or names such as `train.py:LR`; the best match first.",
        _Words,
        StudyArchive._tried,
    ),
    "file": _Question(
        "An editable file of the champion, or of an experiment, from a line on.", _File, StudyArchive._file
    ),
}

TOOLS = tuple(
    Tool(name=name, about=question.about, arguments=_schema(question.shape))
    for name, question in _QUESTIONS.items()
)


def _run_in_words(run: RunRecord) -> str:
    kind = run.run.purpose.value
    match run.outcome:
        case Measured(value=value, others=others):
            return f"{kind}: {value:.6g}; {others_in_words(others, 20)}"
        case Failed(why=why, detail=detail):
            return f"{kind}: {why.value}: {quoted(detail, 600)}"
        case Stopped(progress=progress, detail=detail):
            return f"{kind}: stopped at {progress:.0%}: {quoted(detail, 300)}"
    return f"{kind}: {run.lost or 'under way'}"


def _loss_at(curve: Curve, share: float) -> str:
    """The mean of the points around a share of the budget."""
    near = [point.loss for point in curve if abs(point.progress - share) <= 0.5 / CURVE_POINTS]
    return f"{sum(near) / len(near):.4g}" if near else ""
