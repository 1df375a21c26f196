from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.contract import (
    Budget,
    Clock,
    Contract,
    LimitTerms,
    MeasureTerms,
    Metric,
    RunTerms,
    TargetTerms,
)
from jumar.core.sandbox import Promise
from jumar.errors import EnvironmentUnfit
from jumar.rules.preflight import IN_WORDS, needs, preflight

RUN = RunTerms(
    command=("true",),
    budget=Budget(amount=20, clock=Clock.CPU),
    timeout_s=90,
    memory_bytes=1 << 30,
    disk_bytes=1 << 30,
    output_bytes=1 << 20,
    processes=64,
)
CONTRACT = Contract(
    target=TargetTerms(name="t", editable=("t.py",)),
    run=RUN,
    measure=MeasureTerms(metric=Metric(name="loss")),
    limits=LimitTerms(),
)
ALL = frozenset(Promise)


def test_a_sandbox_that_promises_everything_waives_nothing() -> None:
    assert preflight(CONTRACT, "bubblewrap", ALL, waive=False) == ()


def test_what_is_missing_is_refused_in_words_with_both_ways_out() -> None:
    with pytest.raises(EnvironmentUnfit) as refusal:
        preflight(CONTRACT, "process", ALL - {Promise.NO_NETWORK, Promise.CAPS_DISK}, waive=False)
    assert IN_WORDS[Promise.NO_NETWORK] in refusal.value.problem
    assert IN_WORDS[Promise.CAPS_DISK] in refusal.value.problem
    assert "bubblewrap" in refusal.value.fix
    assert "--sandbox process" in refusal.value.fix


def test_what_is_missing_can_be_accepted_and_is_told() -> None:
    promises = ALL - {Promise.NO_NETWORK, Promise.CAPS_DISK}
    assert preflight(CONTRACT, "process", promises, waive=True) == ("caps_disk", "no_network")


def test_a_contract_with_network_does_not_need_it_cut() -> None:
    assert Promise.NO_NETWORK in needs(CONTRACT)
    assert Promise.NO_NETWORK not in needs(replace(CONTRACT, run=replace(RUN, network=True)))


@pytest.mark.parametrize("waive", [True, False])
def test_a_budget_in_cpu_seconds_cannot_do_without_a_meter(waive: bool) -> None:
    with pytest.raises(EnvironmentUnfit, match="cannot meter") as refusal:
        preflight(CONTRACT, "process", ALL - {Promise.METERS_CPU}, waive=waive)
    assert 'clock = "wall"' in refusal.value.fix


def test_other_clocks_need_no_meter() -> None:
    wall = replace(CONTRACT, run=replace(RUN, budget=Budget(amount=20, clock=Clock.WALL)))
    assert preflight(wall, "process", ALL - {Promise.METERS_CPU}, waive=False) == ()


def test_every_promise_has_words() -> None:
    assert set(IN_WORDS) == set(Promise)
