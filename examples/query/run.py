"""A run: hands over the query, if it is one."""

import os
import sqlite3
from pathlib import Path

from shop import SCHEMA

query = Path("query.sql").read_text(encoding="utf-8")
base = sqlite3.connect(":memory:")
base.executescript(SCHEMA)
base.execute("EXPLAIN " + query)
(Path(os.environ["JUMAR_OUT"]) / "query.sql").write_text(query, encoding="utf-8")
