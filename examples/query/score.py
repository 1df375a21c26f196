"""The scorer: an answer must be that of the query of the first commit; the score is SQLite's work for it.

A query is text, so it is run here, where no candidate's code is: it may read tables and do nothing else.
"""

import json
import os
import sqlite3
from pathlib import Path

from shop import shop

MOST_STEPS = 5_000_000
READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


class Work:
    """Counts the instructions of SQLite's machine, and ends a query that needs too many."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self) -> bool:
        self.steps += 1
        return self.steps > MOST_STEPS


def answer(base: sqlite3.Connection, query: str) -> tuple[list[tuple[object, ...]], int]:
    """What the query answers, and how many steps that took."""
    work = Work()
    base.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY)
    base.set_progress_handler(work, 1)
    return base.execute(query).fetchall(), work.steps


split, seed = os.environ["JUMAR_SPLIT"], int(os.environ["JUMAR_SEED"])
candidate = (Path(os.environ["JUMAR_RUN_OUT"]) / "query.sql").read_text(encoding="utf-8")
base = shop(Path("hidden") / f"{split}.txt", seed)
expected, _ = answer(base, Path("query.sql").read_text(encoding="utf-8"))
try:
    rows, steps = answer(base, candidate)
except sqlite3.Error as error:
    score = {"refused": f"the query fails: {error}"}
else:
    wrong = sum(a != b for a, b in zip(rows, expected, strict=False)) + abs(len(rows) - len(expected))
    score = {"refused": f"{wrong} of {len(expected)} rows are wrong"} if wrong else {"metric": steps}
(Path(os.environ["JUMAR_OUT"]) / "score.json").write_text(json.dumps(score), encoding="utf-8")
