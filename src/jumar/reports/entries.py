"""The parts of the report that speak of single experiments: the table of all, the details of some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from jumar.core.contract import Contract
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Failed, Measured, Outcome
from jumar.core.run import RunRecord
from jumar.errors import JumarError
from jumar.reports.evidence import evidence_rows
from jumar.reports.findings import parents, relative_gain
from jumar.reports.markup import Child, Markup, join, preformatted, tag
from jumar.reports.sections import SELF_REPORTED, facts, moment, section, table
from jumar.reports.summary import Summary
from jumar.reports.values import Values
from jumar.reports.words import money, number, percent, plural
from jumar.rules.certain import certain
from jumar.rules.plain import short

LATEST = 200  # experiments whose details are shown whatever came of them
MOST_DETAIL_BYTES = 7 << 20  # the whole page stays below 15 MB, and so opens on a phone
MOST_ROWS = 10_000
MOST_DIFF_LINES, MOST_LINE = 400, 400
LOG_TAIL_BYTES = 3000
GAIN = "uncertified gain"


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report finds what is not in the records. `diff` and `log` may raise JumarError.

    `diff` takes an experiment's number, `log` a digest; `branch` holds the champion; `chain` says
    in words what a check of the ledger's chain found; `promises` are what the sandbox keeps;
    `folder` is the target's place in its repository.
    """

    diff: Callable[[int], str]
    log: Callable[[str], bytes]
    branch: str
    chain: str = ""
    promises: tuple[str, ...] = ()
    folder: str = ""


class Entries:
    """Renders experiments, with what they share computed once."""

    def __init__(self, experiments: Sequence[ExperimentRecord], contract: Contract, sources: Sources) -> None:
        self._experiments, self._contract, self._sources = experiments, contract, sources
        self._values = Values(experiments)
        self._parents = parents(experiments, self._values)
        self._certain = certain(experiments)
        name = contract.measure.metric.name
        self._metric = f"{name} (self-reported)" if contract.self_reported else name

    def table(self, detailed: Mapping[int, Markup]) -> Markup:
        """Experiments in a row each, the latest first; of very many, what was kept and the latest."""
        metric = self._metric
        heads = ("#", "verdict", metric, GAIN, "what", "agent", "runs", "CPU s", "judged")
        numeric = {"#", metric, GAIN, "runs", "CPU s"}
        minor = {"agent", "runs", "CPU s", "judged"}
        head = [
            tag("th", name, class_=" ".join(["n"] * (name in numeric) + ["minor"] * (name in minor)) or None)
            for name in heads
        ]
        listed = self._experiments
        if len(listed) > MOST_ROWS:
            listed = [record for record in listed[:-MOST_ROWS] if record.is_kept] + [*listed[-MOST_ROWS:]]
        rows = (self._row(record, record.number in detailed) for record in reversed(listed))
        body = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), id="experiments")
        reported = tag("p", SELF_REPORTED) if self._contract.self_reported else None
        left_out = len(self._experiments) - len(listed)
        note = f"Left out: {left_out:,} earlier ones that were not kept; `jumar log` has them."
        return section(
            "All experiments",
            tag("p", note, class_="note") if left_out else None,
            reported,
            _controls(),
            tag("div", body, class_="scroll"),
        )

    def _row(self, record: ExperimentRecord, detailed: bool) -> Markup:
        decision = _standing(record)
        value, name = self._values.of(record), f"{record.number}"
        spent = sum(run.report.cpu_s for run in record.runs if run.report)
        return tag(
            "tr",
            tag("td", tag("a", name, href=f"#e{name}") if detailed else name, class_="n"),
            tag("td", self._marked(record), class_=decision),
            tag("td", "" if value is None else number(value), class_="n"),
            tag("td", self._gain(record), class_="n"),
            tag("td", short(record.experiment.hypothesis, 120), class_="wide"),
            tag("td", record.experiment.agent, class_="minor"),
            tag("td", str(len(record.runs)), class_="n minor"),
            tag("td", f"{spent:.1f}", class_="n minor"),
            tag("td", moment(record.judged_at)[5:16] if record.judged_at else "", class_="minor"),
            data_d=decision,
            id=None if detailed else f"e{name}",
        )

    def _marked(self, record: ExperimentRecord) -> str:
        """The verdict, and what became of a keep."""
        mark = "refuted" if record.refuted else "certain" if record.number in self._certain else ""
        return f"{_standing(record)}, {mark}" if mark else _standing(record)

    def _gain(self, record: ExperimentRecord) -> str:
        parent = self._parents.get(record.experiment.parent)
        if record.number == BASELINE or parent is None or self._values.of(record) is None:
            return ""
        gain = relative_gain(record, self._values, self._contract.measure.metric, parent)
        return "" if gain is None else percent(gain, signed=True)

    def details(self, summary: Summary) -> dict[int, Markup]:
        """The details of what matters most, by number, as many as the page can bear.

        The baseline and the champion come first, then examples of each failure, keeps by surety,
        near misses, and the latest.
        """
        by_number = {record.number: record for record in self._experiments}
        wanted = dict.fromkeys((
            BASELINE,
            summary.champion.experiment,
            *(example for group in summary.failures for example in group.examples),
            *(keep.experiment for keep in summary.keeps),
            *(miss.experiment for miss in summary.near_misses),
            *(record.number for record in reversed(self._experiments[-LATEST:])),
        ))  # fmt: skip
        made: dict[int, Markup] = {}
        room = MOST_DETAIL_BYTES
        for name in wanted:
            if name in by_number and room > 0:
                made[name] = self._detail(by_number[name])
                room -= len(made[name].encode())
        return dict(sorted(made.items()))

    def _detail(self, record: ExperimentRecord) -> Markup:
        experiment, decision = record.experiment, _standing(record)
        line = tag(
            "summary",
            tag("span", f"#{record.number}", class_="n"),
            tag("span", self._marked(record), class_=f"tag {decision}"),
            f" {short(experiment.hypothesis, 200)} ",
            tag("span", f"{gain} (uncertified)" if (gain := self._gain(record)) else "", class_=decision),
        )
        return tag(
            "details",
            line,
            tag("p", experiment.hypothesis) if len(experiment.hypothesis) > 200 else None,
            self._facts(record),
            self._evidence(record),
            self._diff(record),
            self._runs(record),
            self._log(record),
            id=f"e{record.number}",
        )

    def _facts(self, record: ExperimentRecord) -> Markup:
        experiment, verdict = record.experiment, record.verdict
        interval = ""
        if verdict and verdict.gain is not None:
            interval = number(verdict.gain, signed=True)
            if verdict.interval:
                interval += f", 95 % interval {number(verdict.interval[0])} to {number(verdict.interval[1])}"
        predicted, cost = experiment.predicted, experiment.cost
        return facts((
            ("verdict", verdict.reason if verdict else _undecided(record)),
            ("breach", verdict.code if verdict else ""),
            ("refuted", record.refuted),
            ("its runs count since", moment(record.since) if record.since else ""),
            (f"{GAIN} in {self._metric}", interval),
            ("predicted", "" if predicted is None else percent(predicted, signed=True)),
            ("agent", experiment.agent),
            ("cost", f"{money(cost.usd, priced=cost.priced, digits=3)}, {plural(cost.tokens, 'token')}"),
            ("commit", tag("span", f"{experiment.commit[:12]} on {experiment.parent[:12]}", class_="sha")),
            ("proposed", moment(record.proposed_at)),
        ))  # fmt: skip

    def _evidence(self, record: ExperimentRecord) -> Markup | None:
        if not record.verdict or not record.verdict.evidence:
            return None
        return join(tag("h3", "Evidence"), facts(evidence_rows(record.verdict)))

    def _diff(self, record: ExperimentRecord) -> Markup | None:
        if record.number == BASELINE:
            return None
        try:
            lines = self._sources.diff(record.number).splitlines()
        except JumarError as error:
            return tag("p", f"The diff cannot be shown: {error.problem}", class_="note")
        if not lines:
            return None
        left_out = len(lines) - MOST_DIFF_LINES
        more = tag("p", f"{plural(left_out, 'line')} more: jumar diff {record.number}", class_="note")
        shown = tag("pre", *_diff_lines(lines[:MOST_DIFF_LINES]), class_="diff")
        return join(tag("h3", "Diff"), shown, more if left_out > 0 else None)

    def _runs(self, record: ExperimentRecord) -> Markup | None:
        if not record.runs:
            return None
        heads = ("run", "for", "side", ">~seed", self._metric, ">~CPU s", ">~wall s", ">~peak MB")
        return join(tag("h3", "Runs"), table(heads, (_run_row(run) for run in record.runs)))

    def _log(self, record: ExperimentRecord) -> Markup | None:
        own = [run for run in record.runs if run.run.commit == record.experiment.commit]
        failed = [run for run in own if isinstance(run.outcome, Failed)]
        logs = [run for run in failed or own if "log" in run.artefacts]
        if not logs:
            return None
        run = logs[-1]
        try:
            log = self._sources.log(run.artefacts["log"])
        except JumarError as error:
            return tag("p", f"The log cannot be shown: {error.problem}", class_="note")
        if not log.strip():
            return None
        text = log[-LOG_TAIL_BYTES:].decode("utf-8", errors="replace")
        title = f"End of the log of run {run.run.key} (written by the candidate)"
        return join(tag("h3", title), tag("pre", preformatted(text)))


def _undecided(record: ExperimentRecord) -> str:
    return f"waits for a person's approval: {record.held.reason}" if record.held else "not judged yet"


def _standing(record: ExperimentRecord) -> str:
    if record.number == BASELINE and record.is_kept:
        return "baseline"
    return record.verdict.decision.value if record.verdict else "open"


def _controls() -> Markup:
    decisions = ("kept", "discarded", "failed", "invalid", "open")
    options = [tag("option", "all verdicts", value=""), *(tag("option", one, value=one) for one in decisions)]
    return tag(
        "div",
        Markup('<input type="search" placeholder="find in hypotheses, agents …" aria-label="find">'),
        tag("select", *options, aria_label="verdict"),
        tag("output", ""),
        class_="controls", id="controls", hidden=True,
    )  # fmt: skip


def _diff_lines(lines: Sequence[str]) -> Iterator[Markup]:
    kinds = {"+": "a", "-": "d", "@": "h"}
    for line in lines:
        cut = line if len(line) <= MOST_LINE else line[:MOST_LINE] + "…"
        kind = "h" if line.startswith(("+++", "---", "diff ", "index ")) else kinds.get(line[:1])
        yield tag("span", preformatted(cut), class_=kind)


def _run_row(run: RunRecord) -> Markup:
    report = run.report
    cells: tuple[Child, ...] = (
        tag("td", run.run.key),
        tag("td", run.run.purpose.value),
        tag("td", run.run.side.value),
        tag("td", str(run.run.seed), class_="n minor"),
        tag("td", _outcome(run.outcome, run.lost)),
        tag("td", f"{report.cpu_s:.1f}" if report else "", class_="n minor"),
        tag("td", f"{report.wall_s:.1f}" if report else "", class_="n minor"),
        tag("td", f"{report.peak_memory_bytes / 1e6:.0f}" if report else "", class_="n minor"),
    )
    return tag("tr", *cells)


def _outcome(outcome: Outcome | None, lost: str) -> Child:
    if outcome is None:
        return f"lost: {lost}" if lost else "running"
    if isinstance(outcome, Measured):
        return number(outcome.value)
    if isinstance(outcome, Failed):
        return tag("span", f"{outcome.why.value}: {short(outcome.detail, 300)}", class_="failed")
    return f"stopped at {percent(outcome.progress)} of the budget: {short(outcome.detail, 300)}"
