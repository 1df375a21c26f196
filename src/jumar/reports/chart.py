"""Draws the course of a study in the style the field knows: grey dots, green keeps, a staircase."""

from __future__ import annotations

import enum
import importlib.util
import io
import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jumar.core.contract import Direction
from jumar.errors import EnvironmentUnfit
from jumar.reports.captions import (
    BEYOND_INSET,
    CARD,
    FAILED,
    FAINT,
    INK,
    KEPT,
    KEPT_EDGE,
    PAGE,
    Look,
    draw_words,
    extent,
)
from jumar.reports.progress import Mark, Progress, view
from jumar.reports.words import LARGE
from jumar.rules.plain import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

_RASTER_FROM = 1500  # an SVG of more dots than this takes megabytes; they become one picture in it
_BEYOND_KEPT = "refuted, off the scale"
_BEYOND_OPEN = "open, off the scale"
_LEGEND = (
    "kept", "refuted", _BEYOND_KEPT, "champion", "discarded", "open", _BEYOND_OPEN, "off the scale",
    "stopped early", "failed",
)  # fmt: skip
_HOLLOW: dict[str, Any] = {"s": 26, "facecolors": "none", "edgecolors": FAINT, "linewidths": 1.2}
_REFUTED: dict[str, Any] = {**_HOLLOW, "edgecolors": KEPT_EDGE}
INSTALL = "pip install 'jumar[chart]'"


class Form(enum.Enum):
    """What a chart is written as."""

    PNG = "png"
    SVG = "svg"


def chart_available() -> bool:
    """True when matplotlib can be imported."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_progress(progress: Progress, *, path: Path | None = None, form: Form = Form.PNG) -> bytes:
    """The chart as bytes; also written to `path`, at once or not at all, where one is given.

    The same progress gives the same bytes. Raises EnvironmentUnfit without matplotlib.
    """
    if not chart_available():
        raise EnvironmentUnfit("matplotlib is not installed, so there is no chart", fix=INSTALL)
    drawn = _render(progress, form)
    if path is not None:
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(drawn)
        os.replace(partial, path)
    return drawn


def _render(progress: Progress, form: Form) -> bytes:
    # matplotlib takes half a second to import; whoever draws nothing shall not wait for it.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    style: Any = {
        "font.family": "DejaVu Sans",
        "svg.fonttype": "none",
        "svg.hashsalt": "jumar",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "xtick.color": INK,
        "ytick.color": INK,
        "text.parse_math": False,  # a hypothesis may contain dollars
    }
    out = io.BytesIO()
    with mpl.rc_context(style), warnings.catch_warnings():
        # Hypotheses come in every script; one that the font lacks is no reason to warn the user.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        look = PAGE if form is Form.SVG else CARD
        figure = Figure(figsize=look.size_in, dpi=look.dpi)
        FigureCanvasAgg(figure)
        _draw(figure, progress, look)
        metadata = {"Date": None} if form is Form.SVG else {"Software": "jumar"}
        figure.savefig(out, format=form.value, dpi=look.dpi, metadata=metadata, transparent=form is Form.SVG)
    return out.getvalue()


def _draw(figure: Figure, progress: Progress, look: Look) -> None:
    axes = figure.add_axes(look.frame)
    _set_up(axes, progress, look)
    if not (progress.kept or progress.others or progress.undecided or progress.refuted):
        ended = progress.without_value or progress.stopped
        words = "nothing was measured" if ended else "nothing measured yet"
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", color=FAINT, fontsize=14)
        axes.set_yticks([])
    else:
        low, high = view(progress)
        axes.set_ylim(low, high)
        axes.yaxis.set_major_formatter(lambda value, _: _tick(value, high - low))
        _draw_others(axes, progress, low, high)
        _draw_open(axes, progress, low, high)
        _draw_kept(axes, progress)
        _draw_refuted(axes, progress, low, high)
    _draw_without_value(axes, progress)
    _draw_frame(figure, axes, progress, look)
    if progress.kept:
        draw_words(figure, axes, progress, look)


def _draw_frame(figure: Figure, axes: Axes, progress: Progress, look: Look) -> None:
    """What stands around the dots: title, legend, and whose study it is."""
    left, _, width, _ = look.frame
    title = figure.text(left, 0.94, progress.title, fontsize=14, fontweight="bold")
    room = width * figure.bbox.width
    box = extent(figure, title)
    if box.right - box.left > room:
        title.set_fontsize(14 * room / (box.right - box.left))
    figure.text(
        left + width, 0.02, f"study {short(progress.study, 40)} · jumar", ha="right", fontsize=7, color=FAINT
    )
    if legend := _draw_legend(axes, look.words_pt):
        wide = legend.get_window_extent(figure.canvas.get_renderer()).width  # type: ignore[attr-defined]
        if wide > 1.02 * room:
            legend.remove()
            _draw_legend(axes, look.words_pt * room / wide)


def _set_up(axes: Axes, progress: Progress, look: Look) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    most = max(1, progress.experiments)
    axes.set_xlim(-0.02 * most - 0.1, max(1.025 * most, most + 0.35))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))
    axes.set_xlabel("experiment", fontsize=10)
    better = "lower" if progress.direction is Direction.MINIMIZE else "higher"
    reported = ", self-reported" if progress.self_reported else ""
    axes.set_ylabel(f"{short(progress.metric, 40)} ({better} is better{reported})", fontsize=10)
    axes.tick_params(labelsize=look.words_pt, length=3)
    axes.grid(True, alpha=0.18, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _tick(value: float, span: float) -> str:
    """A value on the axis, with the same decimals on every tick and no offset to add in one's head."""
    if abs(value) >= LARGE:
        return f"{value:.4g}"
    digits = max(0, -math.floor(math.log10(span / 5)))
    return f"{value:,.{digits}f}" if digits <= 6 else f"{value:.4g}"


def _draw_legend(axes: Axes, size_pt: float) -> Legend | None:
    from matplotlib.collections import PathCollection  # noqa: PLC0415

    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return None
    order = sorted(range(len(labels)), key=lambda n: _LEGEND.index(labels[n]))
    legend = axes.legend(
        [handles[n] for n in order], [labels[n] for n in order], loc="lower left", ncols=len(order),
        bbox_to_anchor=(-0.008, 1.0), frameon=False, fontsize=size_pt,
        handletextpad=0.3, columnspacing=1.4,
    )  # fmt: skip
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([26.0])  # a dot of ten thousand is too small to show its colour
            handle.set_alpha(0.9)
    return legend


def _draw_others(axes: Axes, progress: Progress, low: float, high: float) -> None:
    inside, beyond = _split(progress.others, low, high)
    size = min(26.0, max(4.0, 3000 / (1 + len(inside))))
    if inside:
        axes.scatter(
            [mark.number for mark in inside], [mark.value for mark in inside], s=size, c=FAINT, alpha=0.55,
            linewidths=0, label="discarded", zorder=2, clip_on=False, rasterized=len(inside) > _RASTER_FROM,
        )  # fmt: skip
    style = {"c": FAINT, "alpha": 0.7, "s": min(16.0, size), "linewidths": 0}
    _draw_beyond(axes, beyond, high, label="off the scale", **style)


def _draw_open(axes: Axes, progress: Progress, low: float, high: float) -> None:
    inside, beyond = _split(progress.undecided, low, high)
    _draw_beyond(axes, beyond, high, label=_BEYOND_OPEN, **_HOLLOW)
    if inside:
        numbers, values = [mark.number for mark in inside], [mark.value for mark in inside]
        axes.scatter(numbers, values, zorder=2, label="open", clip_on=False, **_HOLLOW)


def _split(marks: Sequence[Mark], low: float, high: float) -> tuple[list[Mark], list[Mark]]:
    """The marks that are on the scale, and those that are beyond it."""
    inside = [mark for mark in marks if low <= mark.value <= high]
    return inside, [mark for mark in marks if not low <= mark.value <= high]


def _draw_beyond(axes: Axes, marks: Sequence[Mark], high: float, *, label: str, **style: Any) -> None:
    """Values that the scale does not reach: a triangle at the edge on their side, pointing at them."""
    for marker, height, side in (
        ("^", 1 - BEYOND_INSET, [mark.number for mark in marks if mark.value > high]),
        ("v", BEYOND_INSET, [mark.number for mark in marks if mark.value <= high]),
    ):
        if side:
            axes.scatter(
                side, [height] * len(side), transform=axes.get_xaxis_transform(), zorder=4, marker=marker,
                label=label, rasterized=len(side) > _RASTER_FROM, **style,
            )  # fmt: skip
            label = "_nolegend_"


def _draw_without_value(axes: Axes, progress: Progress) -> None:
    """Mark at the worse edge what has no value: hollow while it is open, a dash when stopped, a cross."""
    low, high = axes.get_ylim()
    label = None if any(low <= mark.value <= high for mark in progress.undecided) else "open"
    _draw_at_edge(axes, progress, progress.unmeasured, 0.024, label=label, **_HOLLOW)
    _draw_at_edge(
        axes, progress, progress.stopped, 0.024, c=FAINT, label="stopped early", s=20, marker="_",
        linewidths=1.4, alpha=0.9,
    )  # fmt: skip
    few = len(progress.without_value) <= 150
    _draw_at_edge(
        axes, progress, progress.without_value, 0.012, c=FAILED, label="failed", clip_on=False,
        s=20 if few else 14, marker="x" if few else "|", linewidths=1.1 if few else 0.6,
        alpha=0.9 if few else 0.5,
    )  # fmt: skip


def _draw_at_edge(axes: Axes, progress: Progress, numbers: Sequence[int], inset: float, **style: Any) -> None:
    """Mark experiments that have no place on the scale along its worse edge."""
    if numbers:
        height = 1 - inset if progress.direction is Direction.MINIMIZE else inset
        axes.scatter(
            numbers, [height] * len(numbers), transform=axes.get_xaxis_transform(), zorder=2,
            rasterized=len(numbers) > _RASTER_FROM, **style,
        )  # fmt: skip


def _draw_kept(axes: Axes, progress: Progress) -> None:
    numbers, values = [mark.number for mark in progress.kept], list(progress.staircase)
    axes.step(
        [*numbers, max(progress.experiments, numbers[-1])], [*values, values[-1]], where="post",
        color=KEPT, linewidth=1.8, alpha=0.8, zorder=3, label="champion",
    )  # fmt: skip
    size = min(52.0, max(16.0, 2600 / len(numbers)))
    axes.scatter(
        numbers, values, s=size, c=KEPT, edgecolors=KEPT_EDGE, linewidths=0.8, zorder=4, label="kept"
    )


def _draw_refuted(axes: Axes, progress: Progress, low: float, high: float) -> None:
    """What was kept and taken back: hollow, where it would stand."""
    inside, beyond = _split(progress.refuted, low, high)
    _draw_beyond(axes, beyond, high, label=_BEYOND_KEPT, **_REFUTED)
    if inside:
        numbers, values = [mark.number for mark in inside], [mark.value for mark in inside]
        axes.scatter(numbers, values, zorder=4, label="refuted", clip_on=False, **_REFUTED)
