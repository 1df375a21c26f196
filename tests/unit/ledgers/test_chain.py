from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.event import Certified, Noticed, Proposed
from jumar.errors import LedgerUnfit
from jumar.ledgers.chain import GENESIS, decode, encode, link
from jumar.testing.events import claim, proposed, run_ended


def test_what_is_encoded_decodes_to_itself() -> None:
    for event in (proposed(1), run_ended(1), Noticed(words='é ≥ "\n\0')):
        content, told = encode(event)
        assert told == event == decode(1, content)


def test_the_digest_of_a_known_entry_never_changes() -> None:
    """Whoever changes how entries are chained breaks every ledger there is."""
    digest = link(GENESIS, 1, 1772668800.25, "mar5", '{"type":"noticed","words":"hello"}')
    assert digest == "9f4a6503e89fa66e2ecae673ebf9ca1fa52fc78317e614b91d39030d0e582b75"


@pytest.mark.parametrize(
    "changed",
    [
        ("1" * 64, 1, 2.5, "s", "{}"),
        (GENESIS, 2, 2.5, "s", "{}"),
        (GENESIS, 1, 2.25, "s", "{}"),
        (GENESIS, 1, 2.5, "t", "{}"),
        (GENESIS, 1, 2.5, "s", "{ }"),
    ],
    ids=["previous", "seq", "at", "study", "event"],
)
def test_a_digest_depends_on_every_part(changed: tuple[str, int, float, str, str]) -> None:
    assert link(*changed) != link(GENESIS, 1, 2.5, "s", "{}")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_unreadable_number_is_named_with_its_place(value: float) -> None:
    beyond = replace(claim(certified=True), relative_interval=(0.1, value))
    with pytest.raises(LedgerUnfit, match=r"Certified event .*relative_interval\[1\]"):
        encode(Certified(claim=beyond))


def test_surrogates_deep_inside_are_escaped() -> None:
    details = {"pa\udcffth": ["x", ("y\udc80",)]}
    _, told = encode(Proposed(experiment=replace(proposed(1).experiment, details=details)))
    assert isinstance(told, Proposed)
    assert told.experiment.details == {"pa\\udcffth": ["x", ["y\\udc80"]]}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"type":"dreamt"}', '{"type":"noticed"}'])
def test_what_is_no_event_is_refused_with_its_place(content: str) -> None:
    with pytest.raises(LedgerUnfit, match="entry 7 of the ledger"):
        decode(7, content)
