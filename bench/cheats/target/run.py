"""One run: trains, and leaves the weights in $JUMAR_OUT."""

import json
import os
from pathlib import Path

import work  # type: ignore[import-not-found]


def main() -> None:
    """Train on the points that everybody may see."""
    points = json.loads(Path("points.json").read_text())
    weights = work.train(points, int(os.environ["JUMAR_SEED"]), float(os.environ["JUMAR_BUDGET_S"]))
    Path(os.environ["JUMAR_OUT"], "weights.json").write_text(json.dumps(weights))


if __name__ == "__main__":
    main()
