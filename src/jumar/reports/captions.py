"""Puts the words on a chart, where they cover least: the baseline, the certified band, the names of keeps."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from jumar.core.contract import Direction
from jumar.core.experiment import BASELINE
from jumar.reports.labels import Box, Slots, Wanted, place_labels
from jumar.reports.progress import Band, Mark, Progress
from jumar.reports.words import number
from jumar.rules.plain import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# Okabe and Ito's colours, which people of every colour vision tell apart; shapes differ as well.
KEPT, KEPT_EDGE, FAILED = "#009e73", "#00563f", "#d55e00"
# The page puts its own colours in place of these two, so that the chart follows dark mode.
INK, FAINT = "#20242a", "#9aa1a9"
BEYOND_INSET = 0.035  # of the height, from the edge

_GAP_PT, _ANGLE_DEG = 7.5, 30.0
_LEAVES = 1 << 30  # worse than anything that words can cover: they leave the frame
_CLEAR_PT = 4.0  # between a mark's centre and the words beside it


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How large a chart is, and its words in it."""

    size_in: tuple[float, float]
    dpi: int
    frame: tuple[float, float, float, float]  #: left, bottom, width and height, in shares of the picture
    words_pt: float  #: of names and numbers; titles are larger
    lengths: tuple[int, ...]  #: a keep's name is tried in each, in characters
    most_labels: int
    paper: str | None = None  #: its colour, where it is known: names stand out from dots behind them then


# A page is a thousand pixels wide.
PAGE = Look(
    size_in=(13.0, 6.6), dpi=150, frame=(0.062, 0.085, 0.92, 0.79), words_pt=8.0, lengths=(46, 32, 20),
    most_labels=26,
)  # fmt: skip
# What is shared is looked at six hundred pixels wide: words of 8.5 points are nine pixels high there.
CARD = Look(
    size_in=(8.0, 4.5), dpi=220, frame=(0.098, 0.125, 0.885, 0.715), words_pt=8.5, lengths=(36, 26, 18),
    most_labels=12, paper="white",
)  # fmt: skip


def draw_words(figure: Figure, axes: Axes, progress: Progress, look: Look) -> None:
    """Write what is known beside what is drawn."""
    notes = [_draw_baseline(axes, progress, look)]
    notes.append(_draw_band(figure, axes, progress, (notes[0], look)))
    _draw_labels(figure, axes, progress, (tuple(extent(figure, note) for note in notes if note), look))


def _draw_baseline(axes: Axes, progress: Progress, look: Look) -> Text | None:
    first = progress.kept[0]
    if first.number != BASELINE:
        return None
    axes.axhline(first.value, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    side = -1 if progress.direction is Direction.MINIMIZE else 1
    return axes.annotate(
        f"baseline {number(first.value)}", (0.997, first.value), xycoords=axes.get_yaxis_transform(),
        xytext=(0, 4 * side), textcoords="offset points", fontsize=look.words_pt, color=INK, alpha=0.75,
        ha="right", va="top" if side < 0 else "bottom",
    )  # fmt: skip


def _draw_band(
    figure: Figure, axes: Axes, progress: Progress, beside: tuple[Text | None, Look]
) -> Text | None:
    """The certified level with its interval, and its words where they cover least."""
    baseline, look = beside
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
    said = _that_fits(figure, axes, band, look)
    texts = [
        axes.annotate(
            said, (0.994 if right else 0.006, place), xycoords=axes.get_yaxis_transform(),
            xytext=(0, way), textcoords="offset points", fontsize=look.words_pt, color=KEPT,
            fontweight="bold", ha="right" if right else "left", va="top" if way < 0 else "bottom",
        )
        for place, way in places
        for right in (False, True)
    ]  # fmt: skip
    best = min(texts, key=lambda text: _covered(figure, axes, progress, (extent(figure, text), baseline)))
    for text in texts:
        if text is not best:
            text.remove()
    return best


def _that_fits(figure: Figure, axes: Axes, band: Band, look: Look) -> str:
    """The band's words where there is room for all of them; else what they rest on stands at the foot."""
    left, _, width, _ = look.frame
    trial = figure.text(0, 0, band.label, fontsize=look.words_pt, fontweight="bold")
    wide = extent(figure, trial)
    trial.remove()
    if not band.basis or wide.right - wide.left < 0.985 * axes.bbox.width:
        return band.label
    figure.text(left - 0.06 * width, 0.02, short(band.basis, 72), fontsize=6.5, color=FAINT)
    return band.label.removesuffix(f", {band.basis}")


def _covered(figure: Figure, axes: Axes, progress: Progress, words: tuple[Box, Text | None]) -> int:
    """How many marks, steps of the staircase and other words a text in this box would cover."""
    box, other = words
    if box.bottom < axes.bbox.y0 or box.top > axes.bbox.y1:
        return _LEAVES
    low, high = axes.get_ylim()
    inset = BEYOND_INSET * (high - low)
    marks = (*progress.kept, *progress.refuted, *progress.others, *progress.undecided)
    points = axes.transData.transform(
        [(mark.number, min(max(mark.value, low + inset), high - inset)) for mark in marks]
    ).tolist()
    margin = _CLEAR_PT * figure.dpi / 72
    covered = sum(box.holds(x, y, margin) for x, y in points)
    _, last = points[len(progress.kept) - 1]
    end, _ = axes.transData.transform((progress.experiments, 0.0))
    ends = [*points[: len(progress.kept)], (end, last)]
    for (x, y), (then, after) in pairwise(ends):
        covered += box.meets(Box(x, y - 1, then, y + 1))
        covered += box.meets(Box(then - 1, min(y, after), then + 1, max(y, after)))
    return covered + bool(other and box.meets(extent(figure, other)))


def extent(figure: Figure, text: Text) -> Box:
    """Where a text stands, in pixels."""
    box = text.get_window_extent(_renderer(figure))
    return Box(box.x0, box.y0, box.x1, box.y1)


def _draw_labels(
    figure: Figure, axes: Axes, progress: Progress, beside: tuple[tuple[Box, ...], Look]
) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    obstacles, look = beside
    # A falling staircase leaves room above it to the right, a rising one below it.
    angle = _ANGLE_DEG if progress.direction is Direction.MINIMIZE else -_ANGLE_DEG
    pixels = axes.transData.transform([(mark.number, mark.value) for mark in progress.kept])
    widths = _Widths(figure, look)
    wanted = [
        Wanted(x=float(x), y=float(y), texts=widths.of(mark))
        for mark, (x, y) in zip(progress.kept, pixels, strict=True)
    ]
    frame, point = axes.bbox, figure.dpi / 72
    slots = Slots(
        angle_deg=angle,
        height=1.35 * look.words_pt * point,
        gap=_GAP_PT * point,
        frame=Box(frame.x0, frame.y0, frame.x1, frame.y1),
        obstacles=obstacles,
    )
    for label in place_labels(wanted, _by_weight(progress), slots, most=look.most_labels):
        mark = progress.kept[label.index]
        text = axes.annotate(
            label.text, (mark.number, mark.value), textcoords="offset points", fontsize=look.words_pt,
            xytext=_beside(label.forward, angle), rotation=angle, rotation_mode="anchor",
            ha="left" if label.forward else "right", va="center_baseline", color=KEPT_EDGE, zorder=5,
        )  # fmt: skip
        if look.paper:
            text.set_path_effects([withStroke(linewidth=2.2, foreground=look.paper, alpha=0.8)])


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

    def __init__(self, figure: Figure, look: Look) -> None:
        from matplotlib.font_manager import FontProperties  # noqa: PLC0415

        self._renderer, self._font = _renderer(figure), FontProperties(size=look.words_pt)
        self._lengths = look.lengths

    def of(self, mark: Mark) -> tuple[tuple[str, float], ...]:
        """The mark's label in each length that differs, with its width."""
        texts = dict.fromkeys(short(mark.label, most) for most in self._lengths)
        return tuple((text, self._width(text)) for text in texts)

    def _width(self, text: str) -> float:
        return float(self._renderer.get_text_width_height_descent(text, self._font, ismath=False)[0])


def _renderer(figure: Figure) -> Any:
    return figure.canvas.get_renderer()  # type: ignore[attr-defined]  # of the Agg canvas
