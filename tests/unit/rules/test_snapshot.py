"""Experiments as a sequence that never changes."""

from __future__ import annotations

from msgspec.structs import replace

from jumar.core.experiment import ExperimentRecord
from jumar.rules.snapshot import BLOCK, Snapshot, differing
from jumar.testing.records import make_study


def test_what_is_made_of_records_leaves_them_as_they_are() -> None:
    study = make_study(2 * BLOCK)[1]
    every = {record.number: record for record in study}
    records = Snapshot().with_(every)
    assert tuple(records) == study and tuple(reversed(records)) == study[::-1]
    assert records[-1] is study[-1] and records[BLOCK] is study[BLOCK]
    assert records[BLOCK - 2 : BLOCK + 2] == study[BLOCK - 2 : BLOCK + 2]
    other = replace(study[3], refuted="?")
    more: ExperimentRecord = replace(study[0], proposed_at=7.0)
    later = records.with_({3: other, len(study): more})
    assert len(records) == len(study) and records[3] is study[3]
    assert len(later) == len(study) + 1 and later[3] is other and later[-1] is more
    assert differing(records, later) == differing(list(records), later) == [3]
    assert differing(records, records) == []
