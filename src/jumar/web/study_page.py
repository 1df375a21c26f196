"""Owns the page of the study as a whole: the claim, the stairs, what runs, what waits, what it cost."""

from __future__ import annotations

import time

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments
from nicegui.page_arguments import PageArguments

from jumar.reports.agents import agent_rows
from jumar.reports.pages import Bound, Busy, InFlight, Overview, Said, Waiting
from jumar.reports.words import duration, money, number, percent, plural
from jumar.rules.plain import short
from jumar.web.buttons import Steering, ask_for_ruling
from jumar.web.charts import stairs
from jumar.web.desk import Desk
from jumar.web.parts import Part, Words, box, empty, experiment_link, figure, link, section, spoken, table
from jumar.web.sketches import busy, spark

_MOST_QUEUED, _MOST_SAID = 8, 12
_BOUNDS = {"usd": "cost", "hours": "time", "plateau": "without a keep", "target": "target value"}


class StudyPage:
    """The study at a glance."""

    title = "Study"

    def __init__(self, desk: Desk, _: PageArguments) -> None:
        self._desk = desk

    async def open(self) -> None:
        """Draw the page."""
        seen = await self._desk.overview()
        with box("head"):
            self._claim: Part[Overview] = Part(
                _draw_claim,
                key=lambda it: (it.sentence, it.champion, it.gap_in_words, it.keeps_in_words, it.doing),
            )
            self._steering = Steering(self._desk)
        self._figures: Part[Overview] = Part(
            _draw_figures,
            key=lambda it: (it.experiments, it.counts, it.gain, it.claim, it.usd, int(it.active_s / 10)),
        )
        self._asks: Part[tuple[Waiting, ...]] = Part(self._draw_asks)
        self._notes: Part[str] = Part(_draw_note)
        better = "lower" if seen.direction == "minimize" else "higher"
        reported = ", self-reported" if seen.self_reported else ""
        with section("Course", f"{seen.metric}: {better} is better{reported}"):
            self._aside: Part[Overview] = Part(_draw_aside, key=_left_out)
            self._chart = ui.echart(stairs(seen), on_point_click=_open, renderer="svg").classes("chart")
            self._drawn = stairs_of(seen)
            self._chart.set_visibility(bool(seen.steps or seen.dots))
        with box("two"):
            with section("Running now"):
                self._running: Part[Overview] = Part(_draw_running)
            with section("Next"):
                self._queue: Part[Overview] = Part(_draw_queue, key=lambda it: (it.waiting, it.queued))
        with box("two"):
            with section("Workers"):
                self._busy: Part[Busy] = Part(_draw_busy)
            with section("Limits"):
                self._bounds: Part[Overview] = Part(
                    _draw_bounds, key=lambda it: [(one.name, _spent(one)) for one in it.bounds]
                )
        with section("Agents"):
            self._agents: Part[Overview] = Part(_draw_agents, key=lambda it: it.agents)
        with section("What happened"):
            self._latest: Part[tuple[Said, ...]] = Part(_draw_latest)
        self._show(seen)

    async def renew(self) -> None:
        """Draw anew what has changed."""
        seen = await self._desk.overview()
        self._show(seen)
        if stairs_of(seen) != self._drawn:
            self._drawn = stairs_of(seen)
            self._chart.set_visibility(bool(seen.steps or seen.dots))
            self._chart.options.clear()
            self._chart.options.update(stairs(seen))
            self._chart.update()

    def _show(self, seen: Overview) -> None:
        self._claim.show(seen)
        self._steering.show(seen)
        self._figures.show(seen)
        self._asks.show(tuple(one for one in seen.waiting if one.kind == "approval"))
        self._notes.show(seen.contract_note)
        self._aside.show(seen)
        self._running.show(seen)
        self._queue.show(seen)
        self._busy.show(seen.busy)
        self._bounds.show(seen)
        self._agents.show(seen)
        self._latest.show(seen.latest[:_MOST_SAID])

    def _draw_asks(self, asks: tuple[Waiting, ...]) -> None:
        for one in asks:
            with box("callout"):
                with box():
                    experiment_link(_number(one), f"#{_number(one)} waits for your approval", "strong")
                    Words(short(one.words, 300), "p")
                if not self._desk.read_only:
                    with box("actions ruling"):
                        ask_for_ruling(self._desk, _number(one))


def stairs_of(seen: Overview) -> tuple[object, ...]:
    """All that the chart shows; drawing it is the dearest thing on the page."""
    return seen.steps, seen.dots, seen.without_value, seen.bands, seen.baseline


def _open(clicked: EChartPointClickEventArguments) -> None:
    value = clicked.data.get("value") if isinstance(clicked.data, dict) else clicked.data
    if isinstance(value, list) and value:
        ui.navigate.to(f"/experiment/{int(value[0])}")


def _draw_claim(seen: Overview) -> None:
    with box():
        Words(seen.sentence[:1].upper() + seen.sentence[1:], "h1")
        champion = seen.champion
        if champion.value is None:
            Words("The unchanged target is measured first; what it is worth appears here.", "p", "lead")
        else:
            with box("lead line", "p"):
                Words(f"{seen.metric} {number(champion.value)}")
                if champion.experiment:
                    experiment_link(champion.experiment, f"experiment {champion.experiment}", "under")
                else:
                    Words("the unchanged target")
                Words(f"mean of {plural(champion.runs, 'run')}")
        for words in filter(None, (seen.gap_in_words, seen.keeps_in_words, seen.doing)):
            spoken(words, classes="note")


def _draw_figures(seen: Overview) -> None:
    counts = seen.counts
    with box("figures", "dl"):
        if seen.gain is not None and seen.champion.experiment:
            figure("gain, uncertified", percent(seen.gain, signed=True))
        claim = seen.claim
        if claim is not None and claim.certified:
            low, high = (percent(end, signed=True) for end in sorted(claim.relative_interval))
            at = "" if seen.claim_is_current else f", of #{claim.experiment}"
            figure("gain, certified", percent(claim.relative, signed=True), f"{low} to {high}{at}", "good")
        figure("experiments", f"{seen.experiments:,}", _counted(counts))
        figure(
            "kept", f"{counts.get('kept', 0):,}", f"{n:,} refuted" if (n := counts.get("refuted", 0)) else ""
        )
        figure("worked", duration(seen.active_s), _pace(seen))
        if seen.time_left_s:
            figure("left", f"about {duration(seen.time_left_s)}")
        if seen.usd or not seen.priced:
            figure("cost", money(seen.usd, priced=seen.priced), plural(seen.tokens, "token"))


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(
        f"{counts[one]:,} {one}" for one in ("discarded", "failed", "invalid", "open") if counts.get(one)
    )


def _pace(seen: Overview) -> str:
    hours = seen.active_s / 3600
    return f"{seen.experiments / hours:,.0f} an hour" if hours > 0.1 else ""


def _draw_note(words: str) -> None:
    if words:
        spoken(words, classes="warning")


def _left_out(seen: Overview) -> tuple[int, int, bool]:
    """How many are not drawn: with a number, without one; and whether anything is drawn at all."""
    failed = seen.counts.get("failed", 0) + seen.counts.get("invalid", 0)
    return seen.left_out, max(0, failed - len(seen.without_value)), bool(seen.steps)


def _draw_aside(seen: Overview) -> None:
    with_number, without, measured = _left_out(seen)
    if not measured:
        empty("Nothing is measured yet.", "Each experiment becomes a dot here, each keep a step.")
    told = [f"{with_number:,} discarded ones, evenly"] if with_number else []
    if without:
        told.append(f"{without:,} older ones without a number")
    if told:
        Words(f"Left out: {' and '.join(told)}. All are under Experiments.", "p", "note")


def _draw_running(seen: Overview) -> None:
    if not seen.running:
        return empty("No run is under way.", _what_starts_one(seen))
    now = time.time()
    for run in seen.running:
        _draw_run(run, now)


def _what_starts_one(seen: Overview) -> str:
    if seen.is_running:
        return "The next one starts when there is something to run."
    if seen.condition == "finished":
        return "The study is finished; with a higher limit it goes on by `jumar run`."
    return "It goes on with `jumar run`."


def _draw_run(run: InFlight, now: float) -> None:
    about = "the unchanged target" if run.experiment == 0 else short(run.hypothesis, 120)
    with box("run"):
        experiment_link(run.experiment)
        with box():
            Words(about, "div", "what")
            with box("meter"):
                box().style(f"width: {100 * min(1.0, run.progress or 0):.1f}%")
        with box("curve"):
            spark(run.curve, f"loss of run {run.key} so far")
        what = (
            "scoring"
            if run.scoring
            else run.purpose
            if run.side == "candidate"
            else f"{run.purpose}, {run.side}"
        )
        done = f"{100 * min(1.0, run.progress):.0f} %, " if run.progress is not None else ""
        with box("far"):
            Words(what, "div")
            Words(f"{done}{duration(max(0.0, now - run.started_at))}", "div")


def _draw_queue(seen: Overview) -> None:
    waiting = [one for one in seen.waiting if one.kind != "approval"]
    if not waiting and not seen.queued:
        return empty("Nothing waits.", "Proposals that have no free worker yet stand here.")
    if seen.queued:
        waits = "1 run waits" if seen.queued == 1 else f"{seen.queued:,} runs wait"
        Words(f"{waits} for a worker", "p", "soft small")
    rows = [(one.kind, _named(one), short(one.words, 140)) for one in waiting[:_MOST_QUEUED]]
    if rows:
        table(("what", "who", "about"), rows)
    if (more := len(waiting) - _MOST_QUEUED) > 0:
        Words(f"and {more:,} more", "p", "note")


def _named(one: Waiting) -> object:
    if one.kind in ("run", "retest"):
        return lambda: experiment_link(_number(one))
    return one.name


def _number(one: Waiting) -> int:
    """Which experiment waits."""
    return int(one.name.lstrip("#"))


def _draw_busy(seen: Busy) -> None:
    if not any(seen.runs):
        return empty("No run was made yet.", "How many were under way at once is drawn here.")
    mean = sum(seen.runs) / len(seen.runs)
    of = f" of {seen.workers}" if seen.workers else ""
    busy(seen.runs, seen.workers, f"runs under way over time, {mean:.1f}{of} in the mean")
    with box("ends"):
        Words(_clock(seen.first_at))
        Words(f"{mean:.1f}{of} busy in the mean")
        Words(_clock(seen.first_at + seen.width_s * len(seen.runs)))


def _clock(at: float, *, seconds: bool = False) -> str:
    """A moment; of today, where seconds are wanted, the time alone."""
    then = time.localtime(at)
    is_today = seconds and then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if is_today else "%d %b %H:%M", then)


def _draw_bounds(seen: Overview) -> None:
    if not seen.bounds:
        return empty(
            "The contract sets no limit.", "`[limits]` in jumar.toml does, also while the study runs."
        )
    for bound in seen.bounds:
        with box("bound"):
            with box("ends"):
                Words(_BOUNDS.get(bound.name, bound.name))
                Words(_spent(bound))
            with box("meter"):
                share = min(1.0, (bound.spent or 0) / bound.limit) if bound.limit else 0.0
                box().style(f"width: {100 * max(0.0, share):.1f}%")


def _spent(bound: Bound) -> str:
    spent = "none yet" if bound.spent is None else _amount(bound.name, bound.spent)
    return f"{spent} of {_amount(bound.name, bound.limit)}"


def _amount(of: str, how_much: float) -> str:
    if of == "usd":
        return money(how_much)
    return duration(3600 * how_much) if of == "hours" else number(how_much)


def _draw_agents(seen: Overview) -> None:
    if not seen.agents:
        return empty("No agent has proposed anything yet.", "What each proposed, kept and cost stands here.")
    heads, rows = agent_rows(seen.agents)
    table(heads, rows, numeric=frozenset(heads[1:]))


def _draw_latest(said: tuple[Said, ...]) -> None:
    if not said:
        return empty("Nothing has happened yet.")
    with box("happening"):
        for one in said:
            Words(_clock(one.at, seconds=True), classes="soft")
            if one.experiment:
                experiment_link(one.experiment, short(one.words, 260))
            else:
                Words(short(one.words, 260))
    link("All experiments", "/experiments", "soft small under")
