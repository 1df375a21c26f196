"""Writes the report as Markdown for a pull request, in which nobody else's words are Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jumar.reports.asked import Fact
from jumar.reports.contents import Report, better_in_words
from jumar.reports.foretold import calibration_of_it
from jumar.reports.inline import code, fenced, prose, said, table
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
    written_from,
)
from jumar.reports.stack import abridged
from jumar.reports.words import number, sparkline

# GitHub takes 65,536 characters. Lists are cut, and every text in them, so that the longest is half of that.
MOST_WINS, MOST_STEPS, MOST_MISSES, MOST_GROUPS, MOST_AGENTS, MOST_FACTS = 25, 25, 8, 10, 12, 24
_NAME = 60


def write_markdown(report: Report) -> str:
    """The report as Markdown. The same record gives the same text."""
    parts = (
        _head(report),
        _next(report),
        _wins(report),
        _stack(report),
        _losses(report),
        _predictions(report),
        _agents(report),
        _folded("What was asked, what it cost, how far it can be trusted", _terms(report)),
        _folded(PARTS["recipes"], _recipes(report)) if report.recipes else (),
        [f"*{prose(written_from(report))}.*"],
    )
    return "\n\n".join(block for part in parts for block in part if block) + "\n"


def _head(report: Report) -> Iterator[str]:
    summary = report.summary
    yield f"## Jumar: study {said(summary.study, _NAME)}"
    yield f"**{prose(summary.sentence)}**"
    levels = (
        "not measured" if level.value is None else number(level.value)
        for level in (summary.baseline, summary.champion)
    )
    reported = ", **self-reported**" if summary.self_reported else ""
    better = better_in_words(summary.direction)
    yield f"{said(summary.metric, _NAME)} ({better}{reported}): {' → '.join(levels)}"
    yield "\n".join(f"- {name}: {prose(words)}" for name, words in besides(summary) if words)
    shown = figures(summary)
    yield table((f">{name}" for name, _ in shown), [[prose(value) for _, value in shown]])
    values = [level for level in (summary.baseline.value, *(step.value for step in report.steps))]
    line = sparkline([value for value in values if value is not None])
    yield f"{code(line)} the champion, keep by keep" if report.steps else ""


def _next(report: Report) -> Iterator[str]:
    if report.summary.advice:
        yield _title("next")
        yield "\n".join(
            f"1. {prose(one.words)}{f' {code(one.command)}' if one.command else ''}"
            for one in report.summary.advice
        )


def _wins(report: Report) -> Iterator[str]:
    summary = report.summary
    yield _title("wins")
    if not summary.keeps:
        yield "No change was kept."
        return
    heads = (">experiment", "what", ">uncertified gain", ">95 % interval", ">predicted", "agent", "")
    yield table(heads, (
        (
            str(keep.experiment), said(keep.hypothesis), signed(keep.gain), interval(keep.interval),
            signed(keep.predicted), said(keep.agent, _NAME),
            "refuted" if keep.refuted else "certain" if keep.certain else "",
        )
        for keep in summary.keeps[:MOST_WINS]
    ))  # fmt: skip
    yield _left_out(summary.keeps, MOST_WINS, "`jumar log --kept`")
    yield f"{prose(summary.keeps_in_words())}." if summary.standing_keeps else ""


def _stack(report: Report) -> Iterator[str]:
    if not report.steps:
        return
    yield _title("stack")
    yield MOVED
    shown, smaller = abridged(report.steps, MOST_STEPS)
    rows = [
        (str(step.experiment), said(step.hypothesis), _number(step.value), signed(step.gain))
        for step in shown
    ]
    if smaller:
        rows.append(("", f"{len(smaller):,} smaller steps", "", signed(sum(s.gain or 0.0 for s in smaller))))
    rows.append(("", "all of them", _number(report.summary.champion.value), signed(report.summary.gain)))
    yield table(
        (">experiment", "what", f">{said(measured_in(report.summary), _NAME)}", ">uncertified gain"), rows
    )
    if report.together:
        yield table((">alone", ">gain (uncertified)", ">on top of", ">gain (uncertified)", "what"), (
            (
                str(one.first), f"{signed(one.alone)}{'' if one.confirmed else ', one look'}",
                str(one.on_top_of), f"{signed(one.on_top)} ({one.experiment})", said(one.hypothesis),
            )
            for one in report.together[:MOST_GROUPS]
        ))  # fmt: skip
    if report.beside:
        yield table(("beside the metric", ">baseline", ">champion", "guard"), (
            (
                said(one.name, _NAME), _number(one.baseline), _number(one.champion),
                said(one.guard) if one.guard else "",
            )
            for one in report.beside
        ))  # fmt: skip


def _number(value: float | None) -> str:
    return "not measured" if value is None else number(value)


def _losses(report: Report) -> Iterator[str]:
    summary = report.summary
    if not (summary.near_misses or summary.failures):
        return
    yield _title("losses")
    if summary.near_misses:
        yield table((">experiment", "near miss", ">uncertified gain", "why it was not kept"), (
            (str(miss.experiment), said(miss.hypothesis), signed(miss.gain), said(miss.reason))
            for miss in summary.near_misses[:MOST_MISSES]
        ))  # fmt: skip
        yield _left_out(summary.near_misses, MOST_MISSES, "the page of this report")
    if summary.failures:
        yield table(("without a number", ">how many", "such as", "the latest said"), (
            (
                said(group.why, _NAME), f"{group.count:,}", ", ".join(map(str, group.examples)),
                said(group.detail),
            )
            for group in summary.failures[:MOST_GROUPS]
        ))  # fmt: skip


def _predictions(report: Report) -> Iterator[str]:
    told = report.summary.predictions
    if told:
        yield _title("predictions")
        yield "\n".join(
            f"- {said(one.agent, _NAME)} {prose(calibration_of_it(one))}" for one in told[:MOST_AGENTS]
        )
        yield _left_out(told, MOST_AGENTS, "the page of this report")


def _agents(report: Report) -> Iterator[str]:
    heads, rows = compared(report)
    if rows:
        yield _title("agents")
        yield table([heads[0], *(f">{head}" for head in heads[1:])], (
            (said(name, _NAME), *map(prose, cells)) for name, *cells in rows[:MOST_AGENTS]
        ))  # fmt: skip
        yield _left_out(rows, MOST_AGENTS, "the page of this report")


def _terms(report: Report) -> Iterator[str]:
    yield prose(report.goal)
    yield _facts(report.asked)
    yield "\n".join(f"- {name}: {prose(words)}" for name, words in cost_rows(report.summary) if words)
    yield _facts(report.trust)
    if report.breaches:
        yield table(("breach caught", ">how many", "such as", "the latest"), (
            (code(one.code), f"{one.count:,}", ", ".join(map(str, one.examples)), said(one.detail))
            for one in report.breaches[:MOST_GROUPS]
        ))  # fmt: skip


def _facts(facts: Sequence[Fact]) -> str:
    lines = []
    for fact in facts[:MOST_FACTS]:
        words = (code if fact.kind == "code" else said)(fact.words, 320)
        lines.append(f"- {fact.name}: {f'**{words}**' if fact.kind == 'warning' else words}")
    return "\n".join(lines)


def _recipes(report: Report) -> Iterator[str]:
    lines = [line for one in report.recipes for line in (f"# {one.what}", one.command)]
    yield fenced((line for line in lines if len(line) <= 2000), "sh")


def _folded(title: str, blocks: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield from blocks
    yield "</details>"


def _title(part: str) -> str:
    return f"### {PARTS[part]}"


def _left_out(found: Sequence[object], most: int, where: str) -> str:
    more = len(found) - most
    return f"{more:,} more: {where}." if more > 0 else ""
