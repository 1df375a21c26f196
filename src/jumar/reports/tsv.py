"""The five tab-separated columns of results.tsv, as the loop that everyone knows writes them."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import normalize

from jumar.core.contract import Contract
from jumar.core.experiment import ExperimentRecord
from jumar.core.verdict import Decision
from jumar.reports.values import Values, peak_memory_bytes
from jumar.rules.plain import plain

_STATUS = {
    Decision.KEPT: "keep",
    Decision.DISCARDED: "discard",
    Decision.FAILED: "crash",
    Decision.INVALID: "crash",
}
_FORMULA = "=+-@"  # what makes a spreadsheet compute a cell instead of showing it


def results_tsv(experiments: Sequence[ExperimentRecord], contract: Contract) -> str:
    """`commit`, the metric, `memory_gb`, `status`, `description`: one line for each judged experiment.

    Readers of autoresearch's results.tsv (program.md, "Logging results") take it as it is, the
    baseline on the first line as a `keep`. One thing differs on purpose: a crash leaves its
    number and memory empty, where the original writes 0.000000, the best value that a minimised
    metric can have. pandas reads the empty field as NaN. A keep that was taken back is a `discard`.
    """
    values = Values(experiments)
    lines = [("commit", _cell(contract.measure.metric.name), "memory_gb", "status", "description")]
    lines += [_line(record, values) for record in experiments if record.verdict]
    return "".join("\t".join(line) + "\n" for line in lines)


def _line(record: ExperimentRecord, values: Values) -> tuple[str, str, str, str, str]:
    assert record.verdict is not None
    value = values.of(record)
    peak = peak_memory_bytes(record) if value is not None else None
    return (
        record.experiment.commit[:7],
        "" if value is None else f"{value:.6f}" if 1e-3 <= abs(value) < 1e9 else f"{value:.9g}",
        "" if peak is None else f"{peak / 2**30:.1f}",
        "discard" if record.refuted else _STATUS[record.verdict.decision],
        _cell(record.experiment.hypothesis),
    )


def _cell(text: str) -> str:
    """Without quotes: readers take a leading one for the start of a quoted field."""
    return shown(text).replace('"', "'")


def shown(text: str) -> str:
    """A text on one line that no spreadsheet computes; some read full-width signs as well."""
    text = plain(text)
    opens = normalize("NFKC", text[:1])
    return f"'{text}" if opens and opens in _FORMULA else text
