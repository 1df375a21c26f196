"""The program of the plain loop: trains and measures in one process, and prints the number."""

import json
import os
from pathlib import Path

import work  # type: ignore[import-not-found]

points, truth = (json.loads(Path(name).read_text()) for name in ("points.json", "hidden/search.json"))
weights = work.train(points, int(os.environ["JUMAR_SEED"]), float(os.environ["JUMAR_BUDGET_S"]))
Path(os.environ["JUMAR_OUT"], "weights.json").write_text(json.dumps(weights))
error = sum((work.answer(weights, x) - y) ** 2 for x, y in truth) / len(truth)
print(f"error: {error:.6f}")
