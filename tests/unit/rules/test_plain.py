from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jumar.rules.plain import plain, short


def test_terminal_escapes_are_removed() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07") == "red link"


def test_a_right_to_left_override_is_written_out() -> None:
    assert plain("use \u202egnp.exe") == r"use \u202egnp.exe"


def test_on_one_line_there_are_no_line_ends_and_no_tabs() -> None:
    assert plain("a\n\tb\r\nc") == "a b c"


def test_a_log_keeps_its_lines_and_a_progress_bar_becomes_lines() -> None:
    assert plain("a\r\nb\t1\n10%\r20%\x07", lines=True) == "a\nb\t1\n10%\n20%\\x07"


def test_other_alphabets_and_joined_emoji_stay_as_they_are() -> None:
    text = "größer 学习率 👩‍🔬"
    assert plain(text) == text


@given(st.text())
def test_nothing_invisible_survives(text: str) -> None:
    shown = plain(text).replace("\u200d", "")
    assert all(character.isprintable() or character.isspace() for character in shown)
    assert not set(shown) & set("\x1b\x00\r\n\t\u202e\u2066\u200b")


def test_a_long_text_is_cut_at_a_word() -> None:
    assert short("warm the learning rate up over 32 steps", 24) == "warm the learning rate…"
    assert short("x" * 50, 10) == "x" * 9 + "…"
    assert short("brief", 10) == "brief"
