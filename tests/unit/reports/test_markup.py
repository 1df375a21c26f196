from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jumar.reports.markup import join, preformatted, tag


def test_a_string_becomes_text_and_markup_stays_markup() -> None:
    assert tag("p", "<b> & ", tag("b", "bold"), 3) == "<p>&lt;b&gt; &amp; <b>bold</b>3</p>"


def test_attributes_are_quoted_and_left_out_when_empty() -> None:
    made = tag("a", "x", href='"><script>', class_=None, hidden=True, open=False, aria_label="it")
    assert made == '<a href="&quot;&gt;&lt;script&gt;" hidden aria-label="it">x</a>'


def test_nothing_is_no_child() -> None:
    assert join(None, "", "a", None) == "a"


def test_preformatted_text_keeps_its_lines_and_shows_what_is_hidden() -> None:
    assert preformatted("a <b>\n\x1b[1mc\x1b[0m\u202e") == "a &lt;b&gt;\nc\\u202e"


@settings(deadline=None)
@given(st.text())
def test_no_string_opens_an_element_or_leaves_its_attribute(text: str) -> None:
    assert tag("p", text).count("<") == 2
    assert tag("p", title=text).count('"') == 2
