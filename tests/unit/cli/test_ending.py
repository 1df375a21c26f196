from __future__ import annotations

import errno
import os
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from msgspec.structs import replace

from jumar.cli import main, render
from jumar.cli.exits import Exit
from jumar.cli.run import MOST_REPORTED, reported
from jumar.core.ledger import StudyRecord
from jumar.core.verdict import Decision
from jumar.testing.records import make_study


def verb_that_raises(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(**_: object) -> None:
        raise error

    monkeypatch.setattr(main, "jumar", verb)


def test_a_terminal_that_lacks_a_character_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="latin-1"))
    monkeypatch.setattr(main, "jumar", lambda **_: render.say("\u00fcber \u2501"))
    assert main.ending([]) == Exit.DONE
    assert written.getvalue() == b"\xfcber ?\n"


@pytest.mark.parametrize(
    ("code", "fix"), [(errno.EROFS, "you may read and write there"), (errno.ENOSPC, "free some space")]
)
def test_a_place_that_cannot_be_written_is_no_mistake_of_ours(
    code: int, fix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that_raises(OSError(code, os.strerror(code), "studies/tiny/report.html"), monkeypatch)
    assert main.ending([]) == Exit.ENVIRONMENT
    said = capsys.readouterr().err
    assert f"problem: studies/tiny/report.html: {os.strerror(code)}\n" in said
    assert fix in said


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file descriptor"), ValueError("x")])
def test_what_we_did_not_foresee_is_said_to_be_our_mistake(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_that_raises(error, monkeypatch)
    assert main.ending([]) == Exit.BUG
    assert "a mistake in Jumar itself" in capsys.readouterr().err


class Ended:
    """A study that has run so many experiments; writing its report ends as told."""

    def __init__(self, experiments: int, error: BaseException | None = None) -> None:
        self._experiments, self._error = experiments, error

    def record(self) -> StudyRecord:
        return replace(make_study(1, seed=1)[0], decisions={Decision.DISCARDED: self._experiments})

    def report(self) -> dict[str, Path]:
        if self._error:
            raise self._error
        return {"report": Path("report.html")}


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (Ended(3, OSError(errno.ENOSPC, "No space left")), "the report was not written: [Errno 28] No space"),
        (Ended(3, ZeroDivisionError("x")), "the report was not written: x"),
        (Ended(3, KeyboardInterrupt()), "the report is left out; any time later: jumar report"),
        (Ended(MOST_REPORTED + 1), f"the report of {MOST_REPORTED + 1:,} experiments takes a while"),
    ],
)
def test_a_run_does_without_a_report_in_one_line(
    study: Ended, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reported(study) == {}
    said = capsys.readouterr().err
    assert said.startswith(words) and said.count("\n") == 1 and "jumar report" in said


def test_a_run_that_ends_has_its_report() -> None:
    assert reported(Ended(MOST_REPORTED)) == {"report": Path("report.html")}
