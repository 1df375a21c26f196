from __future__ import annotations

import pytest

from jumar.core.contract import LimitTerms
from jumar.core.desk import Room, Usage
from jumar.errors import NoRoom
from jumar.rules.limits import Spent
from jumar.study.purse import OwnPurse, Purse

REQUEST = Usage(model="m", usd=1.0, tokens_in=400, tokens_out=100)


def test_what_is_under_way_counts_until_it_is_known_what_it_took() -> None:
    purse = Purse(LimitTerms(usd=3, tokens=1000), {"codex": Spent(usd=1.0)})
    ours, theirs = OwnPurse(purse, "llm"), OwnPurse(purse, "other")
    with ours.set_aside(REQUEST):
        assert theirs.room == Room(usd=1.0, tokens=500)
        with theirs.set_aside(REQUEST), pytest.raises(NoRoom, match=r"may cost 1\.00"):
            ours.set_aside(REQUEST).__enter__()
        ours.take(Usage(model="m", usd=0.25, tokens_in=100))
    assert theirs.room == Room(usd=1.75, tokens=900)


def test_a_request_that_failed_took_nothing() -> None:
    purse = OwnPurse(Purse(LimitTerms(usd=1), {}), "llm")
    with pytest.raises(ConnectionError), purse.set_aside(REQUEST):
        raise ConnectionError
    assert purse.room == Room(usd=1.0)
