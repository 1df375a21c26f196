from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.testing.records import Shape, make_study


def test_the_same_arguments_make_the_same_study() -> None:
    assert make_study(50, seed=4) == make_study(50, seed=4)
    assert make_study(50, seed=4) != make_study(50, seed=5)


@pytest.mark.parametrize("keeps", [0, 1, 20])
def test_a_study_keeps_as_many_as_asked(keeps: int) -> None:
    record, experiments, _ = make_study(20, keeps=keeps)
    assert sum(experiment.is_kept for experiment in experiments[1:]) == keeps
    assert len(experiments) == 21
    assert (record.champion == 0) == (keeps == 0)


def test_its_records_are_what_a_ledger_would_decode() -> None:
    record, experiments, _ = make_study(30)
    assert msgspec.json.decode(msgspec.json.encode(record), type=StudyRecord) == record
    encoded = msgspec.json.encode(experiments)
    assert msgspec.json.decode(encoded, type=tuple[ExperimentRecord, ...]) == experiments


def test_every_experiment_starts_from_the_champion_of_its_time() -> None:
    _, experiments, _ = make_study(100)
    champion = experiments[0].experiment.commit
    for record in experiments[1:]:
        assert record.experiment.parent == champion
        champion = record.experiment.commit if record.is_kept else champion


def test_run_keys_are_unique_and_time_goes_forward() -> None:
    _, experiments, _ = make_study(100)
    runs = [run for record in experiments for run in record.runs]
    assert len({run.run.key for run in runs}) == len(runs)
    assert all(a.started_at <= b.started_at for a, b in pairwise(runs))


def test_without_noise_every_baseline_run_agrees() -> None:
    _, experiments, _ = make_study(1, shape=Shape(noise=0.0))
    assert len({getattr(run.outcome, "value", None) for run in experiments[0].runs}) == 1
