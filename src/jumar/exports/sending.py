"""Sends a study to a tracker: what is new there or says something else now, and nothing twice."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from jumar.errors import EnvironmentUnfit
from jumar.exports.outgoing import Course, Outgoing, Sheet, course, sheets


class Tracker(Protocol):
    """A place outside that shows experiments, and promises this.

    What `write` or `write_course` wrote is `known` from then on by its mark, and only once it is there
    as a whole: what was cut off is written again. Writing replaces what the same experiment was before.
    """

    def known(self) -> Mapping[int, str]:
        """The mark of every experiment of the study that is there, by number."""
        ...

    def write(self, sheet: Sheet) -> None: ...

    def write_course(self, course: Course) -> None: ...

    def close(self) -> None: ...


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did."""

    written: int
    unchanged: int


def send(study: Outgoing, tracker: Tracker, told: Callable[[int], None] = lambda _: None) -> Sent:
    """Write what the tracker does not have yet. `told` hears how many are done, each time."""
    written = unchanged = 0
    try:
        known = tracker.known()
        for sheet in sheets(study):
            if known.get(sheet.number) == sheet.mark:
                unchanged += 1
            else:
                tracker.write(sheet)
                written += 1
            told(written + unchanged)
        tracker.write_course(course(study))
    finally:
        tracker.close()
    return Sent(written=written, unchanged=unchanged)


def need(module: str, extra: str) -> None:
    """Raise EnvironmentUnfit where a library of an extra is not installed."""
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        name = module.partition(".")[0]
        raise EnvironmentUnfit(
            f"{name} is not installed, so nothing was exported", fix=f"pip install 'jumar[{extra}]'"
        )
