from __future__ import annotations

from collections.abc import Mapping

import pytest

from jumar.errors import EnvironmentUnfit
from jumar.exports.outgoing import Course, Outgoing, Sheet, sheets
from jumar.exports.sending import Sent, need, send
from jumar.testing.records import make_study

RECORD, EXPERIMENTS, CONTRACT = make_study(12, seed=1)
STUDY = Outgoing(
    record=RECORD,
    experiments=EXPERIMENTS,
    contract=CONTRACT,
    diff=lambda number: "",
    artefact=lambda digest: b"",
    hide=str,
)


class Kept:
    """A tracker that keeps what it is told, and breaks where it is told to."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.marks: dict[int, str] = {}
        self.courses: list[Course] = []
        self.closed, self.breaks_at = 0, breaks_at

    def known(self) -> Mapping[int, str]:
        return dict(self.marks)

    def write(self, sheet: Sheet) -> None:
        if sheet.number == self.breaks_at:
            raise EnvironmentUnfit("no room", fix="make some")
        self.marks[sheet.number] = sheet.mark

    def write_course(self, course: Course) -> None:
        self.courses.append(course)

    def close(self) -> None:
        self.closed += 1


def test_what_is_known_by_its_mark_is_not_written_again() -> None:
    tracker, told = Kept(), list[int]()
    assert send(STUDY, tracker, told.append) == Sent(written=13, unchanged=0)
    assert told == list(range(1, 14))
    tracker.marks[4] = "something else"
    assert send(STUDY, tracker) == Sent(written=1, unchanged=12)
    assert tracker.marks == {sheet.number: sheet.mark for sheet in sheets(STUDY)}
    assert (len(tracker.courses), tracker.closed) == (2, 2)


def test_an_export_that_broke_goes_on_where_it_stopped() -> None:
    tracker = Kept(breaks_at=5)
    with pytest.raises(EnvironmentUnfit, match="no room"):
        send(STUDY, tracker)
    assert tracker.closed == 1
    tracker.breaks_at = -1
    assert send(STUDY, tracker) == Sent(written=8, unchanged=5)


def test_a_missing_library_is_told_in_one_line_with_what_installs_it() -> None:
    with pytest.raises(EnvironmentUnfit, match="no_such_tracker is not installed") as missing:
        need("no_such_tracker.client", "mlflow")
    assert missing.value.fix == "pip install 'jumar[mlflow]'"
    need("json.decoder", "mlflow")
