"""Owns how a bench says what it found: figures, bars, and the exit code."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

RESULTS = Path(__file__).parent / "results"


class Bar(NamedTuple):
    """One bar: `value` must be at most `limit`, or at least where `at_least`."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """True when the bar is met; a value that is not a number meets none."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def arguments(bench: str, about: str) -> argparse.ArgumentParser:
    """A parser with the options that every bench has; add your own."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{bench}", description=about)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--save", action="store_true", help="keep the result in bench/results/")
    return parser


def report(
    bench: str, figures: Mapping[str, Any], bars: Sequence[Bar], *, json: bool = False, save: bool = False
) -> int:
    """Print the result and return the exit code: 1 if a bar falls short.

    `figures` is JSON; a mapping of mappings is drawn as a table whose rows are the outer keys.
    """
    now = datetime.datetime.now(datetime.UTC)
    result = {
        "bench": bench,
        "machine": machine(),
        "date": now.isoformat(timespec="seconds"),
        "figures": figures,
        "bars": [{**bar._asdict(), "holds": bar.holds} for bar in bars],
    }
    text = _dumps(result)
    if json:
        sys.stdout.write(text + "\n")
    else:
        _draw(bench, figures, bars)
    if save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{bench}-{now.date()}.json").write_text(text + "\n", encoding="utf-8")
    return 0 if all(bar.holds for bar in bars) else 1


def machine() -> dict[str, Any]:
    """What the numbers were measured on, without naming the machine."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _dumps(result: Mapping[str, Any]) -> str:
    return json.dumps(result, indent=2, ensure_ascii=False)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _draw(bench: str, figures: Mapping[str, Any], bars: Sequence[Bar]) -> None:
    console = Console()
    single = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    if single:
        console.print(_table(bench, {name: {"value": value} for name, value in single.items()}))
    for name, value in figures.items():
        if isinstance(value, Mapping):
            nested = all(isinstance(row, Mapping) for row in value.values())
            console.print(_table(name, value if nested else {"": value}))
    if not bars:
        return
    table = Table("bar", "value", "limit", "holds", title="bars", title_justify="left")
    for bar in bars:
        sign = "≥" if bar.at_least else "≤"
        mark = Text("yes", "green") if bar.holds else Text("NO", "bold red")
        table.add_row(Text(bar.name), _cell(bar.value), f"{sign} {_cell(bar.limit)}", mark)
    console.print(table)


def _table(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    table = Table("", *columns, title=title, title_justify="left")
    for name, row in rows.items():
        table.add_row(Text(name), *(_cell(row.get(column, "")) for column in columns))
    return table


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
