"""Writes the report of a study: one HTML file that needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from jumar.core.contract import Clock, Contract
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.reports import chart, sections
from jumar.reports.entries import Entries, Sources
from jumar.reports.markup import Markup, join, tag
from jumar.reports.progress import progress_of
from jumar.reports.sections import facts, moment, section
from jumar.reports.summary import Summary, summarise
from jumar.reports.words import size

__all__ = ["Sources", "write_report"]

# The chart's colours that must follow the page into dark mode.
_FOLLOWING = {chart.INK: "currentColor", chart.FAINT: "var(--faint)", chart.KEPT_EDGE: "var(--kept)"}


def write_report(
    record: StudyRecord,
    experiments: Sequence[ExperimentRecord],
    contract: Contract,
    sources: Sources,
) -> str:
    """The report as HTML. The same record gives the same page.

    Whatever agents and candidates wrote is text in it and never markup; its policy forbids every
    script but its own and every connection. At most about 15 MB however long the study is:
    experiments are listed up to ten thousand, and what is left out is counted.
    """
    summary = summarise(record, experiments, contract)
    entries = Entries(experiments, contract, sources)
    detailed = entries.details(summary)
    body = join(
        sections.header(summary),
        _chart(record, experiments, contract),
        sections.advice(summary),
        sections.wins(summary),
        sections.losses(summary),
        sections.asked(record, contract),
        sections.cost(summary),
        _integrity(record, contract, sources),
        _reproduce(summary, contract, sources),
        entries.table(detailed),
        _details(detailed, len(experiments)),
        tag("footer", f"Written by Jumar {record.terms.jumar} from entry {record.last_seq:,} of the ledger, ",
            f"{moment(record.last_at)}."),
    )  # fmt: skip
    style, script = _asset("report.css"), _asset("report.js")
    return Template(_asset("report.html")).substitute(
        policy=_policy(script),
        title=tag("title", f"{record.name}: {summary.sentence}")[len("<title>") : -len("</title>")],
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


def _chart(record: StudyRecord, experiments: Sequence[ExperimentRecord], contract: Contract) -> Markup:
    if not chart.chart_available():
        return tag("p", f"No chart: matplotlib is not installed ({chart.INSTALL}).", class_="note")
    progress = progress_of(record, experiments, contract)
    drawn = chart.draw_progress(progress, form=chart.Form.SVG).decode()
    drawn = drawn[drawn.index("<svg") :]
    # Rules of a style element inside the picture would hold for the whole page.
    drawn = re.sub(r"<style[^>]*>.*?</style>|<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    for colour, following in _FOLLOWING.items():
        drawn = drawn.replace(colour, following)
    label = tag(
        "figcaption",
        "Each dot is an experiment; the line is the champion's value, a mean of fresh runs.",
        tag("span", " A wider window shows the words in it.", class_="narrow"),
    )
    return tag("figure", Markup(drawn), label)


def _integrity(record: StudyRecord, contract: Contract, sources: Sources) -> Markup:
    terms = record.terms
    scored = "the run's own output: self-reported" if contract.self_reported else "a scorer out of reach"
    machine = dict(terms.machine)
    if isinstance(memory := machine.pop("memory_bytes", None), int):
        machine["memory"] = size(memory)
    waived = tag("span", ", ".join(terms.waived), class_="failed") if terms.waived else "nothing"
    found = facts((
        ("sandbox", terms.sandbox),
        ("it keeps", ", ".join(promise.replace("_", " ") for promise in sources.promises)),
        ("done without", waived),
        ("numbers come from", scored),
        ("pinned to", tag("span", terms.base, class_="sha")),
        ("record", f"{record.last_seq:,} entries, each chained to the one before"),
        ("chain", sources.chain),
        ("started", moment(record.started_at)),
        ("stands at", f"{record.condition.value}{': ' if record.reason else ''}{record.reason}"),
        ("machine", ", ".join(f"{key} {_listed(value)}" for key, value in machine.items() if value)),
    ))  # fmt: skip
    return section("How far it can be trusted", found)


def _listed(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _reproduce(summary: Summary, contract: Contract, sources: Sources) -> Markup:
    commands = [
        ("the runs behind the baseline's value", "jumar show 0"),
        ("the runs behind the champion's value", f"jumar show {summary.champion.experiment}"),
        ("the certified gain, measured anew", "jumar certify"),
        ("all that was kept, as one change", f"git diff {summary.baseline.commit[:12]} {sources.branch}"),
        ("one run of the champion, by hand", _by_hand(summary.champion.commit, contract, sources.folder)),
        ("this page", "jumar report"),
        ("the table, for other programs", "jumar export --tsv > results.tsv"),
    ]
    rows = [(what, tag("pre", command, class_="command")) for what, command in commands]
    return section("How to reproduce each number", facts(rows))


def _by_hand(commit: str, contract: Contract, folder: str) -> str:
    run, tree = contract.run, f"/tmp/{commit[:10]}"
    budget = "JUMAR_BUDGET_STEPS" if run.budget.clock is Clock.STEPS else "JUMAR_BUDGET_S"
    return (
        f"git worktree add --detach {tree} {commit} && cd {shlex.quote(str(Path(tree, folder)))} && "
        f"JUMAR_SEED=1 {budget}={run.budget.amount:g} JUMAR_SCALE={shlex.quote(contract.scale)} "
        f'JUMAR_OUT="$(mktemp -d)" {shlex.join(run.command)}'
    )


def _details(detailed: dict[int, Markup], experiments: int) -> Markup:
    left_out = experiments - len(detailed)
    note = (
        f"Shown for the baseline, what was kept, near misses and the latest: {len(detailed):,} of "
        f"{experiments:,}. Left out: {left_out:,}; `jumar show N` and `jumar diff N` have them all."
    )
    shown = tag("p", note, class_="note") if left_out else None
    return section("Experiment by experiment", shown, *detailed.values()) if detailed else Markup("")
