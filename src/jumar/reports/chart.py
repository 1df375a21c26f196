"""Draws the course of a study in the style the field knows: grey dots, green keeps, a staircase."""

from __future__ import annotations

import enum
import importlib.util
import io
import math
import os
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jumar.core.contract import Direction
from jumar.core.experiment import BASELINE
from jumar.errors import EnvironmentUnfit
from jumar.reports.labels import Box, Slots, Wanted, place_labels
from jumar.reports.progress import Mark, Progress, view
from jumar.reports.words import LARGE, number
from jumar.rules.plain import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# Okabe and Ito's colours, which people of every colour vision tell apart; shapes differ as well.
KEPT, KEPT_EDGE, FAILED = "#009e73", "#00563f", "#d55e00"
# The page puts its own colours in place of these two, so that the chart follows dark mode.
INK, FAINT = "#20242a", "#9aa1a9"

_SIZE_IN, _DPI = (13.0, 6.6), 150
_LABEL_PT, _GAP_PT, _ANGLE_DEG, _MOST_LABELS = 8.0, 7.5, 30.0, 26
_LEAVES = 1 << 30  # worse than anything that words can cover: they leave the frame
_BEYOND_INSET = 0.035  # of the height, from the edge
_CLEAR_PT = 4.0  # between a mark's centre and the words beside it
_LABEL_LENGTHS = (46, 32, 20)
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
        figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
        FigureCanvasAgg(figure)
        _draw(figure, progress)
        metadata = {"Date": None} if form is Form.SVG else {"Software": "jumar"}
        figure.savefig(out, format=form.value, dpi=_DPI, metadata=metadata, transparent=form is Form.SVG)
    return out.getvalue()


def _draw(figure: Figure, progress: Progress) -> None:
    axes = figure.add_axes((0.062, 0.085, 0.92, 0.79))
    _set_up(axes, progress)
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
    figure.text(0.062, 0.945, progress.title, fontsize=14, fontweight="bold")
    figure.text(
        0.982, 0.02, f"study {short(progress.study, 40)} · jumar", ha="right", fontsize=7, color=FAINT
    )
    _draw_legend(axes)
    if progress.kept:
        notes = [_draw_baseline(axes, progress)]
        notes.append(_draw_band(figure, axes, progress, notes[0]))
        _draw_labels(figure, axes, progress, tuple(_extent(figure, note) for note in notes if note))


def _set_up(axes: Axes, progress: Progress) -> None:
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
    axes.tick_params(labelsize=8.5, length=3)
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


def _draw_legend(axes: Axes) -> None:
    from matplotlib.collections import PathCollection  # noqa: PLC0415

    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    order = sorted(range(len(labels)), key=lambda n: _LEGEND.index(labels[n]))
    legend = axes.legend(
        [handles[n] for n in order], [labels[n] for n in order], loc="lower left", ncols=len(order),
        bbox_to_anchor=(-0.008, 1.0), frameon=False, fontsize=8.5, handletextpad=0.3, columnspacing=1.4,
    )  # fmt: skip
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([26.0])  # a dot of ten thousand is too small to show its colour
            handle.set_alpha(0.9)


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
        ("^", 1 - _BEYOND_INSET, [mark.number for mark in marks if mark.value > high]),
        ("v", _BEYOND_INSET, [mark.number for mark in marks if mark.value <= high]),
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


def _draw_baseline(axes: Axes, progress: Progress) -> Text | None:
    first = progress.kept[0]
    if first.number != BASELINE:
        return None
    axes.axhline(first.value, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    side = -1 if progress.direction is Direction.MINIMIZE else 1
    return axes.annotate(
        f"baseline {number(first.value)}", (0.997, first.value), xycoords=axes.get_yaxis_transform(),
        xytext=(0, 4 * side), textcoords="offset points", fontsize=8.5, color=INK, alpha=0.75,
        ha="right", va="top" if side < 0 else "bottom",
    )  # fmt: skip


def _draw_band(figure: Figure, axes: Axes, progress: Progress, baseline: Text | None) -> Text | None:
    """The certified level with its interval, and its words where they cover least."""
    band = progress.band
    if band is None:
        return None
    axes.axhspan(band.low, band.high, color=KEPT, alpha=0.16, linewidth=0, zorder=0)
    axes.axhline(band.level, color=KEPT, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
    side = -1 if progress.direction is Direction.MINIMIZE else 1
    far, near = (band.low, band.high) if side < 0 else (band.high, band.low)
    # Beyond the band, where no line of the frame goes through the words; else in it, or before it.
    places = [(far, 4 * side), (far, 18 * side), (far, 32 * side)]
    places += [(band.level, 4 * side), (band.level, -4 * side), (near, -4 * side)]
    texts = [
        axes.annotate(
            band.label, (0.994 if right else 0.006, place), xycoords=axes.get_yaxis_transform(),
            xytext=(0, way), textcoords="offset points", fontsize=8.5, color=KEPT, fontweight="bold",
            ha="right" if right else "left", va="top" if way < 0 else "bottom",
        )
        for place, way in places
        for right in (False, True)
    ]  # fmt: skip
    best = min(texts, key=lambda text: _covered(figure, axes, progress, (_extent(figure, text), baseline)))
    for text in texts:
        if text is not best:
            text.remove()
    return best


def _covered(figure: Figure, axes: Axes, progress: Progress, words: tuple[Box, Text | None]) -> int:
    """How many marks, steps of the staircase and other words a text in this box would cover."""
    box, other = words
    if box.bottom < axes.bbox.y0 or box.top > axes.bbox.y1:
        return _LEAVES
    low, high = axes.get_ylim()
    inset = _BEYOND_INSET * (high - low)
    marks = (*progress.kept, *progress.refuted, *progress.others, *progress.undecided)
    points = axes.transData.transform(
        [(mark.number, min(max(mark.value, low + inset), high - inset)) for mark in marks]
    ).tolist()
    margin = _CLEAR_PT * _DPI / 72
    covered = sum(box.holds(x, y, margin) for x, y in points)
    _, last = points[len(progress.kept) - 1]
    end, _ = axes.transData.transform((progress.experiments, 0.0))
    ends = [*points[: len(progress.kept)], (end, last)]
    for (x, y), (then, after) in pairwise(ends):
        covered += box.meets(Box(x, y - 1, then, y + 1))
        covered += box.meets(Box(then - 1, min(y, after), then + 1, max(y, after)))
    return covered + bool(other and box.meets(_extent(figure, other)))


def _extent(figure: Figure, text: Text) -> Box:
    box = text.get_window_extent(_renderer(figure))
    return Box(box.x0, box.y0, box.x1, box.y1)


def _draw_labels(figure: Figure, axes: Axes, progress: Progress, obstacles: tuple[Box, ...]) -> None:
    # A falling staircase leaves room above it to the right, a rising one below it.
    angle = _ANGLE_DEG if progress.direction is Direction.MINIMIZE else -_ANGLE_DEG
    pixels = axes.transData.transform([(mark.number, mark.value) for mark in progress.kept])
    widths = _Widths(figure)
    wanted = [
        Wanted(x=float(x), y=float(y), texts=widths.of(mark))
        for mark, (x, y) in zip(progress.kept, pixels, strict=True)
    ]
    frame, point = axes.bbox, _DPI / 72
    slots = Slots(
        angle_deg=angle,
        height=1.35 * _LABEL_PT * point,
        gap=_GAP_PT * point,
        frame=Box(frame.x0, frame.y0, frame.x1, frame.y1),
        obstacles=obstacles,
    )
    for label in place_labels(wanted, _by_weight(progress), slots, most=_MOST_LABELS):
        mark = progress.kept[label.index]
        axes.annotate(
            label.text, (mark.number, mark.value), textcoords="offset points", fontsize=_LABEL_PT,
            xytext=_beside(label.forward, angle), rotation=angle, rotation_mode="anchor",
            ha="left" if label.forward else "right", va="center_baseline", color=KEPT_EDGE, zorder=5,
        )  # fmt: skip


def _beside(forward: bool, angle_deg: float) -> tuple[float, float]:
    size, turn = _GAP_PT if forward else -_GAP_PT, math.radians(angle_deg)
    return size * math.cos(turn), size * math.sin(turn)


def _by_weight(progress: Progress) -> list[int]:
    """Which keeps deserve a label most: the champion, then the largest steps."""
    values, last = progress.staircase, len(progress.kept) - 1
    steps = {n: abs(values[n] - values[n - 1]) for n in range(1, last)}
    order = [last, *sorted(steps, key=lambda n: -steps[n])]
    return [n for n in order if progress.kept[n].number != BASELINE]


class _Widths:
    """Measures label texts in pixels."""

    def __init__(self, figure: Figure) -> None:
        from matplotlib.font_manager import FontProperties  # noqa: PLC0415

        self._renderer, self._font = _renderer(figure), FontProperties(size=_LABEL_PT)

    def of(self, mark: Mark) -> tuple[tuple[str, float], ...]:
        """The mark's label in each length that differs, with its width."""
        texts = dict.fromkeys(short(mark.label, most) for most in _LABEL_LENGTHS)
        return tuple((text, self._width(text)) for text in texts)

    def _width(self, text: str) -> float:
        return float(self._renderer.get_text_width_height_descent(text, self._font, ismath=False)[0])


def _renderer(figure: Figure) -> Any:
    return figure.canvas.get_renderer()  # type: ignore[attr-defined]  # of the Agg canvas
