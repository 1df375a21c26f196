"""Whether a ledger still says what was written: every link of the chain, and every drawn row."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Table, select

from jumar.errors import LedgerUnfit
from jumar.ledgers import rows
from jumar.ledgers.chain import GENESIS, Broken, decode, link
from jumar.ledgers.schema import ENTRY, EXPERIMENT, RUN
from jumar.ledgers.tally import Tally
from jumar.ledgers.transitions import Marks, take


class _Replay:
    """The tables, drawn once more from the entries."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.marks: defaultdict[str, Marks] = defaultdict(Marks)

    def take(self, seq: int, study: str, content: str) -> int | None:
        event = decode(seq, content)
        tally, experiment = take(self.tallies.get(study), self.marks[study], study, seq, event)
        self.tallies[study] = tally
        return experiment

    @property
    def experiments(self) -> dict[Any, Any]:
        return {(study, key): row for study, m in self.marks.items() for key, row in m.experiments.items()}

    @property
    def runs(self) -> dict[Any, Any]:
        return {(study, key): row for study, m in self.marks.items() for key, row in m.runs.items()}


def audit(connection: Connection) -> Broken | None:
    """The first thing that is wrong, in the order of the entries; None when all is well."""
    replay, seq, digest = _Replay(), 0, GENESIS
    for row in connection.execute(select(ENTRY).order_by(ENTRY.c.seq)).yield_per(1000):
        seq += 1
        if row.seq != seq:
            return Broken(seq=seq, problem=f"entry {seq} is missing")
        digest = link(digest, seq, row.at, row.study, row.event)
        if row.digest != digest:
            return Broken(seq=seq, problem=f"entry {seq} is not what was written: its digest does not fit")
        try:
            experiment = replay.take(seq, row.study, row.event)
        except LedgerUnfit as error:
            return Broken(seq=seq, problem=error.problem)
        if experiment != row.experiment:
            return Broken(seq=seq, problem=f"entry {seq} is filed under experiment {row.experiment}")
    return _compare(connection, replay)


def _compare(connection: Connection, replay: _Replay) -> Broken | None:
    for what, found, expected in (
        ("counts of study", rows.tallies(connection), replay.tallies),
        ("row of experiment", _rows(connection, EXPERIMENT), replay.experiments),
        ("row of run", _rows(connection, RUN), replay.runs),
    ):
        for key in found.keys() | expected.keys():
            if found.get(key) != expected.get(key):
                problem = (
                    f"the {what} {key} does not follow from the entries: it was changed, or the last are gone"
                )
                return Broken(seq=0, problem=problem)
    return None


def _rows(connection: Connection, table: Table) -> dict[Any, Any]:
    return {(study, key): tuple(values) for study, key, *values in connection.execute(select(table))}
