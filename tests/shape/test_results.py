"""What the README says that a bench found is what the bench's kept result says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def newest(bench: str) -> dict[str, Any]:
    """The figures of the newest kept result."""
    places = sorted((ROOT / "bench" / "results").glob(f"{bench}-????-??-??.json"))
    figures: dict[str, Any] = json.loads(places[-1].read_text(encoding="utf-8"))["figures"]
    return figures


def test_the_readmes_table_of_cheats_is_the_kept_result() -> None:
    figures = newest("cheats")
    assert figures["table"] in README
    cheats, twins = (sum(row[key] for row in figures["families"].values()) for key in ("cheats", "twins"))
    assert f"{cheats} cheats and {twins} honest twins" in README
    assert sum(row["twins refused"] for row in figures["families"].values()) == 0


def test_a_cheat_that_is_kept_is_one_that_the_threat_model_admits() -> None:
    came = newest("cheats")["came"]
    cheats = {name: one for name, one in came.items() if one["expect"] not in ("kept", "fine")}
    kept = [name for name, one in cheats.items() if one["ended"] == "kept"]
    said = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    assert [name for name in kept if f"`{name}`" not in said] == []
