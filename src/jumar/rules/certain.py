"""Owns the list of keeps that are each certain: of them at most one in twenty is false on average.

Every keep is paid for by the study's error budget, of which a tenth may be false. Who wants to speak of a
single keep, or to merge it alone, needs more: e-BH (Wang and Ramdas 2022) over everything that was put to
the test, in its online form (Fischer, Xu and Ramdas 2024, "An online generalization of the
(e-)Benjamini-Hochberg procedure"). The plain one asks for N / (α k) and so has to know the number N of
tests beforehand, which no study does; the online one weighs the t-th test with the γ(t) of the error
budget instead. It holds however the tests depend on one another and whenever one looks or stops, and
never takes a keep off the list again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.run import Purpose
from jumar.rules.error_budget import evidence_needed

# Half of what all keeps may have: the list is for claims about single changes. No key of the contract,
# because nothing is decided by it: it only marks what was kept already.
FALSE_CERTAIN = 0.05


def certain(records: Iterable[ExperimentRecord], share: float = FALSE_CERTAIN) -> frozenset[int]:
    """The keeps that are on the list, by number: the largest k of them whose evidence each suffices for k.

    Of a study's records; from some of them, a part of the list. A keep without noise is certain by itself.
    """
    records = tuple(records)
    found = {record.number: log_evidence_of(record) for record in records if counts(record)}
    return certain_among(found, _places(records), share)


def certain_among(
    found: Mapping[int, float], places: Mapping[int, int], share: float = FALSE_CERTAIN
) -> frozenset[int]:
    """The same of keeps with the logarithm of their e-values, and which test of the study each one was."""
    exact = frozenset(number for number, evidence in found.items() if evidence == math.inf)
    tested = {number: found[number] for number in found.keys() & places.keys() - exact}
    for count in range(len(tested), 0, -1):
        enough = {
            number
            for number, evidence in tested.items()
            if evidence >= evidence_needed(places[number], count - 1, share)
        }
        if len(enough) >= count:
            return exact | enough
    return exact


def log_evidence_of(record: ExperimentRecord) -> float:
    """Logarithm of the e-value that a keep's pairs came to; infinite where the metric has no noise."""
    verdict = record.verdict
    assert verdict is not None
    pairs = verdict.evidence.get("pairs")
    if isinstance(pairs, list | tuple) and pairs:
        return float(pairs[-1].get("log_evidence", -math.inf))
    exact = verdict.interval is not None and verdict.interval[0] == verdict.interval[1] > 0
    return math.inf if exact else -math.inf


def counts(record: ExperimentRecord) -> bool:
    """Whether a record was kept for its gain, and not because its code is simpler."""
    gained = record.verdict is not None and "simpler" not in record.verdict.evidence
    return record.number != BASELINE and record.is_kept and gained


def _places(records: Iterable[ExperimentRecord]) -> dict[int, int]:
    """Which test of the study each one was: as its verdict says, else in the order of their first pairs."""
    first: dict[int, float] = {}
    for record in records:
        starts = [run.started_at for run in record.runs if run.run.purpose is Purpose.CONFIRM]
        if starts:
            first[record.number] = min(starts)
    order = sorted(first, key=lambda number: (first[number], number))
    counted = {number: place for place, number in enumerate(order, 1)}
    said = {
        record.number: test
        for record in records
        if record.verdict and isinstance(test := record.verdict.evidence.get("test"), int)
    }
    return counted | said
