from __future__ import annotations

import base64
import json

from jumar.reports.transcripts import readable


def test_what_a_program_said_is_read_with_its_last_words_first() -> None:
    said = base64.b64encode(b'{"type": "tool"}\nran the tests').decode()
    kept = {"words": "done", "edits": [], "transcript": said, "trouble": "no credit left"}
    assert readable(json.dumps(kept).encode()) == (
        'done\n\ntrouble: no credit left\n\n{"type": "tool"}\nran the tests'
    )


def test_what_a_model_answered_is_read_part_by_part() -> None:
    parts = [
        {"part_kind": "thinking", "content": "what if"},
        {"part_kind": "text", "content": "I look first."},
        {"part_kind": "tool-call", "tool_name": "show", "args": {"experiment": 3}},
    ]
    words = readable(json.dumps([{"kind": "response", "parts": parts}]).encode())
    assert words.splitlines()[0] == "(what if)"
    assert "I look first." in words
    assert "→ show" in words and '"experiment": 3' in words


def test_what_nobody_knows_is_shown_as_it_stands() -> None:
    assert readable(b"\xff plain <b>") == "� plain <b>"
    assert readable(b'{"a": 1}') == '{\n  "a": 1\n}'
    assert readable(b'{"transcript": "not base64!", "words": 3}') == ""
    assert readable(b"[" * 100_000).startswith("[[[")
