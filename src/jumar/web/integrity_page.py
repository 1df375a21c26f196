"""Owns the page that says why the numbers can be believed: the chain, breaches, the sandbox, claims."""

from __future__ import annotations

import time

from nicegui import ui
from nicegui.page_arguments import PageArguments

from jumar.reports.pages import Chain, Integrity
from jumar.reports.words import duration, plural, size
from jumar.rules.plain import short
from jumar.web.buttons import ask
from jumar.web.desk import Desk
from jumar.web.parts import (
    Part,
    Words,
    box,
    broken_words,
    button,
    chip,
    empty,
    experiment_link,
    facts,
    section,
    table,
)  # fmt: skip


class IntegrityPage:
    """Chain, breaches, promises, claims."""

    title = "Integrity"

    def __init__(self, desk: Desk, _: PageArguments) -> None:
        self._desk = desk

    async def open(self) -> None:
        """Draw the page; with the first one of a server the whole record is checked."""
        await self._desk.have_checked()
        Words("Integrity", "h1")
        Words("Why the numbers of this study can be believed, and where that ends.", "p", "lead")
        with box("two"):
            with section("The record"):
                self._chain: Part[Chain] = Part(self._draw_chain)
            with section("The score"):
                self._score: Part[Integrity] = Part(_draw_score)
        with section("Breaches that were caught"):
            self._breaches: Part[Integrity] = Part(_draw_breaches)
        with box("two"):
            with section("What the sandbox keeps"):
                self._promises: Part[Integrity] = Part(_draw_promises)
            with section("Certifications"):
                self._claims: Part[Integrity] = Part(_draw_claims)
        await self.renew()

    async def renew(self) -> None:
        """Draw anew what has changed."""
        found = await self._desk.ask(lambda board: board.integrity())
        self._chain.show(found.chain)
        for part in (self._score, self._breaches, self._promises, self._claims):
            part.show(found)

    def _draw_chain(self, chain: Chain) -> None:
        if chain.broken_at is not None:
            with box("trouble").props("role=alert"):
                Words(broken_words(chain), "p", "strong")
                Words("What to do: restore the record from a backup; what follows cannot be trusted.", "p")
        else:
            words, kind = standing(chain)
            Words(words, classes=f"chip {kind}")
        since = "links followed" if chain.whole_checked_at is None else "links since then"
        with box("spaced"):
            facts(
                (
                    ("everything checked", _checked(chain)),
                    (since, f"{chain.entries - chain.whole_entries:,}, as entries came"),
                    ("newest digest", chain.head),
                )
            )
        if not self._desk.read_only:
            check = button("Check everything now", self._check, "quiet spaced")
            check.set_enabled(not chain.is_checking)

    async def _check(self) -> None:
        ui.notify("Every entry is read again; that takes seconds to a minute", position="bottom")
        if found := await ask(self._desk, lambda board: board.check_all()):
            self._chain.show(found)


def standing(chain: Chain) -> tuple[str, str]:
    """What may be said of a chain that nothing has shown to be broken, and the colour that goes with it."""
    if chain.problem:
        return "Could not be checked", "is-failed"
    if chain.whole_checked_at is not None:
        return "Whole", "is-good"
    if chain.is_checking:
        return "Is being checked …", ""
    return "Not checked yet", ""


def _checked(chain: Chain) -> str:
    if chain.is_checking:
        return "is being checked …"
    if chain.problem and chain.broken_at is None:
        return f"could not be: {chain.problem}"
    if chain.whole_checked_at is None:
        return "not yet"
    took = f", in {duration(chain.whole_took_s)}" if chain.whole_took_s is not None else ""
    return time.strftime("%d %b %H:%M:%S", time.localtime(chain.whole_checked_at)) + took


def _draw_score(found: Integrity) -> None:
    facts(
        (
            ("scored by", found.scored_by),
            ("self-reported", "yes: the candidate's own word is believed" if found.self_reported else "no"),
            ("hidden data", "yes: no run can read it" if found.hidden else "none: gains rest on fresh seeds"),
            ("sandbox", found.sandbox),
            ("Jumar", found.jumar),
            *(_fact(name, value) for name, value in found.machine),
        )
    )


def _fact(name: str, value: str) -> tuple[str, str]:
    if name.endswith(" bytes") and value.isdecimal():
        return name.removesuffix(" bytes"), size(int(value))
    return name, short(value, 200)


def _draw_breaches(found: Integrity) -> None:
    if not found.breaches:
        return empty(
            "No proposal broke the contract.", "What touches what is protected is refused, and stands here."
        )
    rows = [
        (one.code, f"{one.count:,}", short(one.words, 240), lambda one=one: _numbers(one.latest))
        for one in found.breaches
    ]
    table(("breach", "caught", "the latest", "experiments"), rows, numeric=frozenset({"caught"}))
    Words(f"{plural(found.refused, 'proposal')} refused in all.", "p", "note")


def _numbers(numbers: tuple[int, ...]) -> None:
    with box("actions"):
        for one in numbers:
            experiment_link(one)


def _draw_promises(found: Integrity) -> None:
    with box("promises", "ul"):
        for promise in found.promises:
            with box("promise", "li"):
                said = "kept" if promise.kept else "waived" if promise.waived else "not kept"
                Words(said, classes="chip is-good" if promise.kept else "chip is-failed")
                Words(promise.words or promise.name)


def _draw_claims(found: Integrity) -> None:
    if not found.claims and not found.refuted:
        return empty("Nothing was certified yet.", "`jumar certify` measures the champion on fresh seeds.")
    with box("list", "ul"):
        for words in found.claims:
            Words(words, "li")
    if found.refuted:
        Words("Taken back", "h3", "spaced")
        for row in found.refuted:
            with box("actions"):
                experiment_link(row.number)
                chip(row.state)
                Words(short(row.reason, 200), classes="soft")
