from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import pytest

from jumar.core.contract import LimitTerms
from jumar.core.desk import CalledOff, Room, Usage
from jumar.errors import NoRoom
from jumar.rules.limits import Spent
from jumar.study.purse import OwnPurse, Purse

REQUEST = Usage(model="m", usd=1.0, tokens_in=400, tokens_out=100)


def test_what_is_under_way_counts_until_it_is_known_what_it_took() -> None:
    purse = Purse(LimitTerms(usd=3, tokens=1000), {"codex": Spent(usd=1.0)})
    ours, theirs = OwnPurse(purse, "llm"), OwnPurse(purse, "other")
    with ours.set_aside(REQUEST, Event()):
        assert theirs.room == Room(usd=1.0, tokens=500)
        ours.take(Usage(model="m", usd=0.25, tokens_in=100))
    assert theirs.room == Room(usd=1.75, tokens=900)
    ours.take(Usage(model="m", usd=1.0))
    with pytest.raises(NoRoom, match=r"2\.25 USD were spent, and the next request to m may cost 1\.00"):
        theirs.set_aside(REQUEST, Event()).__enter__()


def test_where_only_others_under_way_leave_no_room_one_waits_for_them() -> None:
    purse = Purse(LimitTerms(usd=1.5), {})
    ours, theirs = OwnPurse(purse, "llm"), OwnPurse(purse, "other")
    called_off = Event()
    with ThreadPoolExecutor() as threads, ours.set_aside(REQUEST, Event()):
        waits = threads.submit(theirs.set_aside(REQUEST, called_off).__enter__)
        assert not wait([waits], 0.3).done
        called_off.set()
        assert isinstance(waits.exception(10), CalledOff)
        held = theirs.set_aside(REQUEST, Event())
        goes_on = threads.submit(held.__enter__)
        assert not wait([goes_on], 0.3).done
        ours.take(Usage(model="m", usd=0.25))
    assert goes_on.result(10) is None and theirs.room == Room(usd=0.25)


def test_a_request_that_failed_took_nothing() -> None:
    purse = OwnPurse(Purse(LimitTerms(usd=1), {}), "llm")
    with pytest.raises(ConnectionError), purse.set_aside(REQUEST, Event()):
        raise ConnectionError
    assert purse.room == Room(usd=1.0)
