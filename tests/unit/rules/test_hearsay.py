"""What is told of an experiment, and in which order claims of others are listed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from jumar.core.contract import Direction
from jumar.core.hearsay import Hearsay
from jumar.core.verdict import Decision
from jumar.rules.hearsay import Elsewhere, claimed, hearsay_line, promising, read_record, write_record

OURS, THEIRS = "a" * 40, "b" * 40


def hearsay(number: int = 1, **changed: Any) -> Hearsay:
    said = Hearsay(
        ledger="0123456789ab",
        study="tiny",
        number=number,
        commit=THEIRS,
        parent=OURS,
        metric="loss",
        direction=Direction.MINIMIZE,
        terms="0" * 64,
        self_reported=False,
        hypothesis="a » wider » base",
        agent="tuner",
        decision=Decision.KEPT,
        gain=0.02,
        interval=(0.01, 0.03),
        pairs=3,
        at=0.0,
    )
    return msgspec.structs.replace(said, **changed)


def test_a_record_is_read_as_it_was_written_and_only_where_it_stands() -> None:
    written = write_record(hearsay())
    assert read_record(written, "0123456789ab", 1, THEIRS, OURS) == hearsay()
    with pytest.raises(ValueError, match="is about commit"):
        read_record(written, "0123456789ab", 1, OURS, OURS)


def test_the_largest_claims_come_first_by_what_is_sure_of_them() -> None:
    wide = hearsay(1, gain=0.5, interval=(-0.1, 1.1))
    narrow = hearsay(2, gain=0.05, interval=(0.04, 0.06))
    bare, silent = hearsay(3, gain=0.03, interval=None), hearsay(4, gain=None, interval=None)
    lost, back = hearsay(5, decision=Decision.DISCARDED), hearsay(6, taken_back=True)
    assert promising([silent, wide, back, bare, lost, narrow]) == [narrow, bare, wide, silent]


def test_ledgers_take_turns_so_that_one_does_not_crowd_out_the_others() -> None:
    many = [hearsay(number, gain=0.9, interval=None) for number in range(1, 4)]
    modest = [hearsay(number, ledger="f" * 12, gain=0.01, interval=None) for number in (1, 2)]
    names = [each.name[0] for each in promising([*modest, *many])]
    assert names == ["0", "f", "0", "f", "0"]
    assert promising([*modest, *many], had=["0123456789ab/7", "0123456789ab/8"])[:2] == modest


def test_claims_are_told_in_words_that_stay_somebodys() -> None:
    assert claimed(hearsay()) == "kept there, +2 % (1 to 3 %) in 3 pairs"
    assert claimed(hearsay(taken_back=True, gain=None)) == "taken back there"
    assert hearsay_line(hearsay(), with_effect=False) == "- 012345/1 «a > wider > base»"


def test_what_was_adopted_is_no_longer_offered() -> None:
    elsewhere = Elsewhere()
    for number in (1, 2, 3):
        elsewhere.claims[hearsay(number).name] = hearsay(number)
    elsewhere.waiting[57] = f"{hearsay(1).name} {'0' * 64}"
    elsewhere.enter({"foreign": {"name": hearsay(2).name}})
    assert [each.number for each in elsewhere.untried()] == [3]
    elsewhere.enter({"foreign": {"name": hearsay(1).name}, "asked": 57})
    assert not elsewhere.waiting and elsewhere.adopted == {hearsay(1).name, hearsay(2).name}
