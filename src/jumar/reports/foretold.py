"""Predicted beside measured: what agents expected of their changes, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jumar.core.contract import Metric
from jumar.core.experiment import ExperimentRecord
from jumar.reports.findings import share_of
from jumar.reports.values import tried
from jumar.reports.words import percent, plural
from jumar.rules.lessons import Calibration
from jumar.rules.telling import measured_share

MOST_FORETOLD = 1000


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """One experiment's prediction, and what was measured. Gains are shares, uncertified."""

    experiment: int
    agent: str
    predicted: float
    measured: float
    kept: bool  #: and not refuted since


def foretold_by(experiments: Sequence[ExperimentRecord], metric: Metric) -> tuple[Foretold, ...]:
    """What was predicted and measured, oldest first; of very many all keeps, and others evenly chosen."""
    found = [
        Foretold(
            experiment=record.number,
            agent=record.experiment.agent,
            predicted=record.experiment.predicted,
            measured=share_of(measured, 1.0),
            kept=record.stands,
        )
        for record in tried(experiments)
        if record.experiment.predicted is not None
        and (measured := measured_share(record, metric)) is not None
    ]
    others = [one for one in found if not one.kept]
    room = max(0, MOST_FORETOLD - (len(found) - len(others)))
    if len(others) <= room:
        return tuple(found)
    chosen = {others[place * len(others) // room].experiment for place in range(room)}
    return tuple(one for one in found if one.kept or one.experiment in chosen)


def calibration_in_words(told: Calibration) -> str:
    """How good an agent's predictions were, in two sentences."""
    return f"{told.agent} {calibration_of_it(told)}"


def calibration_of_it(told: Calibration) -> str:
    """The same without the agent's name, which stands in front."""
    return (
        f"predicted {percent(told.median_predicted, signed=True)} in the median of "
        f"{plural(told.compared, 'experiment')}; {percent(told.median_measured, signed=True)} was measured. "
        f"The direction was right in {told.right_direction:,} of {told.compared:,}."
    )
