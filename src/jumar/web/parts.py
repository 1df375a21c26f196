"""Owns the small things that pages are made of. Whatever they are given is shown as text, never as markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from jumar.reports.pages import Chain, Row, Trouble
from jumar.reports.words import number, percent
from jumar.rules.plain import plain

Content = TypeVar("Content")

SHOWN_AS = {
    "baseline": "baseline", "kept": "kept", "refuted": "refuted", "discarded": "discarded",
    "failed": "failed", "invalid": "invalid", "held": "waits for you", "open": "open",
}  # fmt: skip


class Words(TextElement):
    """Text in an HTML element of any kind; control characters are written out."""

    def __init__(self, text: str, tag: str = "span", classes: str = "") -> None:
        super().__init__(tag=tag, text=plain(text))
        self.classes(classes)

    def say(self, text: str) -> None:
        """Say something else."""
        self.text = plain(text)


def spoken(text: str, tag: str = "p", classes: str = "") -> None:
    """A sentence of Jumar's own, without the backticks that it has for a terminal."""
    Words(text.replace("`", ""), tag, classes)


class Lines(TextElement):
    """Text of several lines, as a program printed it."""

    def __init__(self, text: str, classes: str = "") -> None:
        super().__init__(tag="pre", text=plain(text, lines=True))
        self.classes(classes)
        self.props("tabindex=0")


class Part(Generic[Content]):
    """A part of a page: drawn anew when what it shows has changed, and only then.

    `key` picks what it shows from what it is given; by itself all of it.
    """

    def __init__(
        self,
        draw: Callable[[Content], None],
        classes: str = "",
        *,
        key: Callable[[Content], object] | None = None,
    ) -> None:
        self._box = ui.element("div").classes(classes)
        self._draw, self._key = draw, key
        self._shown: object = None

    def show(self, content: Content) -> None:
        """Show this from now on."""
        shown = self._key(content) if self._key else content
        if shown == self._shown:
            return
        self._shown = None  # until it is drawn whole
        self._box.clear()
        with self._box:
            self._draw(content)
        self._shown = shown


def box(classes: str = "", tag: str = "div") -> ui.element:
    """A container."""
    return ui.element(tag).classes(classes)


def section(title: str, note: str = "") -> ui.element:
    """A part of a page under a heading of its own; what it holds is put into it."""
    with box("section", "section") as made, box("section-head"):
        Words(title, "h2")
        if note:
            Words(note, classes="soft")
    return made


def link(text: str, target: str, classes: str = "") -> ui.link:
    """A way to another page of ours."""
    assert target.startswith("/") and not target.startswith("//")
    return ui.link(plain(text), target).classes(classes)


def experiment_link(number_: int, text: str = "", classes: str = "") -> ui.link:
    """The way to an experiment's page."""
    return link(text or f"#{number_}", f"/experiment/{number_}", classes)


def chip(state: str, *, certain: bool = False) -> Words:
    """What became of an experiment: in words first, in a colour as well."""
    mark = ", certain" if certain else ""
    return Words(SHOWN_AS.get(state, state) + mark, classes=f"chip is-{state}")


def button(text: str, deed: Callable[..., Any], kind: str = "quiet", *, icon: str = "") -> ui.button:
    """A button. The one that does what a page is for is `main`, one that ends something is `grave`."""
    made = ui.button(text, icon=icon or None, color=None, on_click=deed).classes(kind)
    return made.props("unelevated no-caps")


def figure(name: str, value: str, note: str = "", classes: str = "") -> None:
    """A number under its name."""
    with box(f"figure {classes}"):
        Words(name, "dt")
        Words(value, "dd", "value")
        if note:
            Words(note, "dd", "soft")


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Names and what belongs to them; what is empty is left out."""
    with box("facts", "dl"):
        for name, value in rows:
            if value:
                Words(name, "dt")
                Words(value, "dd")


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Any]], *, numeric: frozenset[str] = frozenset()
) -> None:
    """A table of few rows. A cell is text, or a function that draws it."""
    with box("scroll"), box("plain", "table"):
        with box(tag="thead"), box(tag="tr"):
            for head in heads:
                Words(head, "th", "n" if head in numeric else "").props("scope=col")
        with box(tag="tbody"):
            for row in rows:
                with box(tag="tr"):
                    for head, cell in zip(heads, row, strict=True):
                        _cell(cell, "n" if head in numeric else "")


def _cell(cell: Any, classes: str) -> None:
    if callable(cell):
        with box(classes, "td"):
            cell()
    else:
        Words(str(cell), "td", classes)


def empty(what: str, then: str = "") -> None:
    """Says what will stand here, and what makes it appear."""
    with box("empty"):
        spoken(what)
        if then:
            spoken(then, classes="soft")


def show_trouble(trouble: Trouble) -> None:
    """Says why there is nothing to show, and what mends it."""
    with box("trouble").props("role=alert"):
        spoken(trouble.problem[:1].upper() + trouble.problem[1:], classes="strong")
        spoken(f"What to do: {trouble.fix}")


def broken_words(chain: Chain) -> str:
    """Where the record's chain is broken, and how."""
    at = f" at entry {chain.broken_at:,}" if chain.broken_at else ""
    return f"The record was changed after it was written. Its chain is broken{at}: {chain.problem}"


def gain_of(row: Row) -> str:
    """A gain as the search saw it, with its interval where it has one."""
    if row.gain is None:
        return ""
    said = percent(row.gain, signed=True)
    if row.low is not None and row.high is not None:
        said += f"  ({percent(row.low, signed=True)} to {percent(row.high, signed=True)})"
    return said


def value_of(value: float | None) -> str:
    """A metric's value; nothing where there is none."""
    return "" if value is None else number(value)
