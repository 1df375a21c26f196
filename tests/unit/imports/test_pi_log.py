from __future__ import annotations

import json
from typing import Any

import pytest

from jumar.core.contract import Direction
from jumar.core.outcome import Why
from jumar.errors import Usage
from jumar.imports.pi_log import read_log

CONFIG = {
    "type": "config",
    "name": "Faster",
    "metricName": "total_ms",
    "metricUnit": "ms",
    "bestDirection": "lower",
}


def run(number: int, metric: Any, status: str, **more: Any) -> dict[str, Any]:
    return {
        "run": number, "commit": "abc1234", "metric": metric, "metrics": {"rss_mb": 12.5}, "status": status,
        "description": f"idea {number}", "timestamp": 1_790_000_000_000 + 1000 * number, "segment": 0,
        "confidence": None, **more,
    }  # fmt: skip


def lines(*entries: Any) -> str:
    return "".join(f"{entry if isinstance(entry, str) else json.dumps(entry)}\n" for entry in entries)


LOG = lines(
    CONFIG,
    run(1, 120.0, "keep"),
    {"type": "hook", "stage": "before", "exit_code": 0},
    run(2, 100.0, "keep", commit="def5678", confidence=2.31),
    run(3, 130.0, "discard", asi={"hypothesis": "x", "rollback_reason": "slower"}),
    run(4, 0, "crash"),
    run(5, 90.0, "checks_failed"),
)


def test_a_log_as_version_1_6_0_writes_it_is_read() -> None:
    found = read_log(LOG)
    assert (found.name, found.metric, found.direction) == ("Faster", "total_ms", Direction.MINIMIZE)
    assert [row.value for row in found.rows] == [120.0, 100.0, 130.0, None, None]
    assert [row.why for row in found.rows[3:]] == [Why.CRASHED, Why.CHECK_FAILED]
    assert found.rows[1].remark == "2.31 times the noise by its own estimate"
    assert found.rows[2].remark == "slower" and found.rows[0].others == {"rss_mb": 12.5}
    assert found.rows[0].at == 1_790_000_001.0 and found.notes == ()


def test_a_commit_counts_for_what_was_kept_alone_as_others_name_the_one_before() -> None:
    assert [row.commit for row in read_log(LOG).rows] == ["abc1234", "def5678", "", "", ""]


def test_a_second_config_begins_another_segment_with_its_own_metric() -> None:
    text = LOG + lines(
        {"type": "config", "metricName": "score", "bestDirection": "higher"}, run(6, 1, "keep")
    )
    found = read_log(text)
    assert (found.metric, found.direction, len(found.rows)) == ("score", Direction.MAXIMIZE, 1)
    assert "segment 2 of 2" in found.notes[0]
    assert len(read_log(text, segment=1).rows) == 5
    with pytest.raises(Usage, match="segment 3"):
        read_log(text, segment=3)


def test_broken_lines_and_odd_values_cost_themselves_only() -> None:
    text = lines(
        "{", "[1]", "null", '{"run": 1e999}', "[" * 5000, CONFIG,
        run(1, 5.0, "keep"), run(2, 10**400, "keep"), run(3, "7", "keep"), run(4, True, "discard"),
        run(5, 4.0, "keep", metrics=[1], description=None, commit=7, timestamp="now", confidence="high"),
        run(6, 3.0, "perhaps", metrics={"a": "b", "c": 1e300, "d": 2}, timestamp=1e300), {"odd": 1},
    )  # fmt: skip
    found = read_log(text)
    assert [row.value for row in found.rows] == [5.0, None, None, None, 4.0, 3.0]
    assert found.rows[4].description == "" and found.rows[5].others == {"d": 2.0}
    assert (found.rows[4].at, found.rows[5].at) == (0.0, 0.0)
    said = "\n".join(found.notes)
    assert "line 1 is no JSON object" in said and "status perhaps" in said and "neither a config nor" in said


@pytest.mark.parametrize("text", ["{}", lines(CONFIG), '{"run": "1"}', "{" * 100])
def test_a_log_without_runs_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="no run"):
        read_log(text)
