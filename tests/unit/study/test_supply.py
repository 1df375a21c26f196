from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import pytest

from jumar.core.job import Ending, ExitReport
from jumar.core.run import Purpose, Run
from jumar.study.asking import Asking
from jumar.study.deciding import Deciding
from jumar.study.flight import Aloft, Flights
from jumar.study.places import Place
from jumar.study.queue import Queue
from jumar.study.rebasing import Rebasing
from jumar.study.recorder import Recorder
from jumar.study.sitting import Sitting
from jumar.study.supply import Supply

USUAL_S = 100.0
REPORT = ExitReport(
    ending=Ending.EXITED, exit_code=0, wall_s=50.0, cpu_s=50.0, peak_memory_bytes=1, output_bytes=0
)


class _Runs(tuple[Aloft, ...]):
    free = 1


@pytest.mark.parametrize(("since_s", "kept"), [(60, False), (100, True), (3600, False)])
def test_a_slot_is_kept_for_no_side_that_is_scored_far_beyond_its_time(since_s: float, kept: bool) -> None:
    run = Run(key="1-1", experiment=1, commit="c", seed=1, purpose=Purpose.CONFIRM)
    aloft = Aloft(run, cast(Place, None))
    aloft.started, aloft.report = time.monotonic() - since_s, REPORT
    means = SimpleNamespace(usual_wall_s=lambda: USUAL_S)
    history = SimpleNamespace(
        open={1: None}, waiting=(), champion_commit="c", means=lambda _: means, champion=0, under=None
    )
    asked: list[str] = []

    def reached(**_: object) -> bool:
        asked.append("a limit")
        return True

    supply = Supply(
        cast(Recorder, SimpleNamespace(history=history)),
        cast(Flights, _Runs((aloft,))),
        Queue(),
        *cast(tuple[Asking, Deciding, Rebasing], (None, None, None)),
    )
    assert not supply.begin(cast(Sitting, SimpleNamespace(reached=reached)))
    assert bool(asked) is not kept
