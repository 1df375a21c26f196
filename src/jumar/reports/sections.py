"""The parts of the page that speak of the whole study, each a function from values to markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from jumar.reports.asked import Fact
from jumar.reports.contents import Report, better_in_words
from jumar.reports.drawn import bar, scatter
from jumar.reports.foretold import calibration_in_words
from jumar.reports.markup import Child, Markup, join, preformatted, tag
from jumar.reports.phrases import (
    MOVED,
    PARTS,
    besides,
    compared,
    cost_rows,
    figures,
    interval,
    measured_in,
    signed,
)
from jumar.reports.stack import Step, Together, abridged
from jumar.reports.summary import Level, Summary
from jumar.reports.words import number, percent

MOST_WINS = 30  # that are seen at once; the others are folded
SELF_REPORTED = tag("span", "self-reported", class_="tag warn")


def section(part: str, *children: Child) -> Markup:
    """A part of the page under its heading; nothing at all without children."""
    shown = [child for child in children if child]
    return tag("section", tag("h2", PARTS[part]), *shown, id=part) if shown else Markup("")


def contents(body: str) -> Markup:
    """Links to the parts that are there."""
    there = [
        tag("a", title, href=f"#{part}") for part, title in PARTS.items() if f'<section id="{part}"' in body
    ]
    return tag("nav", *there, aria_label="parts of this report")


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


def listed(told: Sequence[Fact]) -> Markup:
    """The same, of facts: a command looks like one, and a warning too."""
    return facts((fact.name, _fact(fact)) for fact in told)


def _fact(fact: Fact) -> Child:
    if fact.kind == "code":
        return tag("code", fact.words)
    return tag("span", marked(fact.words), class_="failed") if fact.kind == "warning" else fact.words


def header(summary: Summary) -> Markup:
    """The claim, and the figures that everyone asks for first."""
    metric = f"{summary.metric} ({better_in_words(summary.direction)})"
    level: tuple[Child, ...] = (f"{metric}: {_value(summary.baseline)} → {_value(summary.champion)}",)
    if summary.self_reported:
        level = (*level, " ", SELF_REPORTED)
    return tag(
        "header",
        tag("h1", f"Jumar · study {summary.study} · {summary.target}"),
        _claim(summary.sentence),
        tag("p", *level, class_="level"),
        *(tag("p", f"{name}: {words}", class_="note") for name, words in besides(summary) if words),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in figures(summary)),
            class_="figures"),
    )  # fmt: skip


def _claim(sentence: str) -> Markup:
    """The sentence, what it rests on in smaller letters."""
    found = re.fullmatch(r"(.+?) (\([^()]*\))(.*)", sentence)
    if found is None:
        return tag("p", sentence, class_="claim")
    return tag("p", found[1], " ", tag("small", found[2]), found[3], class_="claim")


def marked(words: str) -> Markup:
    """Our own words, with what stands in backticks as code."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return join(words)
    return join(*(tag("code", part) if place % 2 else part for place, part in enumerate(parts)))


def _value(level: Level) -> str:
    if level.value is None:
        return "not measured"
    return f"{number(level.value)} (mean of {level.runs:,} run{'' if level.runs == 1 else 's'})"


def advice(summary: Summary) -> Markup:
    """What to do next."""
    items = [
        tag("li", marked(one.words), tag("pre", one.command, class_="command") if one.command else None)
        for one in summary.advice
    ]
    return section("next", tag("ol", *items, class_="advice") if items else None)


def wins(summary: Summary) -> Markup:
    """The kept changes, surest first."""
    if not summary.keeps:
        return section("wins", tag("p", "No change was kept.", class_="note"))
    rows = [
        tag("tr",
            tag("td", str(rank), class_="n minor"),
            tag("td", link(keep.experiment)),
            tag("td", keep.hypothesis, class_="wide"),
            tag("td", signed(keep.gain), class_="n"),
            tag("td", interval(keep.interval), class_="n ends"),
            tag("td", "" if keep.surety is None else f"{keep.surety:.1f}", class_="n minor"),
            tag("td", signed(keep.predicted), class_="n minor"),
            tag("td", keep.agent, class_="minor"),
            tag("td", "refuted" if keep.refuted else "certain" if keep.certain else "",
                class_="failed" if keep.refuted else "kept" if keep.certain else None))
        for rank, keep in enumerate(summary.keeps, 1)
    ]  # fmt: skip
    reported = " (self-reported)" if summary.self_reported else ""
    heads = (
        ">~", "#", "what", f">uncertified gain{reported}", ">95 % interval", ">~surety", ">~predicted",
        "~agent", "",
    )  # fmt: skip
    note = (
        "Each gain is relative to the champion of its time. Surety is the gain in half-widths of its "
        "interval: at 1 the interval just reaches zero. Gains of single changes do not add up to a claim; "
        "the sentence at the top is the claim."
    )
    said = tag("p", f"{summary.keeps_in_words()}.") if summary.standing_keeps else None
    more = (
        tag("details", tag("summary", f"{len(rows) - MOST_WINS:,} more"), table(heads, rows[MOST_WINS:]))
        if len(rows) > MOST_WINS
        else None
    )
    return section("wins", tag("p", note, class_="note"), said, table(heads, rows[:MOST_WINS]), more)


def stack(report: Report) -> Markup:
    """The keeps that the champion stands on, what each moved it by, and what was measured beside that."""
    if not report.steps:
        return Markup("")
    parts: list[Child] = [
        tag("p", MOVED, " Each was measured on top of those before it.", class_="note"),
        _waterfall(report),
    ]  # fmt: skip
    if report.together:
        note = (
            "Changes that were tried on one champion, and again on top of another keep: where the second is "
            "smaller, the two do part of the same work."
        )
        heads = ("#", "what", ">alone (uncertified)", ">on top (uncertified)", "of")
        parts += [
            tag("h3", "Do they add up?"),
            tag("p", note, class_="note"),
            table(heads, map(_both, report.together)),
        ]
    if report.beside:
        rows = (
            tag("tr", tag("td", one.name), tag("td", _number(one.baseline), class_="n"),
                tag("td", _number(one.champion), class_="n"), tag("td", one.guard))
            for one in report.beside
        )  # fmt: skip
        parts += [
            tag("h3", "Measured beside the metric"),
            table(("", ">baseline", ">champion", "guard"), rows),
        ]
    return section("stack", *parts)


def _number(value: float | None) -> str:
    return "not measured" if value is None else number(value)


def _waterfall(report: Report) -> Markup:
    shown, smaller = abridged(report.steps)
    places = _places(report.steps)
    ends = [0.0, *(end for _, end in places.values())]
    low, high = min(ends), max(ends)
    rows = [
        tag("tr",
            tag("td", link(step.experiment)),
            tag("td", step.hypothesis, class_="wide"),
            tag("td", _number(step.value), class_="n minor"),
            tag("td", signed(step.gain), class_="n"),
            tag("td", bar(*places[step.experiment], low, high) if step.experiment in places else "",
                class_="minor"))
        for step in shown
    ]  # fmt: skip
    if smaller:
        said = f"{len(smaller):,} smaller steps"
        gain = sum(step.gain or 0.0 for step in smaller)
        rows.append(_sum_row(said, gain, ""))
    whole = report.summary.gain
    if whole is not None:
        rows.append(_sum_row("all of them, as the search saw it", whole, bar(0.0, whole, low, high)))
    claim = report.summary.claim
    if claim is not None and report.summary.is_certified:
        said = f"certified: {percent(claim.relative)}, 95 % interval {interval(claim.relative_interval)}"
        rows.append(_sum_row(said, None, bar(0.0, claim.relative, low, high)))
    return table(("#", "what", f">~{measured_in(report.summary)}", ">uncertified gain", "~"), rows)


def _sum_row(said: str, gain: float | None, drawn: Child) -> Markup:
    cells = (tag("td"), tag("td", said), tag("td", class_="minor"), tag("td", signed(gain), class_="n"))
    return tag("tr", *cells, tag("td", drawn, class_="minor"), class_="sum")


def _places(steps: Sequence[Step]) -> dict[int, tuple[float, float]]:
    """Where each step's bar begins and ends."""
    places, at = {}, 0.0
    for step in steps:
        if step.gain is not None:
            places[step.experiment] = (at, at + step.gain)
            at += step.gain
    return places


def _both(one: Together) -> Markup:
    alone = f"{signed(one.alone)}{'' if one.confirmed else ', one look'}"
    return tag(
        "tr",
        tag("td", link(one.first), " and ", link(one.experiment)),
        tag("td", one.hypothesis, class_="wide"),
        tag("td", alone, class_="n"),
        tag("td", signed(one.on_top), class_="n"),
        tag("td", link(one.on_top_of)),
    )


def losses(report: Report) -> Markup:
    """Near misses, failures and breaches."""
    summary, parts = report.summary, list[Child]()
    if summary.near_misses:
        rows = [
            tag("tr", tag("td", link(miss.experiment)), tag("td", miss.hypothesis, class_="wide"),
                tag("td", signed(miss.gain), class_="n"), tag("td", miss.reason, class_="wide"))
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
        heads = ("why", ">how many", "such as", "the latest said")
        parts += [tag("h3", "Failures and breaches"), table(heads, rows)]
    return section("losses", *parts)


def predictions(report: Report) -> Markup:
    """What agents expected, beside what was measured."""
    if not report.foretold:
        return Markup("")
    drawn, beyond = scatter(report.foretold)
    said = (
        "Each dot is an experiment, green where it was kept; on the line the prediction was right. Gains are "
    )
    said += "relative and uncertified."
    said += f" {beyond:,} beyond the scale stand at its edge." if beyond else ""
    every = sum(one.compared for one in report.summary.predictions)
    if every > len(report.foretold):
        said += (
            f" All keeps are drawn, and of the others so many that {len(report.foretold):,} of {every:,} are."
        )
    told = (tag("p", calibration_in_words(one)) for one in report.summary.predictions)
    return section("predictions", *told, tag("figure", drawn, tag("figcaption", said)))


def link(experiment: int) -> Markup:
    """To an experiment's details, or to its row."""
    return tag("a", f"#{experiment}", href=f"#e{experiment}")


def _links(numbers: Iterable[int]) -> list[Child]:
    links: list[Child] = []
    for experiment in numbers:
        links += [link(experiment), " "]
    return links


def agents(report: Report) -> Markup:
    """What each agent brought home, and what for."""
    heads, told = compared(report)
    rows = [
        tag("tr", tag("td", cells[0]), *(tag("td", cell, class_="n") for cell in cells[1:])) for cells in told
    ]
    heads = [heads[0], *(f">{head}" for head in heads[1:])] if heads else []
    return section("agents", table(heads, rows) if rows else None)


def asked(report: Report) -> Markup:
    """What the contract says, in words and as it was pinned."""
    pinned = tag("details", tag("summary", "jumar.toml as pinned"), tag("pre", preformatted(report.contract)))
    return section("asked", tag("p", report.goal), listed(report.asked), pinned if report.contract else None)


def cost(summary: Summary) -> Markup:
    """Where runs, time and money went."""
    return section("cost", facts(cost_rows(summary)))


def trust(report: Report) -> Markup:
    """What stands behind the numbers."""
    found: list[Child] = [listed(report.trust)]
    if report.breaches:
        rows = (
            tag("tr", tag("td", tag("code", breach.code)), tag("td", f"{breach.count:,}", class_="n"),
                tag("td", *_links(breach.examples)), tag("td", breach.detail, class_="wide"))
            for breach in report.breaches
        )  # fmt: skip
        heads = ("breach", ">caught", "such as", "the latest")
        found += [tag("h3", "Breaches caught"), table(heads, rows)]
    return section("trust", *found)


def recipes(report: Report) -> Markup:
    """A command for each number."""
    if not report.recipes:
        return Markup("")
    rows = [(recipe.what, tag("pre", recipe.command, class_="command")) for recipe in report.recipes]
    return section("recipes", tag("p", "In the target's folder:", class_="note"), join(facts(rows)))
