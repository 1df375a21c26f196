"""The parts of the report that speak of the whole study, each a function from values to markup."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime

from jumar.core.contract import Clock, Contract, Guard, LimitTerms, RunTerms
from jumar.core.ledger import StudyRecord
from jumar.reports.agents import agent_rows
from jumar.reports.markup import Child, Markup, join, preformatted, tag
from jumar.reports.summary import Level, Summary
from jumar.reports.words import duration, hundredths, items_in_words, money, number, percent, plural, size
from jumar.rules.lessons import Calibration

SELF_REPORTED = tag("span", "self-reported", class_="tag warn")


def section(title: str, *children: Child) -> Markup:
    """A part of the page under a heading; nothing at all without children."""
    return tag("section", tag("h2", title), *children) if children else Markup("")


def table(headings: Iterable[str], rows: Iterable[Markup]) -> Markup:
    """A table that scrolls sideways where it must.

    `>` in front of a heading sets it to the right; `~` leaves it out on a narrow screen, like `minor` cells.
    """
    head = tag("thead", tag("tr", *(_heading(heading) for heading in headings)))
    return tag("div", tag("table", head, tag("tbody", *rows)), class_="scroll")


def _heading(marked: str) -> Markup:
    marks = marked[: len(marked) - len(marked.lstrip(">~"))]
    classes = ["n"] * (">" in marks) + ["minor"] * ("~" in marks)
    return tag("th", marked.lstrip(">~"), class_=" ".join(classes) or None)


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Names and what they stand for, one to a line; empty ones left out."""
    rows = (tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in pairs if value)
    return tag("table", tag("tbody", *rows), class_="plain")


def moment(at: float) -> str:
    """A time that means the same everywhere."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def header(summary: Summary) -> Markup:
    """The claim, and the figures that everyone asks for first."""
    metric = f"{summary.metric} ({'lower' if summary.direction == 'minimize' else 'higher'} is better)"
    level: tuple[Child, ...] = (f"{metric}: {_value(summary.baseline)} → {_value(summary.champion)}",)
    if summary.self_reported:
        level = (*level, " ", SELF_REPORTED)
    return tag(
        "header",
        tag("h1", f"Jumar · study {summary.study} · {summary.target}"),
        tag("p", summary.sentence, class_="claim"),
        *(tag("p", f"{name}: {words}", class_="note") for name, words in _besides(summary) if words),
        tag("p", *level, class_="level"),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in _figures(summary)),
            class_="figures"),
    )  # fmt: skip


def _besides(summary: Summary) -> list[tuple[str, str]]:
    """What belongs to a claim and is no part of its sentence."""
    return [
        ("gap", summary.gap_in_words()),
        ("noise of the evaluation set", items_in_words(summary.claim)),
        ("refuted", ", ".join(f"#{keep.experiment}" for keep in summary.keeps if keep.refuted)),
    ]


def _value(level: Level) -> str:
    if level.value is None:
        return "not measured"
    return f"{number(level.value)} (mean of {plural(level.runs, 'run')})"


def _figures(summary: Summary) -> list[tuple[str, str]]:
    effort = summary.effort
    speed = effort.experiments_per_hour
    return [
        ("experiments", f"{summary.experiments:,}"),
        *((ended, f"{count:,}") for ended, count in summary.counts.items()),
        *([("open", f"{summary.open_experiments:,}")] if summary.open_experiments else []),
        ("time", duration(effort.hours * 3600)),
        ("speed", f"{speed:,.{0 if speed >= 100 else 1}f} / h" if speed else "–"),
        ("runs", f"{effort.runs:,}"),
        ("cost", money(effort.usd, priced=effort.priced)),
    ]


def advice(summary: Summary) -> Markup:
    """What to do next."""
    items = [
        tag("li", one.words, tag("pre", one.command, class_="command") if one.command else None)
        for one in summary.advice
    ]
    return section("What to do next", tag("ol", *items, class_="advice")) if items else Markup("")


def wins(summary: Summary) -> Markup:
    """The kept changes, surest first."""
    if not summary.keeps:
        return section("Wins, surest first", tag("p", "No change was kept.", class_="note"))
    rows = [
        tag("tr",
            tag("td", str(rank), class_="n minor"),
            tag("td", tag("a", f"#{keep.experiment}", href=f"#e{keep.experiment}")),
            tag("td", keep.hypothesis, class_="wide"),
            tag("td", _signed(keep.gain), class_="n"),
            tag("td", _interval(keep.interval), class_="n ends"),
            tag("td", "" if keep.surety is None else f"{keep.surety:.1f}", class_="n minor"),
            tag("td", _signed(keep.predicted), class_="n minor"),
            tag("td", keep.agent, class_="minor"),
            tag("td", "refuted" if keep.refuted else "certain" if keep.certain else ""))
        for rank, keep in enumerate(summary.keeps, 1)
    ]  # fmt: skip
    reported = " (self-reported)" if summary.self_reported else ""
    heads = (
        ">~",
        "#",
        "what",
        f">uncertified gain{reported}",
        ">95 % interval",
        ">~surety",
        ">~predicted",
        "~agent",
        "",
    )
    note = (
        "Each gain is relative to the champion of its time. Surety is the gain in half-widths of its "
        "interval: at 1 the interval just reaches zero. Gains of single changes do not add up to a claim; "
        "the sentence at the top is the claim."
    )
    said = tag("p", f"{summary.keeps_in_words()}.") if summary.standing_keeps else None
    return section("Wins, surest first", tag("p", note, class_="note"), said, table(heads, rows))


def _signed(share: float | None) -> str:
    return "" if share is None else percent(share, signed=True)


def _interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{hundredths(interval[0], 2)} to {hundredths(interval[1], 2)} %"


def losses(summary: Summary) -> Markup:
    """Near misses, failures and how good the predictions were."""
    parts: list[Child] = []
    if summary.near_misses:
        rows = [
            tag("tr", tag("td", tag("a", f"#{miss.experiment}", href=f"#e{miss.experiment}")),
                tag("td", miss.hypothesis, class_="wide"),
                tag("td", percent(miss.gain, signed=True), class_="n"), tag("td", miss.reason, class_="wide"))
            for miss in summary.near_misses
        ]  # fmt: skip
        parts += [
            tag("h3", "Near misses"),
            table(("", "what", ">uncertified gain", "why it was not kept"), rows),
        ]
    if summary.failures:
        rows = [
            tag("tr", tag("td", group.why), tag("td", f"{group.count:,}", class_="n"),
                tag("td", *_links(group.examples)), tag("td", group.detail, class_="wide"))
            for group in summary.failures
        ]  # fmt: skip
        parts += [tag("h3", "Failures"), table(("why", ">how many", "such as", "the latest said"), rows)]
    if summary.predictions:
        parts += [tag("h3", "Predictions"), *(tag("p", _predicted(told)) for told in summary.predictions)]
    return section("What did not work", *parts)


def _predicted(told: Calibration) -> str:
    return (
        f"{told.agent} predicted {percent(told.median_predicted, signed=True)} in the median of "
        f"{plural(told.compared, 'experiment')}; {percent(told.median_measured, signed=True)} was measured. "
        f"The direction was right in {told.right_direction:,} of {told.compared:,}."
    )


def _links(numbers: Iterable[int]) -> list[Child]:
    links: list[Child] = []
    for number_ in numbers:
        links += [tag("a", f"#{number_}", href=f"#e{number_}"), " "]
    return links


def asked(record: StudyRecord, contract: Contract) -> Markup:
    """What the contract says, in words and as it was pinned."""
    run, measure, limits = contract.run, contract.measure, contract.limits
    found = [
        ("target", contract.target.name),
        ("may change", ", ".join(contract.target.editable)),
        ("one run", tag("code", shlex.join(run.command))),
        ("its budget", _budget(run)),
        ("its caps", f"{duration(run.timeout_s)} on the clock, {size(run.memory_bytes)} of memory, "
                     f"{size(run.disk_bytes)} of disk, {plural(run.processes, 'process', 'processes')}, "
                     f"{'with' if run.network else 'no'} network"),
        ("metric", f"{measure.metric.name}, to {measure.metric.direction.value}"),
        ("measured by", _measured_by(contract)),
        ("guards", ", ".join(_guard(guard) for guard in measure.guards)),
        ("checks", "; ".join(" ".join(command) for command in measure.checks)),
        ("limits", ", ".join(_limits(limits, measure.metric.name))),
        ("scale", record.terms.scale),
    ]  # fmt: skip
    pinned = tag(
        "details", tag("summary", "jumar.toml as pinned"), tag("pre", preformatted(record.terms.contract))
    )
    return section("What was asked", facts(found), pinned)


def _budget(run: RunTerms) -> str:
    amount = run.budget.amount
    if run.budget.clock is Clock.STEPS:
        return f"{amount:,.0f} step{'' if amount == 1 else 's'}"
    return f"{duration(amount)} of {'CPU time' if run.budget.clock is Clock.CPU else 'wall time'}"


def _measured_by(contract: Contract) -> Child:
    if contract.self_reported:
        return join(SELF_REPORTED, " read from the run's own output")
    hidden = ", with data that no run can read" if contract.measure.hidden else ""
    return f"{' '.join(contract.measure.score)}, outside the candidate's reach{hidden}"


def _guard(guard: Guard) -> str:
    of = " × baseline" if guard.relative else ""
    plus = f" + {number(guard.plus)}" if guard.plus else ""
    return f"{guard.name} {'≤' if guard.at_most else '≥'} {number(guard.bound)}{of}{plus}"


def _limits(limits: LimitTerms, metric: str) -> list[str]:
    said = [
        (limits.experiments, plural(limits.experiments or 0, "experiment")),
        (limits.hours, duration(3600 * (limits.hours or 0.0))),
        (limits.usd, f"${limits.usd}"),
        (limits.tokens, f"{limits.tokens:,} tokens" if limits.tokens else ""),
        (limits.plateau, f"{plural(limits.plateau or 0, 'experiment')} without a keep"),
        (limits.target, f"{metric} of {limits.target}"),
    ]
    return [words for value, words in said if value is not None]


def cost(summary: Summary) -> Markup:
    """Where runs, time and money went, and what each agent brought home."""
    effort = summary.effort
    purposes = ", ".join(f"{count:,} {purpose}" for purpose, count in effort.runs_by_purpose.items())
    spent = facts((
        ("runs", f"{effort.runs:,} ({purposes})" if purposes else ""),
        ("lost runs", f"{effort.lost_runs:,}" if effort.lost_runs else ""),
        ("CPU time of runs", duration(effort.cpu_hours * 3600)),
        ("time agents took", duration(effort.agent_s)),
        ("money", money(effort.usd, priced=effort.priced)),
        ("tokens", f"{effort.tokens:,}" if effort.tokens else ""),
    ))  # fmt: skip
    heads, told = agent_rows(summary.agents)
    rows = [
        tag("tr", tag("td", cells[0]), *(tag("td", cell, class_="n") for cell in cells[1:])) for cells in told
    ]
    heads = [heads[0], *(f">{head}" for head in heads[1:])] if heads else []
    return section("What it cost", spent, table(heads, rows) if rows else None)
