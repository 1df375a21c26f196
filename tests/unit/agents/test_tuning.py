"""What the tuner knows, told to others."""

from __future__ import annotations

import pytest

from jumar.agents.tuning import KnobsNow, code_of, with_knobs
from jumar.core.outcome import Failed, Measured, Why
from jumar.core.proposal import Edit, Proposal
from jumar.rules.brief_text import knob_line
from jumar.rules.recollection import Recollection
from jumar.testing.rehearsal import Rehearsal

SOURCE = b"LR = 1e-3  # 1e-5 .. 1e-1 log\nDEPTH = 2  # one of: 1, 2, 4\n\n\ndef step(x):\n    return x * LR\n"
COMMAND = ("python", "train.py")


def turned(lr: float = 1e-3, depth: int = 2) -> bytes:
    return SOURCE.replace(b"1e-3", f"{lr!r}".encode()).replace(b"DEPTH = 2", b"DEPTH = %d" % depth)


def read(before: bytes, after: bytes, **details: object) -> dict[str, object]:
    return dict(with_knobs(details, {"train.py": before}, {"train.py": after}, COMMAND))


def test_a_turned_knob_is_told_from_other_code() -> None:
    knob, code = read(SOURCE, turned(lr=0.01)), read(SOURCE, turned(lr=0.01) + b"x = len\n")
    assert knob["changed"] == {"train.py:LR": [1e-3, 0.01]}
    assert knob["knobs"] == code["knobs"] == {"train.py:LR": 0.01, "train.py:DEPTH": 2}
    assert "changed" not in code
    assert knob["code"] == code_of({"train.py": SOURCE}) != code["code"]


def test_comments_and_layout_are_no_other_code() -> None:
    assert read(SOURCE, turned(depth=4).replace(b"\n\n\ndef", b"\n\n# so\n\ndef"))["changed"]


def test_what_an_agent_says_of_knobs_itself_does_not_count() -> None:
    said = read(SOURCE, turned(lr=0.01), knobs={"train.py:LR": 7.0}, lessons={"1": "so"})
    assert said["knobs"] == {"train.py:LR": 0.01, "train.py:DEPTH": 2}
    assert said["lessons"] == {"1": "so"}
    assert "knobs" not in read(b"print(1)\n", b"print(2)\n", knobs={"a": 1})


def test_others_are_told_where_a_knob_did_well_and_where_runs_died() -> None:
    study, knobs = Rehearsal({"train.py": SOURCE}), KnobsNow()
    for lr, value in ((2e-5, 2.5), (3e-5, 2.3), (2e-3, 1.9), (0.05, None)):
        edits = (Edit(path="train.py", content=turned(lr=lr)),)
        study.enter(Proposal(hypothesis="LR", edits=edits, agent="llm"))
        outcome = Failed(why=Why.OUT_OF_MEMORY, detail="") if value is None else Measured(value=value)
        study.finish(outcome)
    told = knobs(study.brief())
    assert told == KnobsNow()(study.brief())
    rate = told[0]
    assert rate.name == "train.py:LR"
    low, middle, high = rate.seen
    assert low.mean == pytest.approx(-0.4)
    assert low.best == pytest.approx(-0.3)
    assert middle.best == pytest.approx(0.1)
    assert (high.mean, high.lost) == (None, {"out of memory": 1})
    line = knob_line(rate, Recollection().read(study.brief().history))
    assert "at 1e-05 to 0.000215: -0.4 mean, -0.3 best of 2" in line
    assert "at 0.00464 to 0.1: 1 out of memory" in line
