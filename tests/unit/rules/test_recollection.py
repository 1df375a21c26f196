from __future__ import annotations

from msgspec.structs import replace

from jumar.core.agent import KnobNow
from jumar.core.outcome import Measured
from jumar.core.proposal import Edit, Proposal
from jumar.rules.brief_text import attempts_line, knob_line
from jumar.rules.recollection import Recollection
from jumar.testing.rehearsal import Rehearsal

LR = "train.py:LR"


def test_a_keep_that_was_taken_back_is_no_praise_of_the_knob_that_it_turned() -> None:
    study = Rehearsal({"train.py": b"LR = 1\n"})
    study.enter(
        Proposal(
            hypothesis="more of it",
            edits=(Edit(path="train.py", content=b"LR = 2\n"),),
            agent="tuner",
            details={"changed": {LR: [1, 2]}},
        )
    )
    study.finish(Measured(value=1.9), keep=True)
    record = study.history[-1]
    assert record.verdict is not None
    kept = replace(
        record,
        experiment=replace(record.experiment, touched=(LR,)),
        verdict=replace(record.verdict, gain=0.1),
    )
    recollection = Recollection().read((study.history[0], kept))
    assert recollection.attempts[LR].turns == {"up": [0.1]} and recollection.attempts[LR].kept == 1

    assert recollection.decisions == {"kept": 1}

    recollection.read((study.history[0], replace(kept, refuted="worse on fresh seeds")))
    assert recollection.decisions == {"taken back": 1}
    line = knob_line(KnobNow(name=LR, value=1, range="0 to 9"), recollection)
    assert "touched 1 time" in line and "0.1" not in line
    assert attempts_line(LR, recollection.attempts[LR]) == (f"- {LR}: 1 tried; 1 taken back; latest #1")
    assert not recollection.near
