"""Owns the buttons that steer a study, with the questions that they ask first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from nicegui import ui

from jumar.board import Board
from jumar.errors import JumarError
from jumar.reports.pages import Overview
from jumar.rules.plain import plain
from jumar.web import deeds
from jumar.web.desk import Desk
from jumar.web.parts import Part, Words, box, button, spoken

_NOTICE_MS = 6000

Answer = TypeVar("Answer")


class Steering:
    """Tell, pause or resume, stop. Not drawn where pages are for reading only."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._part: Part[tuple[bool, str]] = Part(self._draw, "actions")

    def show(self, seen: Overview) -> None:
        """Show what can be asked of the study now."""
        if not self._desk.read_only:
            self._part.show((seen.is_running, seen.condition))

    def _draw(self, now: tuple[bool, str]) -> None:
        runs, condition = now
        button("Tell", self._ask_for_words, icon="chat_bubble_outline")
        if runs and condition == "paused":
            button("Resume", lambda: do(self._desk, deeds.resume), icon="play_arrow")
        elif runs:
            button("Pause", lambda: do(self._desk, deeds.pause), icon="pause")
        if runs:
            button("Stop", self._ask_how_to_stop, icon="stop")

    def _ask_for_words(self) -> None:
        with ui.dialog(value=True) as dialog, ui.card().classes("ask"):
            Words("Tell the agents", "h2")
            Words(
                "It stands in every brief from now on, for agents that take words (models).",
                "p",
                "soft small",
            )
            words = ui.textarea(placeholder="try smaller batches first").props("outlined autofocus autogrow")
            words.props('aria-label="words for the agents"').classes("full")

            async def tell() -> None:
                if await do(self._desk, deeds.tell(str(words.value or ""))):
                    dialog.close()

            with box("actions end"):
                button("Cancel", dialog.close)
                button("Tell", tell, "main")

    def _ask_how_to_stop(self) -> None:
        with ui.dialog(value=True) as dialog, ui.card().classes("ask"):
            Words("Stop the study?", "h2")
            spoken("Nothing is lost: `jumar run` goes on from there.", classes="soft")

            async def stop(deed: deeds.Deed) -> None:
                dialog.close()
                await do(self._desk, deed)

            with box("actions end"):
                button("Cancel", dialog.close)
                button("End what runs", lambda: stop(deeds.stop_now), "grave")
                button("Finish what runs", lambda: stop(deeds.stop), "main")


def ask_for_ruling(desk: Desk, number: int) -> None:
    """Approve or reject an experiment that waits, with a reason where there is one."""
    why = ui.input(placeholder="why (agents are told)").props("outlined dense").classes("why")
    why.props(f'aria-label="why, for experiment {number}"')
    button("Approve", lambda: do(desk, deeds.approve(number, str(why.value or ""))), "main")
    button("Reject", lambda: do(desk, deeds.reject(number, str(why.value or ""))), "grave")


async def ask(desk: Desk, question: Callable[[Board], Answer]) -> Answer | None:
    """What the board answers to who pressed something; None where there is trouble, which is said."""
    try:
        return await desk.ask(question)
    except JumarError as error:
        _say(f"{error.problem}. What to do: {error.fix}", "negative")
        return None


async def do(desk: Desk, deed: deeds.Deed) -> bool:
    """Do it, and say what came of it; whether it was done."""
    try:
        said = await desk.steer(deed)
    except JumarError as error:
        _say(f"{error.problem}. What to do: {error.fix}", "negative")
        return False
    _say(said, "positive")
    return True


def _say(words: str, kind: Literal["positive", "negative"]) -> None:
    ui.notify(plain(words).replace("`", ""), type=kind, position="bottom", timeout=_NOTICE_MS)
