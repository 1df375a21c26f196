"""Reads the metric from a run's own output, as in the loop that everyone knows: self-reported."""

from __future__ import annotations

import re

from jumar.core.contract import Contract
from jumar.core.evaluator import FinishedRun
from jumar.core.job import ExitReport, Job
from jumar.core.outcome import Failed, Measured, Outcome, Why, is_number
from jumar.evaluators.ending import failure, last_lines, tail

# `val_bpb:          0.997900`, `METRIC total_us=1520`, `loss = nan`
_NAME = re.compile(rb"[A-Za-z_][\w./-]{0,63}")
_NUMBER = re.compile(
    rb"[-+]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[-+]?\d+)?|[-+]?(?:nan|inf|infinity)", re.IGNORECASE
)
MOST_NAMES = 200
MOST_LINE_BYTES = 200  # a longer line is no report of one number


class StdoutEvaluator:
    """The last line `name: value` of the output counts. Stops no lie: the candidate wrote it."""

    trusted = False

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def scoring(self, finished: FinishedRun) -> Job | None:
        """Nothing to run: the output is all there is."""
        return None

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Outcome:
        """The last value of the metric in the output, or why there is none."""
        if failed := failure(finished, self._contract.run, trusted=False):
            return failed
        name = self._contract.measure.metric.name
        reported = read_numbers(tail(finished.log))
        if name not in reported:
            said = last_lines(finished.log)
            return Failed(
                why=Why.NO_METRIC,
                detail=f"no line `{name}: <number>` in the output" + (f"; it ended\n{said}" if said else ""),
            )
        value = reported.pop(name)
        if not is_number(value):
            return Failed(why=Why.NOT_FINITE, detail=f"{name} is {value}")
        return Measured(value=value, others=reported)


def read_numbers(output: bytes) -> dict[str, float]:
    """Every `name: number` line of an output, the last of each name.

    Takes time in proportion to the output, whatever a candidate printed.
    """
    found: dict[str, float] = {}
    for line in output.splitlines():
        if len(line) > MOST_LINE_BYTES:
            continue
        report = line.strip().removeprefix(b"METRIC ").lstrip()
        mark = min((at for at in (report.find(b":"), report.find(b"=")) if at > 0), default=-1)
        if mark < 0:
            continue
        name, value = report[:mark].rstrip(), report[mark + 1 :].lstrip()
        if not _NAME.fullmatch(name) or not _NUMBER.fullmatch(value):
            continue
        key = name.decode("ascii", "replace")
        if key in found or len(found) < MOST_NAMES:
            found[key] = float(value.replace(b"_", b""))
    return found
