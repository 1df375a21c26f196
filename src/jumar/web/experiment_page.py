"""Owns the page of one experiment: what was tried, what came of it, and what that rests on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from nicegui import ui
from nicegui.page_arguments import PageArguments

from jumar.errors import Usage
from jumar.reports.pages import Detail, LogView, PairView, Query, Row, RunView, Turn
from jumar.reports.words import duration, money, number, percent, plural, size
from jumar.rules.plain import short
from jumar.web.buttons import ask, ask_for_ruling
from jumar.web.charts import curves, differences
from jumar.web.code import diff_lines, show_lines
from jumar.web.desk import Desk
from jumar.web.experiments_page import address_of
from jumar.web.parts import (
    Lines,
    Part,
    Words,
    box,
    button,
    chip,
    empty,
    experiment_link,
    facts,
    figure,
    gain_of,
    link,
    section,
    show_trouble,
    table,
    value_of,
)  # fmt: skip

_MOST_CURVES, _FOLDED_RUNS = 12, 40
_COMPARED = {
    "confirm": "Paired differences",
    "revisit": "Paired differences when it was measured anew",
    "certify": "Paired differences of its certification against the baseline",
}
_SPOKEN_FOR = {"confirm": "candidate", "revisit": "champion", "certify": "champion"}


class ExperimentPage:
    """One experiment."""

    def __init__(self, desk: Desk, arguments: PageArguments) -> None:
        asked = arguments.path_parameters["number"]
        self._desk = desk
        self._number = int(asked) if asked.isdecimal() and len(asked) < 12 else -1
        self._asked = asked
        self._detail: Detail | None = None
        self.title = f"#{asked}" if self._number >= 0 else "No experiment"

    def step(self, forward: bool) -> str:
        """The address of a neighbour; empty at the end."""
        if self._detail is None:
            return ""
        target = self._detail.after if forward else self._detail.before
        return "" if target is None else f"/experiment/{target}"

    async def open(self) -> None:
        """Draw the page."""
        detail = await self._read()
        self._head: Part[Detail] = Part(
            self._draw_head, key=lambda it: (it.row, it.before, it.after, it.lesson, it.claim_words)
        )
        with section("Change", ""):
            self._diff: Part[Detail] = Part(_draw_diff, key=lambda it: (it.diff, it.diff_trouble))
        with section("Evidence"):
            self._evidence: Part[Detail] = Part(
                _draw_evidence, key=lambda it: (it.pairs, it.evidence, it.row.judged_at)
            )
        with section("Runs"):
            self._runs: Part[Detail] = Part(_draw_runs, key=lambda it: (it.runs, it.curves))
        with section("Log", "written by the candidate"):
            self._log: Part[Detail] = Part(self._draw_log, key=lambda it: (it.log, it.log_trouble))
        with section("Transcript", "written by the agent"):
            self._turns: Part[int] = Part(self._draw_turns)
        with section("Lineage"):
            self._lineage: Part[Detail] = Part(_draw_lineage, key=lambda it: (it.lineage, it.children))
        self._show(detail)

    async def renew(self) -> None:
        """Draw anew what has changed."""
        self._show(await self._read())

    async def _read(self) -> Detail:
        if self._number < 0:
            raise Usage(f"{self._asked} is no number of an experiment", fix="choose one under Experiments")
        wanted = self._number
        found = await self._desk.ask(lambda board: board.detail(wanted))
        self._detail = found
        return found

    def _show(self, detail: Detail) -> None:
        for part in (self._head, self._diff, self._evidence, self._runs, self._log, self._lineage):
            part.show(detail)
        self._turns.show(detail.turns)

    def _draw_head(self, detail: Detail) -> None:
        row = detail.row
        with box("actions"):
            Words(f"#{row.number}", classes="soft strong")
            chip(row.state, certain=row.certain)
            for target, words in ((detail.before, "← #{}"), (detail.after, "#{} →")):
                if target is not None:
                    experiment_link(target, words.format(target), "soft small")
        Words(_title(row), "h1", "title")
        _draw_figures(detail)
        if row.reason:
            Words(row.reason, "p", "lead wide-text")
        for words in (detail.predicted_words, detail.claim_words):
            if words:
                Words(words, "p", "note")
        if detail.lesson:
            Words(f"Lesson{'' if detail.lesson_by_agent else ' (by rule)'}: {detail.lesson}", "p", "note")
        if row.state == "held" and not self._desk.read_only:
            with box("callout"):
                Words("It would be kept, and waits for your approval.", "p", "strong")
                with box("actions ruling"):
                    ask_for_ruling(self._desk, row.number)

    def _draw_log(self, detail: Detail) -> None:
        if detail.log_trouble:
            return show_trouble(detail.log_trouble)
        if detail.log is None:
            return empty("Nothing was printed yet.", "The end of what its latest run prints stands here.")
        self._whole: Part[LogView] = Part(self._draw_text)
        self._whole.show(detail.log)

    def _draw_text(self, log: LogView) -> None:
        live = ", still running" if log.is_live else ""
        with box("actions"):
            Words(
                f"run {log.key}, {size(log.size)}{live}{'' if log.is_whole else ', its end'}",
                classes="soft small",
            )
            if not log.is_whole and not log.is_live:
                button("Show all of it", self._read_log, "quiet toggle")
        Lines(log.text or "(nothing)", "log")

    async def _read_log(self) -> None:
        wanted = self._number
        whole = await ask(self._desk, lambda board: board.log(wanted, whole=True))
        if whole is not None:
            self._whole.show(whole)

    def _draw_turns(self, turns: int) -> None:
        if not turns:
            return empty(
                "There is no transcript.",
                "Agents that ask a model leave its answers here; the tuner asks none.",
            )
        self._said = box()
        with self._said:
            button(f"Read {plural(turns, 'answer')}", self._read_turns)

    async def _read_turns(self) -> None:
        wanted = self._number
        turns = await ask(self._desk, lambda board: board.transcript(wanted)) or ()
        self._said.clear()
        with self._said:
            for turn in turns:
                _draw_turn(turn)


def _title(row: Row) -> str:
    return row.hypothesis or ("The unchanged target" if row.number == 0 else "Without a hypothesis")


def _draw_figures(detail: Detail) -> None:
    row = detail.row
    with box("figures", "dl"):
        if row.value is not None:
            parent = (
                f"parent {number(detail.parent.value)}"
                if detail.parent and detail.parent.value is not None
                else ""
            )
            figure(detail.metric, number(row.value), parent)
        if row.gain is not None:
            interval = gain_of(row).partition("  ")[2].strip("()")
            figure(
                "gain, uncertified", percent(row.gain, signed=True), f"95 %: {interval}" if interval else ""
            )
        if row.predicted is not None:
            figure("predicted", percent(row.predicted, signed=True))
        figure("runs", f"{row.runs:,}", f"{row.cpu_s:,.1f} CPU s")
        if row.usd or row.tokens:
            figure("cost", money(row.usd), plural(row.tokens, "token"))
        if row.tries:
            figure("tried on it", f"{row.tries:,}")


def _draw_diff(detail: Detail) -> None:
    if detail.diff_trouble:
        return show_trouble(detail.diff_trouble)
    if not detail.diff:
        what = (
            "This is the unchanged target." if detail.row.number == 0 else "Nothing differs from its parent."
        )
        return empty(
            what, "" if detail.row.number == 0 else "What was refused before a run never became a commit."
        )
    show_lines(diff_lines(detail.diff))
    if detail.diff_left_out:
        Words(f"{size(detail.diff_left_out)} more: jumar diff {detail.row.number}", "p", "note")


def _draw_evidence(detail: Detail) -> None:
    told = [pair for pair in detail.pairs if pair.gain is not None]
    for words, pairs in compared(told, short(detail.metric, 40)):
        Words(words, "h3")
        ui.echart(differences(pairs), renderer="svg").classes("chart low")
    if detail.evidence:
        with box("spaced"):
            facts(detail.evidence)
    elif not told:
        empty("There is no verdict yet.", "What the judge saw stands here when it has spoken.")
    with box("spaced"):
        facts(_facts(detail))
    if detail.details:
        Words(f"Said by {short(detail.row.agent, 60) or 'its agent'}", "h3", "spaced")
        facts(detail.details)


def compared(told: Sequence[PairView], metric: str) -> Iterator[tuple[str, list[PairView]]]:
    """Each comparison under its heading: a certification's pairs are other runs than the test's."""
    for purpose, what in _COMPARED.items():
        if pairs := [pair for pair in told if pair.purpose == purpose]:
            yield f"{what} in {metric}: above 0 the {_SPOKEN_FOR[purpose]} is better", pairs


def _facts(detail: Detail) -> tuple[tuple[str, str], ...]:
    row = detail.row
    return (
        ("breach", row.code),
        ("agent", row.agent),
        ("touches", row.touched),
        ("commit", detail.commit),
        ("parent", detail.parent_commit),
        ("proposed", _moment(row.proposed_at)),
        ("judged", _moment(row.judged_at)),
        ("thought", duration(detail.seconds) if detail.seconds >= 1 else ""),
    )


def _moment(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else ""


def _draw_runs(detail: Detail) -> None:
    if not detail.runs:
        return empty("No run was made.", "Each run stands here with its seed and what came of it.")
    shown = [one for one in detail.curves if len(one.points) > 1][:_MOST_CURVES]
    if shown:
        Words("Loss over the share of the budget", "h3")
        ui.echart(curves(shown), renderer="svg").classes("chart low")
    heads = ("run", "for", "side", "seed", detail.metric, "CPU s", "wall s", "peak MB", "")
    rows = [_run_cells(run) for run in detail.runs[:_FOLDED_RUNS]]
    table(heads, rows, numeric=frozenset({"seed", detail.metric, "CPU s", "wall s", "peak MB"}))
    left_out = detail.runs_left_out + max(0, len(detail.runs) - _FOLDED_RUNS)
    if left_out:
        Words(f"{plural(left_out, 'more run')}: jumar show {detail.row.number}", "p", "note")


def _run_cells(run: RunView) -> tuple[object, ...]:
    measured = run.state == "measured"
    return (
        run.key, run.purpose, run.side, str(run.seed), value_of(run.value) if measured else "",
        "" if run.cpu_s is None else f"{run.cpu_s:,.1f}",
        "" if run.wall_s is None else f"{run.wall_s:,.1f}",
        "" if run.peak_memory_bytes is None else f"{run.peak_memory_bytes / 1e6:,.0f}",
        "" if measured else short(run.words, 300),
    )  # fmt: skip


def _draw_turn(turn: Turn) -> None:
    if turn.trouble:
        return show_trouble(turn.trouble)
    cost = money(turn.usd, priced=turn.priced, digits=4)
    said = [
        turn.agent,
        turn.model,
        f"{turn.tokens_in:,} tokens in, {turn.tokens_out:,} out",
        cost,
        duration(turn.seconds),
    ]
    Words(", ".join(filter(None, said)), "p", "soft small spaced")
    Lines(turn.text, "log wrap")
    if not turn.is_whole:
        Words(f"cut: the whole is {size(turn.size)}", "p", "note")


def _draw_lineage(detail: Detail) -> None:
    table(
        ("#", "verdict", detail.metric, "gain, uncertified", "hypothesis"),
        [_kin(row) for row in detail.lineage],
        numeric=frozenset({detail.metric, "gain, uncertified"}),
    )
    if detail.children:
        Words("Tried on it", "h3", "spaced")
        table(
            ("#", "verdict", detail.metric, "gain, uncertified", "hypothesis"),
            [_kin(row) for row in detail.children],
            numeric=frozenset({detail.metric, "gain, uncertified"}),
        )
        if detail.row.tries > len(detail.children):
            target = address_of(Query(parent=detail.row.number))
            link(f"All {detail.row.tries:,} that were tried on it", target, "soft small under")


def _kin(row: Row) -> tuple[object, ...]:
    return (
        lambda: experiment_link(row.number),
        lambda: chip(row.state, certain=row.certain),
        value_of(row.value),
        "" if row.gain is None else percent(row.gain, signed=True),
        _title(row)[:200],
    )
