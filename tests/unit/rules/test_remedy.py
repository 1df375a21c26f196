from __future__ import annotations

import pytest
from msgspec.structs import replace

from jumar.core.outcome import Failed, Why
from jumar.rules.remedy import remedy
from jumar.testing.records import make_study

CONTRACT = make_study(0)[2]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Why.TIMED_OUT, "`timeout` in [run] (now 90 s)"),
        (Why.OVER_BUDGET, "`budget` in [run] (now 20s)"),
        (Why.OUT_OF_MEMORY, "`memory` in [run] (now 4GiB)"),
        (Why.OVER_DISK, "`disk` in [run] (now 1GiB)"),
        (Why.OVER_OUTPUT, "`output` in [run] (now 16MiB)"),
        (Why.NO_METRIC, "`val_bpb: 0.123`"),
        (Why.CHECK_FAILED, "`checks` in [measure]"),
        (Why.CRASHED, "jumar show 0 --log"),
    ],
)
def test_a_remedy_names_the_key_and_its_value(why: Why, words: str) -> None:
    assert words in remedy(Failed(why=why, detail="killed"), CONTRACT)


def test_a_small_limit_is_named_as_a_contract_writes_it() -> None:
    small = replace(CONTRACT, run=replace(CONTRACT.run, memory_bytes=20 << 20))
    assert "(now 20MiB)" in remedy(Failed(why=Why.OUT_OF_MEMORY, detail="killed"), small)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("OSError: [Errno 30] Read-only file system: 'x'", "$JUMAR_OUT"),
        ("Temporary failure in name resolution", "network = true"),
        ("OSError: [Errno 101] Network is unreachable", "network = true"),
        ("ModuleNotFoundError: No module named 'torch'", "install it"),
        ("not started: x does not exist in any folder of PATH", "correct `command`"),
    ],
)
def test_what_the_target_said_leads_to_the_cause(said: str, words: str) -> None:
    assert words in remedy(Failed(why=Why.CRASHED, detail=f"exit code 1: {said}"), CONTRACT)
