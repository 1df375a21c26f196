"""Draws what `bench.judge` found: gain against false keeps, and what is claimed beyond the truth.

python -m bench.judge_charts bench/results/judge-DATE.json docs
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

Rows = Mapping[str, Mapping[str, float]]

PANELS = (
    "rare large",
    "rare large, paired",
    "rare large, heavy tails",
    "rare large, drifting",
    "rare large, uneven",
    "rare small, paired",
)
BUDGETS = ("Jumar at 1 %", "Jumar", "Jumar at 50 %")
ORACLE = "oracle behind the screen"
COLOURS = {
    "Jumar": "#0b6e4f",
    ORACLE: "#0b6e4f",
    "keep if lower": "#c1292e",
    "lower by 1 σ": "#e07a2f",
    "lower by 2 σ": "#d9a400",
    "three runs each": "#7b5ea7",
    "plain SPRT": "#3a6ea5",
}
GREY = "#666666"
TOLD = ("Jumar", "keep if lower", "lower by 2 σ", "plain SPRT")  # in the table
HEAD = "| landscape | rule | true gain | overclaim | keeps | false keeps | runs per experiment |\n"


def main() -> None:
    """Draw both charts from a kept result."""
    result, folder = Path(sys.argv[1]), Path(sys.argv[2])
    figures = json.loads(result.read_text(encoding="utf-8"))["figures"]
    landscapes = {name: rows for name, rows in figures.items() if isinstance(rows, dict)}
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    _frontier(landscapes, folder / "judge-frontier.png")
    _overclaim(landscapes, folder / "judge-overclaim.png")
    page = folder / "judge.md"
    text = page.read_text(encoding="utf-8")
    before, head, rest = text.partition(HEAD)
    assert head, f"{page} has no table that begins with {HEAD}"
    page.write_text(before + _table(landscapes) + "\n" + rest.partition("\n\n")[2], encoding="utf-8")


def _table(landscapes: Mapping[str, Rows]) -> str:
    lines = [HEAD, "|---" * 7 + "|\n"]
    for name, rows in landscapes.items():
        for rule in TOLD:
            row = rows[rule]
            share = f" ({row['false share']:.0%})" if row["true gain"] else ""
            cells = (
                name if rule == TOLD[0] else "",
                rule,
                f"{row['true gain']:.1f}",
                f"{row['overclaim']:+.2f}",
                f"{row['keeps']:.2f}",
                f"{row['false keeps']:.2f}{share}",
                f"{row['runs per experiment']:.2f}",
            )
            lines.append("| " + " | ".join(cells) + " |\n")
    return "".join(lines)


def _frontier(landscapes: Mapping[str, Rows], path: Path) -> None:
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    for axis, name in zip(axes.flat, PANELS, strict=True):
        _panel(axis, landscapes[name])
        axis.set_title(name, loc="left", fontweight="bold")
    for axis in axes[1]:
        axis.set_xlabel("false keeps, % of all keeps")
    for axis in axes[:, 0]:
        axis.set_ylabel("true gain, σ")
    lines = [_mark(axes[0, 0], rule) for rule in (*COLOURS, "budget")]
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)


def _panel(axis: Axes, rows: Rows) -> None:
    budgets = [rows[rule] for rule in BUDGETS]
    xs, ys = [100 * row["false share"] for row in budgets], [row["true gain"] for row in budgets]
    axis.plot(xs, ys, "-", color=COLOURS["Jumar"], marker=".", linewidth=1)
    for rule in COLOURS:
        _mark(axis, rule, 100 * rows[rule]["false share"], rows[rule]["true gain"])
    axis.axvspan(-2, 10, color=COLOURS["Jumar"], alpha=0.08, linewidth=0)
    top = max(row["true gain"] for row in rows.values())
    axis.set(xlim=(-2, 75), ylim=(0, 1.08 * top))


def _mark(axis: Axes, rule: str, x: float = float("nan"), y: float = float("nan")) -> Any:
    if rule == "budget":
        words = "Jumar with an error budget of 1, 10, 50 %"
        return axis.plot([x], [y], ".-", color=COLOURS["Jumar"], linewidth=1, label=words)[0]
    marker, size = ("*", 13) if rule == ORACLE else ("o", 9 if rule == "Jumar" else 6)
    face = "white" if rule == ORACLE else COLOURS[rule]
    return axis.plot(
        [x], [y], marker, color=COLOURS[rule], markerfacecolor=face, markersize=size, label=rule, zorder=3
    )[0]


def _overclaim(landscapes: Mapping[str, Rows], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
    names = list(landscapes)[::-1]
    shown = (
        ("keep if lower", "overclaim", "keep if lower", COLOURS["keep if lower"], "o"),
        ("lower by 2 σ", "overclaim", "lower by 2 σ", COLOURS["lower by 2 σ"], "o"),
        ("Jumar", "working overclaim", "Jumar, the value that the search works with", GREY, "o"),
        ("Jumar", "overclaim", "Jumar, what it claims in the end", COLOURS["Jumar"], "D"),
    )
    for rule, column, words, colour, marker in shown:
        values = [landscapes[name][rule][column] for name in names]
        axis.plot(values, range(len(names)), marker, color=colour, label=words, markersize=7)
    axis.axvspan(-0.1, 0.1, color=COLOURS["Jumar"], alpha=0.2, linewidth=0)
    axis.set_yticks(range(len(names)), names)
    axis.set_xscale("symlog", linthresh=0.5, linscale=1.2)
    ticks = (-0.1, 0, 0.1, 0.5, 1, 2, 5, 10)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xlabel("claimed beyond the truth, σ of a run")
    axis.grid(axis="y", linewidth=0.3)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
