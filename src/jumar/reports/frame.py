"""Experiments as a pandas frame, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jumar.core.contract import Contract
from jumar.core.experiment import ExperimentRecord
from jumar.errors import EnvironmentUnfit
from jumar.reports.findings import parents, share_of
from jumar.reports.values import Values, peak_memory_bytes

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "number", "decision", "value", "gain", "gain_low", "gain_high", "gain_share", "gain_share_low",
    "gain_share_high", "predicted", "hypothesis", "agent", "reason", "code", "runs", "cpu_s",
    "peak_memory_bytes", "cost_usd", "tokens", "commit", "parent", "proposed_at", "judged_at",
)  # fmt: skip


def frame(experiments: Sequence[ExperimentRecord], contract: Contract) -> pd.DataFrame:
    """One row for each experiment, indexed by its number; what is missing is NaN, NaT or None.

    The metric's values stand in `value`; its name and direction are in the frame's `attrs`. Raises
    EnvironmentUnfit without pandas.
    """
    try:
        import pandas as pd  # noqa: PLC0415  (half a second, and an extra)
    except ModuleNotFoundError as error:
        raise EnvironmentUnfit(
            "pandas is not installed, so there is no frame", fix="pip install 'jumar[frames]'"
        ) from error
    values = Values(experiments)
    before = parents(experiments, values)
    made = pd.DataFrame([row(record, values, before) for record in experiments], columns=list(COLUMNS))
    metric = contract.measure.metric
    made.attrs |= {"metric": metric.name, "direction": metric.direction.value}
    for column in ("proposed_at", "judged_at"):
        made[column] = pd.to_datetime(made[column], unit="s", utc=True)
    return made.set_index("number")


def row(record: ExperimentRecord, values: Values, before: Mapping[str, float]) -> dict[str, Any]:
    """An experiment by COLUMNS; None where there is nothing. `before` has the values of parents, by commit.

    `gain` and its ends are in the metric's unit; `gain_share` and its ends are shares of the parent's
    value, as `predicted` is.
    """
    experiment, verdict = record.experiment, record.verdict
    gain = verdict.gain if verdict else None
    low, high = (verdict.interval if verdict else None) or (None, None)
    level = before.get(experiment.parent)

    def share(of: float | None) -> float | None:
        return None if of is None or level is None else share_of(of, level)

    return {
        "number": experiment.number,
        "decision": verdict.decision.value if verdict else None,
        "value": values.of(record),
        "gain": gain,
        "gain_low": low,
        "gain_high": high,
        "gain_share": share(gain),
        "gain_share_low": share(low),
        "gain_share_high": share(high),
        "predicted": experiment.predicted,
        "hypothesis": experiment.hypothesis,
        "agent": experiment.agent,
        "reason": verdict.reason if verdict else None,
        "code": verdict.code if verdict else None,
        "runs": len(record.runs),
        "cpu_s": sum(run.report.cpu_s for run in record.runs if run.report) or None,
        "peak_memory_bytes": peak_memory_bytes(record),
        "cost_usd": experiment.cost.usd if experiment.cost.priced or experiment.cost.usd else None,
        "tokens": experiment.cost.tokens,
        "commit": experiment.commit,
        "parent": experiment.parent,
        "proposed_at": record.proposed_at,
        "judged_at": record.judged_at,
    }
