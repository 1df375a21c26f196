"""Reads results.tsv as the loop of three files writes it: commit, metric, memory_gb, status, description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.imports.row import MOST_ROWS, MOST_TEXT, Found, Notes, Row, number_in, state_of
from jumar.rules.plain import plain, short

LOOP = "a results.tsv"
MOST_COLUMNS = 100
_NAMES = {
    "commit": ("commit", "sha", "hash"),
    "memory": ("memory_gb", "peak_memory_gb", "mem_gb"),
    "status": ("status", "decision", "result"),
    "description": ("description", "desc", "idea", "hypothesis"),
}
_WELL_KNOWN = ("commit", "val_bpb", "memory_gb", "status", "description")


def read_results(text: str, *, metric: str = "") -> Found:
    """The rows. `metric` names the column of the metric, where it is not the first that is left.

    Raises Usage for a file without such columns.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
    if not lines:
        raise Usage("the file is empty", fix="name a results.tsv with a header and at least one row")
    head = [plain(name) for name in lines[0].split("\t", MOST_COLUMNS)]
    if len(head) == len(_WELL_KNOWN) and state_of(head[3]):
        head = list(_WELL_KNOWN)  # written without a header
    else:
        lines = lines[1:]
    places, name = _places(head, metric)
    notes = Notes()
    if len(lines) > MOST_ROWS:
        notes.add(f"of {len(lines):,} rows the first {MOST_ROWS:,} are shown")
    rows = tuple(_rows(lines[:MOST_ROWS], places, len(head), notes))
    return Found(loop=LOOP, name="results", metric=name, rows=rows, notes=notes.all())


def _places(head: Sequence[str], metric: str) -> tuple[dict[str, int], str]:
    """Which column is what."""
    lower = [name.lower() for name in head]
    found = {
        what: next(lower.index(name) for name in names if name in lower)
        for what, names in _NAMES.items()
        if any(name in lower for name in names)
    }
    rest = [n for n in range(len(head)) if n not in found.values()]
    asked = [n for n in rest if lower[n] == metric.lower()] if metric else rest
    if len(head) > MOST_COLUMNS or "status" not in found or not asked:
        listed = ", ".join(short(name, 30) or "?" for name in head[:8])
        lacks = (
            f"no column {short(metric, 40)}" if metric and not asked else "not the columns of a results.tsv"
        )
        raise Usage(
            f"it has {lacks}, but: {listed}{' …' if len(head) > 8 else ''}",
            fix="separate columns by tabs: commit, the metric, memory_gb, status, description",
        )
    return {**found, "metric": asked[0]}, head[asked[0]]


def _rows(lines: Sequence[str], places: Mapping[str, int], width: int, notes: Notes) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        # What is beyond the last column belongs to it: descriptions have tabs in them now and then.
        cells = line.split("\t", width - 1)
        if len(cells) <= max(places["metric"], places["status"]):
            notes.add(f"row {number} has too few columns, and is left out: {short(line, 60)}")
            continue
        cell = {what: cells[at] if at < len(cells) else "" for what, at in places.items()}
        said = short(cell["status"], 40)
        state, value = state_of(said), number_in(cell["metric"])
        if state is None:
            notes.add(f"row {number} has the status {said or 'nothing'}: shown as discarded")
        decision, why = state or (Decision.DISCARDED, None)
        if decision is Decision.KEPT and value is None:
            notes.add(f"row {number} was kept without a number: shown as failed")
        memory = number_in(cell.get("memory", "")) or 0.0
        yield Row(
            decision=decision,
            why=why,
            value=None if decision is Decision.FAILED else value,
            description=short(cell.get("description", ""), MOST_TEXT),
            said=said,
            commit=cell.get("commit", "").strip()[:64],
            memory_bytes=max(0, min(int(memory * 2**30), 2**62)),
        )
