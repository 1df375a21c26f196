"""Owns what studies and experiments look like on a terminal: values in, Rich texts and tables out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from jumar.core.contract import Contract, Metric
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Failed, Measured, Stopped
from jumar.core.run import RunRecord
from jumar.core.verdict import Claim, Decision, Verdict
from jumar.reports.effort import Effort
from jumar.reports.evidence import evidence_rows
from jumar.reports.summary import Summary
from jumar.reports.values import Values
from jumar.reports.words import (
    claim_in_words,
    duration,
    gap_in_words,
    items_in_words,
    money,
    number,
    percent,
    plural,
    sparkline,
)
from jumar.rules.plain import plain, short

STYLES = {
    Decision.KEPT: "bold green",
    Decision.DISCARDED: "bright_black",
    Decision.FAILED: "yellow",
    Decision.INVALID: "red",
}

LEAST_FOR_WORDS = 28  # columns for a hypothesis and a reason together
_ANY_WIDTH = 10_000
PACE_HOURS = 0.1  # before that, a pace says nothing of the night


def verdict_text(record: ExperimentRecord, certain: Collection[int] = ()) -> Text:
    """The decision in its colour, and what became of a keep; an experiment without one is open."""
    verdict = record.verdict
    if verdict is None:
        return Text("waits", style="bold cyan") if record.held else Text("open", style="cyan")
    if record.refuted:
        return Text(f"{verdict.decision.value}, refuted", style="yellow")
    mark = ", certain" if record.number in certain else ""
    return Text(f"{verdict.decision.value}{mark}", style=STYLES[verdict.decision])


def clock_time(at: float) -> str:
    """A moment in this machine's time, to the second."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def grid(rows: Sequence[tuple[str, Any]]) -> Table:
    """Names and what belongs to them; rows without anything are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bright_black", no_wrap=True)
    table.add_column(overflow="fold")
    for name, content in rows:
        if content not in (None, ""):
            table.add_row(name, content if isinstance(content, Text) else Text(str(content)))
    return table


class _Row(NamedTuple):
    """An experiment as its line of a table says it."""

    number: str
    verdict: Text
    value: str
    gain: str
    hypothesis: Text
    reason: Text


class ExperimentsTable:
    """One line per experiment; where numbers leave no room for words, these stand on lines below them."""

    def __init__(self, rows: Sequence[_Row], metric: str) -> None:
        self._rows, self._metric = rows, metric

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table as wide as the terminal is."""
        numbers = self._table()
        taken = console.measure(numbers, options=options.update(max_width=_ANY_WIDTH)).maximum
        if options.max_width - taken >= LEAST_FOR_WORDS:
            yield self._table(words=True)
        else:
            yield from self._stacked()

    def _table(self, *, words: bool = False) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
        for heading in ("#", "verdict", self._metric, "uncertified\ngain"):
            table.add_column(Text(heading), justify="left" if heading == "verdict" else "right", no_wrap=True)
        # Where room is short, Rich takes it from columns that may wrap; their texts then do not.
        if words:
            table.add_column("hypothesis", ratio=3)
            table.add_column("reason", ratio=2)
        for row in self._rows:
            table.add_row(*(row if words else row[:4]))
        return table

    def _stacked(self) -> Iterator[Text]:
        yield Text(f"#  verdict  {self._metric}  uncertified gain", style="bright_black")
        for row in self._rows:
            numbers = "  ".join(filter(None, (row.value, row.gain)))
            yield _on_one_line(Text.assemble(f"{row.number}  ", row.verdict, f"  {numbers}"))
            yield from (_on_one_line(Text("   ") + words) for words in (row.hypothesis, row.reason) if words)


def experiments_table(
    records: Sequence[ExperimentRecord], values: Values, metric: Metric, certain: Collection[int] = ()
) -> ExperimentsTable:
    """One line per experiment, oldest first; `certain` are the numbers of keeps to be marked so."""
    rows = []
    for record in records:
        value, verdict = values.of(record), record.verdict or record.held
        rows.append(
            _Row(
                number=str(record.number),
                verdict=verdict_text(record, certain),
                value="" if value is None else number(value),
                gain="" if verdict is None or verdict.gain is None else number(verdict.gain, signed=True),
                hypothesis=_on_one_line(Text(title(record))),
                reason=_on_one_line(Text(_reason(record))),
            )
        )
    return ExperimentsTable(rows, metric.name)


def _reason(record: ExperimentRecord) -> str:
    if record.held:
        return f"waits for `jumar approve {record.number}`: {plain(record.held.reason)}"
    return plain(record.verdict.reason) if record.verdict else ""


def _on_one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def title(record: ExperimentRecord) -> str:
    """What an experiment is about, on one line."""
    if record.number == BASELINE:
        return "the unchanged target"
    return plain(record.experiment.hypothesis)


def staircase(records: Sequence[ExperimentRecord], values: Values) -> list[float]:
    """The champion's value after each judged experiment, as if what was taken back had never been kept."""
    steps: list[float] = []
    for record in records:
        if record.stands or record.number == BASELINE:
            value = values.of(record)
            steps += [value] if value is not None else steps[-1:]
        elif record.verdict:
            steps += steps[-1:]
    return steps


def status_grid(summary: Summary, doing: str, records: Sequence[ExperimentRecord]) -> Table:
    """How a study stands."""
    counts = summary.counts_in_words()
    failures = ", ".join(f"{group.why} {group.count}" for group in summary.failures[:4])
    part = f" (last {len(records):,})" if len(records) < summary.experiments else ""
    champion = summary.champion
    value = "" if champion.value is None else f"{summary.metric} {number(champion.value)}"
    where = "the unchanged target" if champion.experiment == BASELINE else f"experiment {champion.experiment}"
    return grid(
        [
            ("study", Text(f"{summary.study} (scale {summary.scale})", style="bold")),
            ("state", plain(doing)),
            ("champion", f"{value}  {where}, mean of {plural(champion.runs, 'run')}" if value else ""),
            ("gain", plain(summary.sentence)),
            ("gap", summary.gap_in_words()),
            ("noise of the evaluation set", items_in_words(summary.claim)),
            ("keeps", summary.keeps_in_words()),
            ("refuted", plain(summary.refuted_in_words())),
            ("staircase", sparkline(staircase(records, Values(records)), width=60)),
            ("experiments", f"{summary.experiments}: {counts}" if counts else str(summary.experiments)),
            (f"failures{part}", plain(failures)),
            (f"runs{part}", f"{summary.effort.runs:,}"),
            ("worked", _effort(summary.effort)),
            ("wait for approval", ", ".join(f"#{record.number}" for record in records if record.held)),
            ("branch", f"jumar/{summary.study}" if champion.experiment != BASELINE else ""),
        ]
    )


def _effort(effort: Effort) -> str:
    said = [duration(3600 * effort.hours)]
    if effort.experiments_per_hour and effort.hours >= PACE_HOURS:
        said.append(f"{effort.experiments_per_hour:,.0f} experiments an hour")
    if effort.usd or not effort.priced:
        said.append(f"cost {money(effort.usd, priced=effort.priced)}")
    return ", ".join(said)


def experiment_grid(
    record: ExperimentRecord, values: Values, metric: Metric, certain: Collection[int] = ()
) -> Table:
    """One experiment but for its runs."""
    experiment, verdict = record.experiment, record.verdict or record.held
    value = values.of(record)
    rows: list[tuple[str, Any]] = [
        ("experiment", Text(str(record.number), style="bold")),
        ("hypothesis", title(record)),
        ("agent", plain(experiment.agent)),
        ("predicted", percent(experiment.predicted, signed=True) if experiment.predicted is not None else ""),
        ("parent", experiment.parent),
        ("commit", experiment.commit),
        ("proposed", clock_time(record.proposed_at)),
        ("verdict", verdict_text(record, certain)),
        ("refuted", plain(record.refuted)),
        ("its runs count since", clock_time(record.since) if record.since else ""),
        (metric.name, "" if value is None else number(value)),
    ]
    if verdict:
        rows += [
            ("reason", plain(verdict.reason)),
            ("code", plain(verdict.code)),
            ("uncertified gain", _gain(verdict)),
            *((plain(name), plain(words)) for name, words in evidence_rows(verdict)),
        ]
    return grid(rows)


def claims_grid(claim: Claim, contract: Contract) -> Table:
    """What certification found of a champion."""
    return grid(
        [
            ("claim", plain(claim_in_words(claim, holdout=bool(contract.measure.hidden)))),
            ("gap", gap_in_words(claim)),
            ("noise of the evaluation set", items_in_words(claim)),
        ]
    )


def _gain(verdict: Verdict) -> str:
    if verdict.gain is None:
        return ""
    if verdict.interval is None:
        return number(verdict.gain, signed=True)
    low, high = (number(end, signed=True) for end in verdict.interval)
    return f"{number(verdict.gain, signed=True)}, 95 % interval {low} to {high}"


def runs_table(runs: Sequence[RunRecord]) -> Table:
    """What was run, with which seed, and what came of it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", pad_edge=False)
    for heading in ("run", "purpose", "side", "seed", "CPU s", "wall s", "peak MB", "outcome"):
        table.add_column(heading, justify="right" if heading.split()[-1] in ("s", "MB", "seed") else "left")
    for record in runs:
        report = record.report
        table.add_row(
            record.run.key,
            record.run.purpose.value,
            record.run.side.value,
            str(record.run.seed),
            f"{report.cpu_s:.1f}" if report else "",
            f"{report.wall_s:.1f}" if report else "",
            f"{report.peak_memory_bytes / 1e6:.0f}" if report else "",
            Text(outcome_words(record)),
        )
    return table


def outcome_words(record: RunRecord) -> str:
    """What came of a run, on one line."""
    match record.outcome:
        case Measured(value=value):
            return number(value)
        case Failed(why=why, detail=detail):
            return f"{why.value}: {short(detail, 100)}"
        case Stopped(progress=progress, detail=detail):
            return f"stopped at {percent(progress)}: {short(detail, 100)}"
    return f"lost: {short(record.lost, 100)}" if record.lost else "under way"


def diff_text(diff: str) -> Text:
    """A unified diff in its usual colours."""
    text = Text()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in plain(diff, lines=True).splitlines():
        heading = line.startswith(("+++", "---", "diff "))
        text.append(f"{line}\n", style="bold" if heading else styles.get(line[:1], ""))
    text.rstrip()
    return text
