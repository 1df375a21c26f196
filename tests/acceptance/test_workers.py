"""Several runs at once, over the real command: what there is room for, and what neighbours change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jumar.app import open_study
from jumar.testing.tiny import Cli

ENVIRONMENT = 3
TWO = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core has no room for two workers")


@TWO
def test_doctor_measures_the_target_alone_and_beside_its_neighbours(
    tiny: Callable[..., Path], jumar: Cli
) -> None:
    folder = tiny()
    found = json.loads(jumar(folder, "doctor", "--workers", "--json").stdout)["findings"]
    assert [each["name"] for each in (found[0], found[-1])] == ["2 workers", "workers"]
    assert "than alone" in found[0]["value"] and "jumar run --workers" in found[-1]["value"]
    assert open_study(folder).record() is None, "it leaves no trace"


def test_more_workers_than_there_is_room_for_are_refused_unless_the_user_insists(
    tiny: Callable[..., Path], jumar: Cli
) -> None:
    folder, many = tiny(), str(len(os.sched_getaffinity(0)) + 1)
    said = jumar(folder, "run", "--workers", many, expect=ENVIRONMENT).stderr.splitlines()
    assert f"{many} workers need {many} cores" in said[0]
    jumar(folder, "run", "--workers", many, "--oversubscribe", "--experiments", "1")
    runs = open_study(folder).experiment(0).runs
    assert {run.under.workers for run in runs if run.under} == {int(many)}
