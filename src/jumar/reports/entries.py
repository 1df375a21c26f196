"""The parts of the report that speak of single experiments: the table of all, the details of some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Failed, Measured, Outcome
from jumar.core.run import RunRecord
from jumar.errors import JumarError
from jumar.reports.contents import Line, Material, Report
from jumar.reports.evidence import evidence_rows
from jumar.reports.markup import Child, Markup, join, preformatted, tag
from jumar.reports.phrases import measured_in
from jumar.reports.sections import SELF_REPORTED, facts, marked, section, table
from jumar.reports.words import moment, money, number, percent, plural
from jumar.rules.plain import short

LATEST = 200  # experiments whose details are shown whatever came of them
MOST_DETAIL_BYTES = 7 << 20  # the whole page stays below 15 MB, and so opens on a phone
MOST_ROWS = 10_000
MOST_DIFF_LINES, MOST_LINE = 400, 400
LOG_TAIL_BYTES = 3000
GAIN = "uncertified gain"
MATTER = ("baseline", "kept", "refuted")


class Entries:
    """Renders experiments, with what they share computed once."""

    def __init__(self, material: Material, report: Report) -> None:
        self._material, self._report = material, report
        self._lines = {line.number: line for line in report.experiments}
        self._metric = measured_in(report.summary)

    def table(self, detailed: Mapping[int, Markup]) -> Markup:
        """Experiments in a row each, the latest first; of very many, what was kept and the latest."""
        lines = self._report.experiments
        cut = max(0, len(lines) - MOST_ROWS)
        listed = [*(line for line in lines[:cut] if line.state in MATTER), *lines[cut:]]
        left_out = len(lines) - len(listed)
        heads = (
            ">#", "verdict", f">{self._metric}", f">{GAIN}", "what", "~agent", ">~runs", ">~CPU s", "~judged",
        )  # fmt: skip
        rows = table(heads, [_row(line, line.number in detailed) for line in reversed(listed)])
        note = f"Left out: {left_out:,} earlier ones that were not kept; `jumar log --all` has them."
        return section(
            "all",
            tag("p", marked(note), class_="note") if left_out else None,
            tag("p", SELF_REPORTED) if self._report.summary.self_reported else None,
            _controls(),
            Markup(rows.replace("<table>", '<table id="experiments">', 1)),
        )

    def details(self) -> dict[int, Markup]:
        """The details of what matters most, by number, as many as the page can bear.

        The baseline and the champion come first, then examples of each failure, keeps by surety,
        near misses, and the latest.
        """
        experiments, summary = self._material.experiments, self._report.summary
        by_number = {record.number: record for record in experiments}
        wanted = dict.fromkeys((
            BASELINE,
            summary.champion.experiment,
            *(example for group in summary.failures for example in group.examples),
            *(keep.experiment for keep in summary.keeps),
            *(miss.experiment for miss in summary.near_misses),
            *(example for breach in self._report.breaches for example in breach.examples),
            *(each for one in self._report.together for each in (one.first, one.experiment, one.on_top_of)),
            *(record.number for record in reversed(experiments[-LATEST:])),
        ))  # fmt: skip
        made: dict[int, Markup] = {}
        room = MOST_DETAIL_BYTES
        for name in wanted:
            if name in by_number and room > 0:
                made[name] = self._detail(by_number[name])
                room -= len(made[name].encode())
        return dict(sorted(made.items()))

    def _detail(self, record: ExperimentRecord) -> Markup:
        experiment, told = record.experiment, self._lines[record.number]
        gain = "" if told.gain is None else f"{percent(told.gain, signed=True)} (uncertified)"
        line = tag(
            "summary",
            tag("span", f"#{record.number}", class_="n"),
            tag("span", _marked(told), class_=f"tag {told.state}"),
            f" {short(experiment.hypothesis, 200)} ",
            tag("span", gain, class_=told.state),
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
            lines = self._material.sources.diff(record.number).splitlines()
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
            log = self._material.sources.log(run.artefacts["log"])
        except JumarError as error:
            return tag("p", f"The log cannot be shown: {error.problem}", class_="note")
        if not log.strip():
            return None
        text = log[-LOG_TAIL_BYTES:].decode("utf-8", errors="replace")
        title = f"End of the log of run {run.run.key} (written by the candidate)"
        return join(tag("h3", title), tag("pre", preformatted(text)))


def _row(line: Line, detailed: bool) -> Markup:
    """A row of very many: put together by hand, as ten thousand are most of what a page takes."""
    name, state = line.number, line.state
    linked = f'<a href="#e{name}">{name}</a>' if detailed else f"{name}"
    place = "" if detailed else f' id="e{name}"'
    value = "" if line.value is None else number(line.value)
    gain = "" if line.gain is None else percent(line.gain, signed=True)
    judged = moment(line.judged_at)[5:16] if line.judged_at else ""
    # Without classes: the style sheet knows the columns by their places.
    return Markup(
        f'<tr data-d="{state}"{place}><td>{linked}</td><td>{_marked(line)}</td><td>{value}</td>'
        f"<td>{gain}</td><td>{preformatted(short(line.hypothesis, 120))}</td>"
        f"<td>{preformatted(line.agent)}</td><td>{line.runs}</td><td>{line.cpu_s:.1f}</td><td>{judged}</td></tr>"
    )


def _marked(line: Line) -> str:
    """How it ended, and what became of a keep."""
    if line.state == "refuted":
        return "kept, refuted"
    return f"{line.state}, certain" if line.certain and line.state == "kept" else line.state


def _undecided(record: ExperimentRecord) -> str:
    return f"waits for a person's approval: {record.held.reason}" if record.held else "not judged yet"


def _controls() -> Markup:
    decisions = ("kept", "refuted", "discarded", "failed", "invalid", "open")
    options = [tag("option", "all verdicts", value=""), *(tag("option", one, value=one) for one in decisions)]
    return tag(
        "div",
        Markup('<input type="search" placeholder="find in hypotheses, agents …" aria-label="find">'),
        tag("select", *options, aria_label="verdict"),
        tag("output", ""),
        tag("button", "show all", type="button", hidden=True),
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
