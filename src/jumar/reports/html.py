"""Writes the report of a study as one HTML file that needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from string import Template

from jumar.reports import captions, chart, sections
from jumar.reports.contents import Material, Report
from jumar.reports.entries import Entries
from jumar.reports.markup import Markup, join, tag
from jumar.reports.phrases import written_from
from jumar.reports.progress import progress_of
from jumar.reports.words import moment

# The chart's colours that must follow the page into dark mode.
_FOLLOWING = {captions.INK: "currentColor", captions.FAINT: "var(--faint)", captions.KEPT_EDGE: "var(--kept)"}


def write_html(material: Material, report: Report) -> str:
    """The report as HTML. The same record gives the same page.

    Whatever agents and candidates wrote is text in it and never markup; its policy forbids every
    script but its own and every connection. At most about 15 MB however long the study is:
    experiments are listed up to ten thousand, and what is left out is counted.
    """
    summary, entries = report.summary, Entries(material, report)
    detailed = entries.details()
    parts = join(
        _chart(material, report),
        sections.advice(summary),
        sections.wins(summary),
        sections.stack(report),
        sections.losses(report),
        sections.predictions(report),
        sections.agents(report),
        sections.asked(report),
        None if report.imported else sections.cost(summary),
        sections.trust(report),
        sections.recipes(report),
        entries.table(detailed),
    )
    body = join(
        sections.header(summary),
        sections.contents(parts),
        parts,
        _details(detailed, len(report.experiments)),
        tag("footer", f"{written_from(report)}, {moment(summary.last_at)}."),
    )  # fmt: skip
    style, script = _asset("report.css"), _asset("report.js")
    return Template(_asset("report.html")).substitute(
        policy=_policy(script),
        title=tag("title", f"{summary.study}: {summary.sentence}")[len("<title>") : -len("</title>")],
        style=style,
        script=script,
        body=body,
    )


def _asset(name: str) -> str:
    return files("jumar.reports").joinpath("page", name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _chart(material: Material, report: Report) -> Markup:
    if not chart.chart_available():
        return tag("p", f"No chart: matplotlib is not installed ({chart.INSTALL}).", class_="note")
    progress = progress_of(material.record, material.experiments, material.contract, material.values)
    drawn = chart.draw_progress(progress, form=chart.Form.SVG).decode()
    drawn = drawn[drawn.index("<svg") :]
    # Rules of a style element inside the picture would hold for the whole page.
    drawn = re.sub(r"<style[^>]*>.*?</style>|<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    for colour, following in _FOLLOWING.items():
        drawn = drawn.replace(colour, following)
    label = tag(
        "figcaption",
        "Each dot is an experiment; the line is the champion's value, "
        f"{'as it was reported' if report.imported else 'a mean of fresh runs'}.",
        tag("span", " A wider window shows the words in it.", class_="narrow"),
    )
    return tag("figure", Markup(drawn), label)


def _details(detailed: dict[int, Markup], experiments: int) -> Markup:
    if not detailed:
        return Markup("")
    left_out = experiments - len(detailed)
    note = (
        f"Shown for the baseline, what was kept, near misses and the latest: {len(detailed):,} of "
        f"{experiments:,}. Left out: {left_out:,}; `jumar show N` and `jumar diff N` have them all."
    )
    shown = tag("p", sections.marked(note), class_="note") if left_out else None
    return tag("section", tag("h2", "Experiment by experiment"), shown, *detailed.values())
