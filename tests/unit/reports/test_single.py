from __future__ import annotations

from jumar.core.contract import Metric
from jumar.core.experiment import ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, Run, RunRecord, Side
from jumar.reports.single import pairs_of
from jumar.testing.events import proposed


def test_no_pair_is_shown_that_the_judge_did_not_see() -> None:
    def run(side: Side, attempt: int, value: float | None) -> RunRecord:
        one = Run(
            key="", experiment=1, commit="c", seed=7, purpose=Purpose.CONFIRM, side=side, attempt=attempt
        )
        return RunRecord(run=one, started_at=0.0, outcome=None if value is None else Measured(value=value))

    halves = (run(Side.CANDIDATE, 0, 1.0), run(Side.REFERENCE, 0, None), run(Side.REFERENCE, 1, 2.0))
    record = ExperimentRecord(experiment=proposed(1).experiment, proposed_at=0.0, runs=halves)
    (view,) = pairs_of(record, Metric(name="loss"))
    assert (view.candidate, view.reference, view.gain) == (None, 2.0, None)
