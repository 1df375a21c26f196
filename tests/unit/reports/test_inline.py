"""Whatever anybody wrote is text in Markdown: it makes no link, picture, mention, tag or cell."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some
from markdown_it import MarkdownIt
from markdown_it.token import Token

from jumar.reports.inline import code, fenced, prose, said, table

HOSTILE = (
    "@everyone look",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example/?leak=1",
    "www.evil.example",
    "<img src=x onerror=alert(1)>",
    "<!-- hidden -->",
    "a | b \\| c \\\\| d",
    "`` ` ``` </details> `",
    "*bold* _it_ ~~gone~~ $\\frac{1}{2}$",
    "closes #12 and GH-12 and 06534764e2de",
    "# title\n- list\n1. one\n> quote\n---\n\n    code",
    "\x1b[31mred\u202egnp\u200b",
    "&lt;b&gt; &#64;someone",
    "`",
    "\\",
    "",
)
DOES_NOTHING = {
    "paragraph_open", "paragraph_close", "inline", "text", "code_inline", "softbreak", "text_special",
}  # fmt: skip
TABLE = {
    f"{name}_{end}" for name in ("table", "thead", "tbody", "tr", "th", "td") for end in ("open", "close")
}
# What GitHub makes of text by itself, outside code.
BY_ITSELF = re.compile(r"@\w|://|www\.|#\d|\bGH-\d|\$|<|&#")


def parsed(markdown: str) -> list[Token]:
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    return [token for one in found for token in (one, *(one.children or ()))]


def shown(tokens: list[Token], kind: str) -> str:
    return "".join(token.content for token in tokens if token.type == kind)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("write", [said, code])
def test_anybodys_words_are_text_or_code_and_nothing_else(text: str, write: type[str]) -> None:
    tokens = parsed(f"before {write(text)} after")
    assert {token.type for token in tokens} <= DOES_NOTHING
    assert not BY_ITSELF.search(shown(tokens, "text"))


@given(some.text(alphabet="`|\\ *_[]()<>!@#:/w.a1\n", max_size=40))
def test_no_text_gets_out_of_its_cell(text: str) -> None:
    tokens = parsed(table(("what", ">n"), [(said(text), "1"), (code(text), "2")]))
    assert {token.type for token in tokens} <= DOES_NOTHING | TABLE
    assert sum(token.type == "td_open" for token in tokens) == 4
    assert not BY_ITSELF.search(shown(tokens, "text"))


@given(some.text(alphabet="`|\\ ab", max_size=30))
def test_code_shows_what_was_written(text: str) -> None:
    written = " ".join(text.split())
    assert shown(parsed(f"x {code(text)}"), "code_inline").strip() == (written if written else "")


def test_harmless_words_stay_prose_and_names_of_metrics_too() -> None:
    assert (
        said("WIDTH 128 → 96 (a step, joint with LR 0.001)") == "WIDTH 128 → 96 (a step, joint with LR 0.001)"
    )
    assert said("val_bpb") == "val_bpb"
    assert said("_quiet_") == "`_quiet_`"


def test_our_own_sentences_keep_their_code_and_lose_their_marks() -> None:
    written = prose("raise it in [limits] and say `jumar run`; refuted: #5, $1.20 on Xeon(R) @ 2.20GHz")
    tokens = parsed(written)
    assert {token.type for token in tokens} <= DOES_NOTHING
    assert shown(tokens, "code_inline") == "jumar run#5"
    assert "[limits]" in shown(tokens, "text")
    assert shown(parsed(prose("ask @someone")), "code_inline") == "ask @someone"


def test_a_block_of_code_ends_where_it_was_meant_to() -> None:
    tokens = parsed(fenced(["echo '```'", "````"], "sh"))
    assert [token.type for token in tokens] == ["fence"]
