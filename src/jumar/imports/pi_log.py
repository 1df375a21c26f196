"""Reads the log.jsonl of pi-autoresearch: a `config` line that names the metric, then a line for each run.

Its layout as of version 1.6.0. A further config line begins another segment, with a baseline of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import msgspec

from jumar.core.contract import Direction
from jumar.core.outcome import is_number
from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.imports.row import MOST_ROWS, MOST_TEXT, Found, Notes, Row, state_of
from jumar.rules.plain import short

LOOP = "a log of pi-autoresearch"
_MOST_OTHERS = 100  # measurements beside the metric, of one run
_SKIPPED = frozenset({"hook"})  # lines that tell of no run
_LATEST_S = 4e9  # the year 2096: a later time is none


def read_log(text: str, *, segment: int | None = None) -> Found:
    """The runs of a segment, counted from 1; by itself the last one that has any.

    Raises Usage for a log without runs, or without that segment.
    """
    notes = Notes()
    segments = [found for found in _segments(text, notes) if found[1]]
    if not segments:
        raise Usage(
            "it has no run", fix="name a log.jsonl with a line for each run: .auto/log.jsonl, as a rule"
        )
    which = len(segments) if segment is None else segment
    if not 1 <= which <= len(segments):
        raise Usage(f"it has no segment {which}", fix=f"--segment 1 to {len(segments)}")
    if len(segments) > 1:
        notes.add(f"segment {which} of {len(segments)} is shown; --segment N shows another")
    config, entries = segments[which - 1]
    if len(entries) > MOST_ROWS:
        notes.add(f"of {len(entries):,} runs the first {MOST_ROWS:,} are shown")
    direction = Direction.MAXIMIZE if config.get("bestDirection") == "higher" else Direction.MINIMIZE
    return Found(
        loop=LOOP,
        name=_text(config.get("name"), 60) or "autoresearch",
        metric=_text(config.get("metricName"), 60) or "metric",
        direction=direction,
        rows=tuple(_row(entry, notes) for entry in entries[:MOST_ROWS]),
        notes=notes.all(),
    )


def _segments(text: str, notes: Notes) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each config with the runs that came after it."""
    config: dict[str, Any] = {}
    runs: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        entry = _decoded(line)
        if entry is None:
            notes.add(f"line {number} is no JSON object, and is left out: {short(line[:200], 60)}")
        elif entry.get("type") == "config":
            yield config, runs
            config, runs = {**config, **entry}, []
        elif _is_number(entry.get("run")):
            runs.append(entry)
        elif entry.get("type") not in _SKIPPED:
            notes.add(f"line {number} is neither a config nor a run, and is left out")
    yield config, runs


def _decoded(line: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _row(entry: Mapping[str, Any], notes: Notes) -> Row:
    run, said = f"run {entry['run']:g}", _text(entry.get("status"), 40)
    state, metric = state_of(said), entry.get("metric")
    if state is None:
        notes.add(f"{run} has the status {said or 'nothing'}: shown as discarded")
    decision, why = state or (Decision.DISCARDED, None)
    value = float(metric) if _is_number(metric) else None
    if decision is Decision.KEPT and value is None:
        notes.add(f"{run} was kept without a number: shown as failed")
    others = entry.get("metrics")
    named = others.items() if isinstance(others, Mapping) else ()
    at = entry.get("timestamp")
    return Row(
        decision=decision,
        why=why,
        value=None if decision is Decision.FAILED else value,
        description=_text(entry.get("description"), MOST_TEXT),
        said=said,
        # Of what is not kept its log names the commit that was there before.
        commit=_text(entry.get("commit"), 64) if decision is Decision.KEPT else "",
        others={_text(name, 60): float(of) for name, of in [*named][:_MOST_OTHERS] if _is_number(of)},
        at=at / 1000 if _is_number(at) and 0 < at / 1000 < _LATEST_S else 0.0,
        remark=_remark(entry),
    )


def _remark(entry: Mapping[str, Any]) -> str:
    """Its own estimate of how sure it is, and why something was taken back."""
    confidence, asi = entry.get("confidence"), entry.get("asi")
    said = [f"{confidence:.3g} times the noise by its own estimate"] if _is_number(confidence) else []
    if isinstance(asi, Mapping):
        said.append(_text(asi.get("rollback_reason"), 300))
    return "; ".join(filter(None, said))


def _text(value: Any, most: int) -> str:
    return short(value, most) if isinstance(value, str) else ""


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return is_number(float(value))
    except OverflowError:  # JSON knows whole numbers of any length
        return False
