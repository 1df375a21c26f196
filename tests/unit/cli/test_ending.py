from __future__ import annotations

import errno
import os
import sys
from io import BytesIO, TextIOWrapper

import pytest

from jumar.cli import main, render
from jumar.cli.exits import Exit


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
