"""Owns which pages there are, and what each of them has to offer to the frame that holds it."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Page(Protocol):
    """A page of the study.

    `open` reads what it shows and draws it into the container that is current; `renew` is called after
    every change of the record, and draws anew what has changed. Both may raise JumarError.
    """

    title: str

    async def open(self) -> None: ...

    async def renew(self) -> None: ...


class Place(NamedTuple):
    """Where a page is, and the key that leads there."""

    name: str
    path: str
    key: str


PLACES = (
    Place("Study", "/", "1"),
    Place("Experiments", "/experiments", "2"),
    Place("Lineage", "/lineage", "3"),
    Place("Lessons", "/lessons", "4"),
    Place("Integrity", "/integrity", "5"),
)
