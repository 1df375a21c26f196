"""What every face of a report says alike: its headings, its figures, and how a share is written."""

from __future__ import annotations

from collections import Counter

from jumar.reports.agents import agent_rows
from jumar.reports.contents import Report
from jumar.reports.summary import Summary
from jumar.reports.words import duration, hundredths, items_in_words, money, percent

PARTS = {
    "next": "What to do next",
    "wins": "Wins, surest first",
    "stack": "What the champion is made of",
    "losses": "What did not work",
    "predictions": "Predicted against measured",
    "agents": "The agents",
    "asked": "What was asked",
    "cost": "What it cost",
    "trust": "How far it can be trusted",
    "recipes": "How to reproduce each number",
    "all": "All experiments",
}
MOVED = "What the champion's mean moved by with each keep, as a share of the baseline (uncertified)."


def besides(summary: Summary) -> list[tuple[str, str]]:
    """What belongs to a claim and is no part of its sentence."""
    return [
        ("gap", summary.gap_in_words()),
        ("noise of the evaluation set", items_in_words(summary.claim)),
        ("refuted", ", ".join(f"#{keep.experiment}" for keep in summary.keeps if keep.refuted)),
    ]


def figures(summary: Summary) -> list[tuple[str, str]]:
    """What everyone asks first, a number each."""
    effort = summary.effort
    speed = effort.experiments_per_hour
    return [
        ("experiments", f"{summary.experiments:,}"),
        *((ended, f"{count:,}") for ended, count in summary.counts.items()),
        *([("open", f"{summary.open_experiments:,}")] if summary.open_experiments else []),
        ("time", duration(effort.hours * 3600) if effort.hours else "–"),
        ("speed", f"{speed:,.{0 if speed >= 100 else 1}f} / h" if speed else "–"),
        ("runs", f"{effort.runs:,}"),
        ("cost", money(effort.usd, priced=effort.priced)),
    ]


def written_from(report: Report) -> str:
    """What the report was made from."""
    if report.imported:
        return f"Written by Jumar from {report.imported}, of which it measured nothing"
    return f"Written by Jumar {report.jumar} from entry {report.entry:,} of the ledger"


def signed(share: float | None) -> str:
    """A share with its sign, where there is one."""
    return "" if share is None else percent(share, signed=True)


def interval(ends: tuple[float, float] | None) -> str:
    """Both ends of an interval of shares."""
    return "" if ends is None else f"{hundredths(ends[0], 2)} to {hundredths(ends[1], 2)} %"


def measured_in(summary: Summary) -> str:
    """The metric's name, with whose word it is."""
    return f"{summary.metric} (self-reported)" if summary.self_reported else summary.metric


def compared(report: Report) -> tuple[list[str], list[list[str]]]:
    """Headings and cells: what each agent proposed, what came of it, what it took, what a run of it gave."""
    shares, efforts = report.summary.agents, {one.agent: one for one in report.efforts}
    heads, told = agent_rows(shares)
    refuted = Counter(line.agent for line in report.experiments if line.state == "refuted")
    any_kept = any(share.kept for share in shares)
    for share, cells in zip(shares, told, strict=True):
        effort = efforts.get(share.agent)
        runs, cpu_s = (effort.runs, effort.cpu_s) if effort else (0, 0.0)
        of_each = percent(share.gain / runs, signed=True) if runs and share.kept else ""
        if refuted[share.agent] and "kept" in heads:
            cells[heads.index("kept")] += f", {refuted[share.agent]:,} refuted"
        cells += [f"{runs:,}", duration(cpu_s), *([of_each] if any_kept else [])]
    more = ["runs", "their CPU time", *(["uncertified gain per run"] if any_kept else [])]
    return [*heads, *more] if told else [], told


def cost_rows(summary: Summary) -> list[tuple[str, str]]:
    """Where runs, time and money went."""
    effort = summary.effort
    purposes = ", ".join(f"{count:,} {purpose}" for purpose, count in effort.runs_by_purpose.items())
    return [
        ("time worked on", duration(effort.hours * 3600)),
        ("runs", f"{effort.runs:,} ({purposes})" if purposes else ""),
        ("CPU time of runs", duration(effort.cpu_hours * 3600)),
        ("time agents took", duration(effort.agent_s)),
        ("money", money(effort.usd, priced=effort.priced)),
        ("tokens", f"{effort.tokens:,}" if effort.tokens else ""),
    ]
