"""Rows and columns: one row for each experiment, or for each run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from jumar.core.outcome import Measured, outcome_in_words
from jumar.core.run import RunRecord
from jumar.errors import EnvironmentUnfit
from jumar.exports.outgoing import Outgoing, numbers_of, standing
from jumar.exports.sending import need
from jumar.reports.findings import parents
from jumar.reports.frame import COLUMNS, row
from jumar.reports.tsv import shown
from jumar.reports.values import Values

_OF_RUNS = (
    "experiment", "run", "purpose", "side", "pair", "seed", "commit", "value", "outcome", "cpu_s", "wall_s",
    "peak_memory_bytes", "others", "started_at", "ended_at",
)  # fmt: skip
_WHOLE = {"number", "experiment", "runs", "pair", "seed", "peak_memory_bytes", "tokens"}
_REAL = {
    "value", "gain", "gain_low", "gain_high", "gain_share", "gain_share_low", "gain_share_high", "predicted",
    "cpu_s", "wall_s", "cost_usd",
}  # fmt: skip
_TIMES = {"proposed_at", "judged_at", "started_at", "ended_at"}
_MOST_WHOLE = 2**63 - 1  # in a column of whole numbers


def columns(*, runs: bool) -> tuple[str, ...]:
    """The names of the columns, in their order."""
    return _OF_RUNS if runs else COLUMNS


def rows(study: Outgoing, *, runs: bool) -> Iterator[dict[str, Any]]:
    """One row for each experiment or run, the unjudged included; what is missing is None."""
    values = Values(study.experiments)
    before = parents(study.experiments, values)
    for record in study.experiments:
        found = [_of_run(run) for run in record.runs] if runs else [row(record, values, before)]
        for each in found:
            if not runs:
                each["decision"] = standing(record) if record.verdict else None
            yield {name: _hidden(study, value) for name, value in each.items()}


def _hidden(study: Outgoing, value: Any) -> Any:
    if isinstance(value, str):
        return study.hide(value)
    return min(value, _MOST_WHOLE) if type(value) is int else value


def _of_run(record: RunRecord) -> dict[str, Any]:
    run, report, outcome = record.run, record.report, record.outcome
    measured = outcome if isinstance(outcome, Measured) else None
    return {
        "experiment": run.experiment,
        "run": run.key,
        "purpose": run.purpose.value,
        "side": run.side.value,
        "pair": run.pair,
        "seed": run.seed,
        "commit": run.commit,
        "value": measured.value if measured else None,
        # Why there is no number; one column for whatever else was measured, as anybody may name it.
        "outcome": "measured" if measured else outcome_in_words(outcome) if outcome else record.lost or None,
        "cpu_s": report.cpu_s if report else None,
        "wall_s": report.wall_s if report else None,
        "peak_memory_bytes": report.peak_memory_bytes if report else None,
        "others": msgspec.json.encode(measured.others).decode() if measured and measured.others else None,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
    }


def as_csv(study: Outgoing, *, runs: bool = False) -> str:
    """The table as CSV. No cell of it is a formula to a spreadsheet, whatever an agent wrote."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = columns(runs=runs)
    writer.writerow(names)
    for each in rows(study, runs=runs):
        writer.writerow([_cell(name, each[name]) for name in names])
    return out.getvalue()


def _cell(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds")
    return shown(value) if isinstance(value, str) else value


def as_parquet(study: Outgoing, *, runs: bool = False) -> bytes:
    """The table as Parquet, with the metric in the file's own words about itself.

    Raises EnvironmentUnfit without pyarrow.
    """
    need("pyarrow", "parquet")
    import pyarrow as pa  # noqa: PLC0415  (an extra)
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {
        **dict.fromkeys(_WHOLE, pa.int64()),
        **dict.fromkeys(_REAL, pa.float64()),
        **dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC")),
    }
    metric = study.contract.measure.metric
    about = {"study": study.record.name, "metric": metric.name, "direction": metric.direction.value}
    about |= {"numbers": numbers_of(study.contract)}
    names = columns(runs=runs)
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names], metadata=about)
    kept = [_typed(each) for each in rows(study, runs=runs)]
    try:
        table = pa.Table.from_pylist(kept, schema=schema)
    except pa.ArrowException as error:
        raise EnvironmentUnfit(
            f"pyarrow {pa.__version__} does not take the table: {error}", fix="export it as csv instead"
        ) from error
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _typed(each: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromtimestamp(value, UTC) if name in _TIMES and value is not None else value
        for name, value in each.items()
    }
