"""What the tuner proposes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from jumar.agents.knobs import find_knobs
from jumar.agents.tuner import MOST_KNOBS, Tuner
from jumar.core.outcome import Failed, Measured, Outcome, Why
from jumar.core.proposal import Edit, Proposal
from jumar.testing.rehearsal import Rehearsal

SOURCE = b"# a comment\nLR = 1e-3\nWIDTH = 128  # one of: 32, 64, 128, 256\nDECAY = 0.01\nCLIP = 1.0\n"


def knobs_of(proposal: Proposal) -> dict[str, Any]:
    (edit,) = proposal.edits
    assert edit.content is not None
    return {knob.name: knob.value for knob in find_knobs(edit.path, edit.content)}


def proposed(study: Rehearsal, chance: int = 0) -> Proposal:
    proposal = Tuner().propose(study.brief(chance=chance))
    assert proposal is not None
    return proposal


def lived_through(study: Rehearsal, outcomes: list[Outcome]) -> None:
    for chance, outcome in enumerate(outcomes):
        study.enter(proposed(study, chance))
        study.finish(outcome)


def test_a_proposal_says_what_it_turned_and_turned_only_that() -> None:
    proposal = proposed(Rehearsal({"train.py": SOURCE}))
    assert proposal.details["knobs"] == knobs_of(proposal)
    before = {knob.name: knob.value for knob in find_knobs("train.py", SOURCE)}
    turned = {
        name: [before[name], value] for name, value in knobs_of(proposal).items() if value != before[name]
    }
    assert proposal.details["changed"] == turned
    assert 1 <= len(turned) <= MOST_KNOBS
    for name, (old, new) in turned.items():
        assert f"{name.partition(':')[2]} {old} → {new}" in proposal.hypothesis


def test_nothing_to_turn_is_no_proposal() -> None:
    assert Tuner().propose(Rehearsal({"train.py": b"print('hello')\n"}).brief()) is None


def test_a_small_space_is_emptied_and_then_left() -> None:
    study, tuner = Rehearsal({"train.py": b"DEPTH = 2  # 1 .. 4\nBIAS = True\n"}), Tuner()
    found: set[tuple[Any, ...]] = set()
    while proposal := tuner.propose(study.brief(chance=len(found))):
        found.add(tuple(knobs_of(proposal).values()))
        study.enter(proposal)
        study.finish(Measured(value=2.5))
    assert found == {(depth, bias) for depth in (1, 2, 3, 4) for bias in (True, False)} - {(2, True)}


def test_it_works_on_the_source_as_the_champion_has_it() -> None:
    study = Rehearsal({"train.py": SOURCE})
    lived_through(study, [Measured(value=2.5)] * 3)
    rewritten = b"import math\n\nLR = 2e-3  # now with warm-up\nWARMUP = 0.1\nWIDTH = 64\n"
    edit = Edit(path="train.py", content=rewritten)
    study.enter(Proposal(hypothesis="rewrite", edits=(edit,), agent="llm"))
    study.finish(Measured(value=1.5), pairs=((1.5, 2.0),), keep=True)
    proposal = proposed(study)
    assert knobs_of(proposal).keys() == {"train.py:LR", "train.py:WARMUP", "train.py:WIDTH"}
    assert b"import math" in (proposal.edits[0].content or b"")


def test_every_knob_has_its_turn_before_any_has_many() -> None:
    source = "".join(f"P{n} = 1.0\n" for n in range(20)).encode()
    study = Rehearsal({"train.py": source})
    lived_through(study, [Measured(value=2.5)] * 25)
    turned = [name for record in study.history[1:] for name in record.experiment.details["changed"]]
    assert len(set(turned)) == 20


def test_it_comes_to_keep_away_from_where_runs_fail() -> None:
    study, tuner = Rehearsal({"train.py": b"LR = 1e-3  # 1e-5 .. 1e-1 log\n"}), Tuner()
    failures = []
    for chance in range(40):
        proposal = tuner.propose(study.brief(chance=chance))
        assert proposal is not None
        lr = knobs_of(proposal)["train.py:LR"]
        failures.append(lr > 1e-3)
        study.enter(proposal)
        study.finish(
            Failed(why=Why.NOT_FINITE, detail="nan") if lr > 1e-3 else Measured(value=2 + abs(lr - 2e-4))
        )
    assert sum(failures[20:]) < 5


def test_what_others_found_out_is_learned_from() -> None:
    study = Rehearsal({"train.py": b"LR = 1e-3  # 1e-5 .. 1e-1 log\n"})
    for n in range(30):
        lr = 10 ** (-5 + 4 * n / 30)
        details = {"knobs": {"train.py:LR": lr}}
        study.enter(Proposal(hypothesis="a sweep", edits=(), agent="llm", details=details))
        study.finish(Measured(value=2.0 + abs(lr - 0.02)))
    found = [knobs_of(proposed(study, chance))["train.py:LR"] for chance in range(10)]
    assert sorted(found)[5] == pytest.approx(0.02, rel=0.6)


def test_a_refusal_leads_to_another_proposal() -> None:
    study = Rehearsal({"train.py": SOURCE})
    first, second = (proposed(study, chance) for chance in (1, 2))
    assert knobs_of(first) != knobs_of(second)


def test_a_proposal_survives_the_ledger() -> None:
    proposal = proposed(Rehearsal({"train.py": SOURCE}))
    assert msgspec.json.decode(msgspec.json.encode(proposal.details)) == proposal.details
