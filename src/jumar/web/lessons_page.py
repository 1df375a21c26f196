"""Owns the page of what the study learned: lessons, predicted against measured, notes and questions."""

from __future__ import annotations

from nicegui.page_arguments import PageArguments

from jumar.reports.pages import Lessons
from jumar.reports.words import percent
from jumar.rules.lessons import Calibration, Learned
from jumar.rules.plain import short
from jumar.web.buttons import ask
from jumar.web.desk import Desk
from jumar.web.parts import Part, Words, box, button, chip, empty, experiment_link, section, table

_STEP = 50
_MOST = 1000


class LessonsPage:
    """What experiments taught, the newest first."""

    title = "Lessons"

    def __init__(self, desk: Desk, _: PageArguments) -> None:
        self._desk = desk
        self._most = _STEP

    async def open(self) -> None:
        """Draw the page."""
        Words("Lessons", "h1")
        with section("Predicted and measured"):
            self._predictions: Part[tuple[Calibration, ...]] = Part(_draw_predictions)
        with box("two"):
            with section("Notes of researchers outside"):
                self._notes: Part[tuple[str, ...]] = Part(_draw_notes)
            with section("Open questions"):
                self._questions: Part[tuple[str, ...]] = Part(_draw_questions)
        with section("What experiments taught"):
            self._lessons: Part[Lessons] = Part(self._draw_lessons)
        await self.renew()

    async def renew(self) -> None:
        """Draw anew what has changed."""
        most = self._most
        found = await self._desk.ask(lambda board: board.lessons(0, most))
        self._predictions.show(found.predictions)
        self._notes.show(found.notes)
        self._questions.show(found.questions)
        self._lessons.show(found)

    async def _more(self) -> None:
        self._most = most = min(_MOST, self._most + _STEP)
        if found := await ask(self._desk, lambda board: board.lessons(0, most)):
            self._lessons.show(found)

    def _draw_lessons(self, found: Lessons) -> None:
        if not found.lessons:
            return empty(
                "Nothing was learned yet.", "Every verdict leaves a lesson here: the agent's, or one by rule."
            )
        numeric = frozenset({"predicted", "measured"})
        heads = ("#", "verdict", "predicted", "measured", "lesson", "hypothesis")
        table(heads, [_cells(one) for one in found.lessons], numeric=numeric)
        if len(found.lessons) < found.total and self._most < _MOST:
            button(f"Show more of {found.total:,}", self._more, "quiet spaced")


def _cells(one: Learned) -> tuple[object, ...]:
    return (
        lambda: experiment_link(one.experiment),
        lambda: chip(one.decision.value),
        "" if one.predicted is None else percent(one.predicted, signed=True),
        "" if one.measured is None else percent(one.measured, signed=True),
        short(one.lesson, 400),
        short(one.hypothesis, 200),
    )


def _draw_predictions(predictions: tuple[Calibration, ...]) -> None:
    if not predictions:
        return empty(
            "No prediction was put to the test yet.",
            "Agents say what they expect; how right they were stands here.",
        )
    heads = ("agent", "compared", "right direction", "median predicted", "median measured")
    rows = [
        (
            short(one.agent, 60), f"{one.compared:,}", f"{one.right_direction / max(1, one.compared):.0%}",
            percent(one.median_predicted, signed=True), percent(one.median_measured, signed=True),
        )
        for one in predictions
    ]  # fmt: skip
    table(heads, rows, numeric=frozenset(heads[1:]))


def _draw_notes(notes: tuple[str, ...]) -> None:
    _draw_list(notes, "There is no note.", "`jumar note` leaves one, for whoever proposes next.")


def _draw_questions(questions: tuple[str, ...]) -> None:
    _draw_list(questions, "No question is open.", "Agents and researchers may leave some to others.")


def _draw_list(told: tuple[str, ...], none: str, then: str) -> None:
    if not told:
        return empty(none, then)
    with box("list", "ul"):
        for words in told:
            Words(short(words, 600), "li")
