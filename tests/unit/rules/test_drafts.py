from __future__ import annotations

import json

import msgspec
import pytest

from jumar.core.proposal import Change, Draft, Edit, Lesson, Remove, Replace, Write
from jumar.errors import Breach
from jumar.rules.drafts import edits_from, proposal_from, read_draft

FILES = {"train.py": b"LR = 1e-3\nWIDTH = 64\n\ndef f():\n    return LR\n", "dos.py": b"A = 1\r\nB = 2\r\n"}
DRAFT = {
    "hypothesis": "faster",
    "changes": [{"kind": "replace", "path": "train.py", "find": "64", "by": "32"}],
}


def refused(*changes: Change) -> str:
    with pytest.raises(Breach) as caught:
        edits_from(changes, FILES)
    assert caught.value.code == "does-not-apply"
    return caught.value.problem


def test_text_that_stands_once_is_replaced_and_nothing_else() -> None:
    change = Replace(path="train.py", find="WIDTH = 64", by="WIDTH = 32")
    assert edits_from((change,), FILES) == (
        Edit(path="train.py", content=FILES["train.py"].replace(b"64", b"32")),
    )


def test_changes_build_on_one_another() -> None:
    changes = (
        Replace(path="train.py", find="64", by="128"),
        Replace(path="train.py", find="WIDTH = 128", by="WIDTH = 256"),
        Write(path="more.py", content="X = 1\n"),
        Replace(path="more.py", find="1", by="2"),
        Remove(path="dos.py"),
    )
    edits = {edit.path: edit.content for edit in edits_from(changes, FILES)}
    assert edits == {
        "train.py": FILES["train.py"].replace(b"64", b"256"),
        "more.py": b"X = 2\n",
        "dos.py": None,
    }


def test_text_that_stands_twice_is_refused_with_its_lines() -> None:
    problem = refused(Replace(path="train.py", find="LR", by="RATE"))
    assert "2 times" in problem and "lines 1, 5" in problem


def test_text_that_is_not_there_is_refused_with_what_comes_nearest() -> None:
    assert "WIDTH = 64" in refused(Replace(path="train.py", find="WIDTH = 65", by="x"))
    assert "line 4" in refused(Replace(path="train.py", find="def f():\n  return LR", by="x"))


def test_a_file_that_is_not_there_is_refused_and_an_empty_search_too() -> None:
    assert "no such file" in refused(Replace(path="trian.py", find="a", by="b"))
    assert "empty" in refused(Replace(path="train.py", find="", by="b"))


def test_line_ends_stay_as_the_file_has_them() -> None:
    (edit,) = edits_from((Replace(path="dos.py", find="A = 1\nB = 2", by="A = 2\nB = 3"),), FILES)
    assert edit.content == b"A = 2\r\nB = 3\r\n"


def test_a_file_that_comes_out_as_it_was_is_no_edit() -> None:
    back = (Replace(path="train.py", find="64", by="65"), Replace(path="train.py", find="65", by="64"))
    assert edits_from(back, FILES) == ()


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(DRAFT),
        f"Here it is:\n```json\n{json.dumps(DRAFT)}\n```\nGood luck!",
        f"I propose {json.dumps(DRAFT)} as said",
        json.dumps(DRAFT | {"predicted": 0.02, "confidence": "high"}),
    ],
)
def test_a_draft_is_found_in_what_models_answer(answer: str) -> None:
    assert read_draft(answer).hypothesis == "faster"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "empty"),
        ("I would suggest a larger learning rate.", "no JSON object"),
        ('{"hypothesis": "x", "changes": [', "not JSON"),
        ('{"hypothesis": "x"}', "changes"),
        ('{"hypothesis": "x", "changes": [{"kind": "explode", "path": "a"}]}', "explode"),
        ("[" * 100_000, "object"),
        ("x" * (9 << 20), "characters"),
    ],
)
def test_what_is_no_draft_is_refused_with_the_reason(answer: str, why: str) -> None:
    with pytest.raises(Breach) as caught:
        read_draft(answer)
    assert caught.value.code == "unreadable" and why in caught.value.problem


def test_a_proposal_carries_its_lessons_and_what_it_predicts() -> None:
    draft = msgspec.convert(DRAFT | {"predicted": 0.02}, Draft)
    draft = msgspec.structs.replace(draft, lessons=(Lesson(experiment=3, words="wide\nis  slow"),))
    proposal = proposal_from(draft, FILES, "llm")
    assert (proposal.predicted, proposal.agent) == (0.02, "llm")
    assert proposal.details == {"lessons": {"3": "wide is slow"}}
