"""Owns drawings without axes, as plain SVG: a curve as small as a word, and how busy the workers were."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

_WIDE, _HIGH = 100.0, 30.0


def spark(points: Sequence[tuple[float, float]], words: str) -> None:
    """A curve without axes, for whoever looks at its shape."""
    with _drawing("spark", words):
        if len(points) > 1:
            line = ui.element("polyline")
            line.props["points"] = _line(points)


def _line(points: Sequence[tuple[float, float]]) -> str:
    ys = [y for _, y in points]
    low, high = min(ys), max(ys)
    most = max(1.0, *(x for x, _ in points))
    return " ".join(
        f"{_WIDE * x / most:.2f},{_HIGH * (1 - (y - low) / ((high - low) or 1)):.2f}" for x, y in points
    )


def busy(runs: Sequence[float], workers: int | None, words: str) -> None:
    """How many runs were under way; a dashed line where all workers are busy."""
    most = max(1.0, float(workers or 0), *runs) * 1.08
    width = _WIDE / max(1, len(runs))
    tops = [_HIGH * (1 - count / most) for count in runs]
    steps = "".join(f" {n * width:.2f},{y:.2f} {(n + 1) * width:.2f},{y:.2f}" for n, y in enumerate(tops))
    with _drawing("busy", words):
        area = ui.element("polygon")
        area.props["points"] = f"0,{_HIGH}{steps} {_WIDE},{_HIGH}"
        if workers:
            level = f"{_HIGH * (1 - workers / most):.2f}"
            full = ui.element("line")
            full.props.update({"x1": "0", "x2": str(_WIDE), "y1": level, "y2": level})


def _drawing(kind: str, words: str) -> ui.element:
    made = ui.element("svg").classes(kind)
    made.props.update(
        {
            "viewBox": f"0 0 {_WIDE:.0f} {_HIGH:.0f}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": words,
        }
    )
    return made
