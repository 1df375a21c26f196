"""Owns what charts look like: values in, ECharts options out.

Colours are the page's, so they follow its theme. Charts are SVG and their hints are drawn, not written as
HTML: whatever a hypothesis says stays text. No key of an option ever comes from data: the framework reads
keys that begin with a colon as programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jumar.core.contract import Direction
from jumar.reports.pages import Band, CurveView, Dot, Overview, PairView
from jumar.reports.progress import Mark, Progress, view
from jumar.reports.words import number, percent
from jumar.rules.plain import short

Options = dict[str, Any]
Point = dict[str, Any]

INK, SOFT, FAINT, LINE = "var(--ink)", "var(--soft)", "var(--faint)", "var(--line)"
KEPT, KEPT_EDGE, FAILED, PAPER = "var(--kept-mark)", "var(--kept-edge)", "var(--failed-mark)", "var(--paper)"
CANDIDATE, REFERENCE = "var(--one)", "var(--other)"

_FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif'
_STEADY = {"animation": False, "textStyle": {"fontFamily": _FONT}}
#: `tip` is a text of ours or a hypothesis; the hint is drawn as SVG text. Thousands of dots have none.
_TIP_JS = "p => p.data.tip || '#' + p.value[0] + '   ' + p.value[1] + '   ' + p.seriesName"
_TICK_JS = (
    "v => typeof v !== 'number' ? v : Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-4) "
    "? v.toExponential(1) : String(+v.toPrecision(6))"
)
_MOST_LABELS = 24
_LEGEND = ["kept", "refuted", "discarded", "open", "no number"]


def stairs(seen: Overview) -> Options:
    """The course of a study: the champion's stairs, what fell beside them, and what is certified."""
    low, high = view(_progress_of(seen)) if seen.steps or seen.dots else (0.0, 1.0)
    by_state = {
        state: [dot for dot in seen.dots if dot.state == state] for state in ("refuted", "held", "open")
    }
    plain_ones = [dot for dot in seen.dots if dot.state not in by_state]
    last = max(seen.experiments, seen.steps[-1].number if seen.steps else 0, 1)
    worse = high if seen.direction == Direction.MINIMIZE.value else low
    return {
        **_STEADY,
        "aria": {"enabled": True, "label": {"description": _in_words(seen)}},
        "grid": {"left": 8, "right": 18, "top": 44, "bottom": 30, "containLabel": True},
        "legend": _legend(_LEGEND),
        "tooltip": _tooltip(),
        "xAxis": _axis("experiment", minimum=0, maximum=last + max(1, last // 40), whole=True),
        "yAxis": _axis("", minimum=low, maximum=high),
        "media": [_narrow(seen), {"option": _wide(seen)}],
        "dataZoom": [{"type": "inside", "zoomOnMouseWheel": "ctrl", "moveOnMouseWheel": False}],
        "series": [
            _dots(
                "discarded", plain_ones, (low, high), color=FAINT, opacity=0.55, size=_size(len(plain_ones))
            ),
            _dots("no number", [], (low, high), color=FAILED, size=7)
            | {"symbol": "path://M0,0L8,8M8,0L0,8", "data": [_at_edge(n, worse) for n in seen.without_value]}
            | {"itemStyle": _cross(len(seen.without_value))},
            _hollow("open", [*by_state["open"], *by_state["held"]], (low, high), FAINT),
            _whiskers(seen.steps, (low, high)),
            _staircase(seen, last),
            _hollow("refuted", by_state["refuted"], (low, high), KEPT_EDGE),
            _kept(seen),
        ],
    }


def _progress_of(seen: Overview) -> Progress:
    """The same as the report's chart knows it, for its scale."""
    marks = {
        state: tuple(_mark(dot) for dot in seen.dots if dot.state == state) for state in ("refuted", "open")
    }
    return Progress(
        study=seen.study,
        title="",
        metric=seen.metric,
        direction=Direction(seen.direction),
        self_reported=seen.self_reported,
        experiments=seen.experiments,
        kept=tuple(_mark(dot) for dot in seen.steps),
        others=tuple(_mark(dot) for dot in seen.dots if dot.state not in marks),
        without_value=(),
        band=None,
        undecided=marks["open"],
        refuted=marks["refuted"],
    )


def _mark(dot: Dot) -> Mark:
    return Mark(number=dot.number, value=dot.value, label=dot.label)


def _in_words(seen: Overview) -> str:
    said = ", ".join(f"{count:,} {state}" for state, count in seen.counts.items() if count)
    return f"The course of the study. {seen.experiments:,} experiments: {said}. {seen.sentence}"


def _staircase(seen: Overview, last: int) -> Options:
    steps = [[dot.number, dot.value] for dot in seen.steps]
    if steps:
        steps.append([last, steps[-1][1]])
    made: Options = {
        "type": "line", "name": "champion", "step": "end", "data": steps, "symbol": "none", "silent": True,
        "lineStyle": {"color": KEPT, "width": 2}, "itemStyle": {"color": KEPT}, "z": 3,
    }  # fmt: skip
    if (band := _band(seen)) is not None:
        area = {"color": KEPT, "opacity": 0.13}
        made["markArea"] = {
            "silent": True, "itemStyle": area, "data": [[{"yAxis": band.low}, {"yAxis": band.high}]],
        }  # fmt: skip
    made["markLine"] = {"silent": True, "symbol": "none", "data": _levels(seen)}
    return made


def _band(seen: Overview) -> Band | None:
    return next((one for one in reversed(seen.bands) if one.certified and not one.refuted), None)


def _levels(seen: Overview, *, narrow: bool = False) -> list[Options]:
    """Lines across: the baseline and what is certified. Where it is narrow that has no room for its words."""
    lines: list[Options] = []
    if seen.baseline.value is not None:
        baseline = _words(f"baseline {number(seen.baseline.value)}", SOFT, "insideEndTop")
        dashed = {"color": FAINT, "type": "dashed", "width": 1}
        lines.append({"yAxis": seen.baseline.value, "lineStyle": dashed, "label": baseline})
    if (band := _band(seen)) is not None:
        # On a phone the band says it: its words would run over the labels of keeps, wherever they stood.
        words = "" if narrow else f"certified: {short(band.words, 90)}"
        dotted = {"color": KEPT, "type": "dotted", "width": 1.2}
        label = _words(words, "var(--kept)", "insideStartBottom") | {"show": bool(words)}
        lines.append({"yAxis": band.level, "lineStyle": dotted, "label": label})
    return lines


def _wide(seen: Overview) -> Options:
    labels = {"name": "kept", "label": {"formatter": "{b}"}}
    lines = {"name": "champion", "markLine": {"data": _levels(seen)}}
    return {"legend": {"data": _LEGEND, "itemGap": 16}, "series": [labels, lines]}


def _narrow(seen: Overview) -> Options:
    """On a phone a keep's label is its number alone."""
    labels = {"name": "kept", "label": {":formatter": "p => p.name.split(' ')[0]"}}
    lines = {"name": "champion", "markLine": {"data": _levels(seen, narrow=True)}}
    legend = {"data": ["kept", "refuted", "discarded", "no number"], "itemGap": 10}
    return {"query": {"maxWidth": 520}, "option": {"legend": legend, "series": [labels, lines]}}


def _words(text: str, color: str, position: str) -> Options:
    """A label whose text is no template: braces in it would be read as one."""
    safe = text.replace("{", "(").replace("}", ")")
    return {"formatter": safe, "position": position, "color": color, "fontSize": 11, "fontFamily": _FONT}


def _kept(seen: Overview) -> Options:
    labelled = {dot.number for dot in [dot for dot in seen.steps if dot.label and dot.number][-_MOST_LABELS:]}
    words = {
        dot.number: f"#{dot.number}  {short(dot.label, 60)}" for dot in seen.steps if dot.number in labelled
    }
    return {
        "type": "scatter", "name": "kept", "symbolSize": 9, "z": 5, "cursor": "pointer",
        "itemStyle": {"color": KEPT, "borderColor": KEPT_EDGE, "borderWidth": 1},
        "emphasis": _emphasis(KEPT),
        "data": [_named(dot, words=words.get(dot.number, ""), seen=seen) for dot in seen.steps],
        "label": _labels(),
        "labelLayout": {"hideOverlap": True},
    }  # fmt: skip


def _labels() -> Options:
    return {
        "show": True, "formatter": "{b}", "color": SOFT, "fontSize": 11, "width": 200, "overflow": "truncate",
        "fontFamily": _FONT, "textBorderColor": PAPER, "textBorderWidth": 2,
    }  # fmt: skip


def _named(dot: Dot, *, words: str, seen: Overview) -> Point:
    """A dot with its label where nothing can be: before it, beyond the stairs; at the left end behind it."""
    below = seen.direction == Direction.MINIMIZE.value
    at_left = dot.number < 0.2 * max(1, seen.experiments)
    label = {
        "position": [11 if at_left else -4, 10 if below else -13],
        "align": "left" if at_left else "right",
    }
    return {"value": [dot.number, dot.value], "name": words, "tip": _tip(dot), "label": label}


def _tip(dot: Dot) -> str:
    gain = f"   {percent(dot.gain, signed=True)}" if dot.gain is not None else ""
    mark = ", certain" if dot.certain else ""
    said = f"#{dot.number}   {number(dot.value)}{gain}   {dot.state}{mark}"
    return f"{said}\n{short(dot.label, 110)}" if dot.label else said


def _whiskers(steps: Sequence[Dot], ends: tuple[float, float]) -> Options:
    """The interval of each keep: a line of many pieces, parted by gaps."""
    data: list[list[Any]] = []
    for dot in steps:
        if dot.low is not None and dot.high is not None:
            low, high = max(ends[0], min(dot.low, dot.high)), min(ends[1], max(dot.low, dot.high))
            data += [[dot.number, low], [dot.number, high], [None, None]]
    return {
        "type": "line", "name": "interval", "data": data, "symbol": "none", "silent": True,
        "connectNulls": False,
        "lineStyle": {"color": KEPT_EDGE, "width": 1.2, "opacity": 0.6}, "z": 2,
    }  # fmt: skip


def _dots(name: str, dots: Iterable[Dot], ends: tuple[float, float], **style: Any) -> Options:
    size = style.pop("size")
    return {
        "type": "scatter", "name": name, "symbolSize": size, "cursor": "pointer", "itemStyle": style, "z": 2,
        "emphasis": _emphasis(SOFT),
        "data": [_placed(dot, ends) for dot in dots],
    }  # fmt: skip


def _hollow(name: str, dots: Iterable[Dot], ends: tuple[float, float], edge: str) -> Options:
    return {
        "type": "scatter", "name": name, "symbolSize": 8, "cursor": "pointer", "z": 4,
        "data": [_placed(dot, ends) for dot in dots],
        "itemStyle": {"color": PAPER, "borderColor": edge, "borderWidth": 1.4}, "emphasis": _emphasis(PAPER),
    }  # fmt: skip


def _placed(dot: Dot, ends: tuple[float, float]) -> Point | list[float]:
    """Where a dot stands; one off the scale is a triangle at the edge that points at it."""
    if ends[0] <= dot.value <= ends[1]:
        value = [dot.number, float(f"{dot.value:.7g}")]
        return {"value": value, "tip": _tip(dot)} if dot.label else value
    above = dot.value > ends[1]
    return {
        "value": [dot.number, ends[1] if above else ends[0]],
        "symbol": "triangle",
        "symbolRotate": 0 if above else 180,
        "tip": f"{_tip(dot)}\noff the scale",
    }


def _at_edge(number_: int, edge: float) -> Point:
    return {"value": [number_, edge], "tip": f"#{number_}   no number"}


def _size(count: int) -> float:
    return 7 if count < 200 else 5 if count < 1500 else 4


def _cross(count: int) -> Options:
    return {
        "color": "none",
        "borderColor": FAILED,
        "borderWidth": 1.2,
        "opacity": 0.9 if count < 150 else 0.35,
    }


def _emphasis(color: str) -> Options:
    """Said in full: the library would reckon a lighter shade, and cannot read a colour of the page's."""
    return {"scale": 1.6, "itemStyle": {"color": color, "borderColor": INK, "borderWidth": 1.5}}


def _legend(names: Sequence[str]) -> Options:
    return {
        "left": 0, "top": 0, "itemWidth": 10, "itemHeight": 10, "itemGap": 16, "data": list(names),
        "textStyle": {"color": SOFT, "fontSize": 12, "fontFamily": _FONT}, "inactiveColor": LINE,
    }  # fmt: skip


def _tooltip() -> Options:
    return {
        "trigger": "item", "renderMode": "richText", "confine": True, ":formatter": _TIP_JS,
        "backgroundColor": "var(--raised)", "borderColor": LINE, "borderWidth": 1, "padding": [8, 10],
        "textStyle": {"color": INK, "fontSize": 12, "fontFamily": _FONT},
    }  # fmt: skip


def _axis(
    name: str, *, minimum: float | None = None, maximum: float | None = None, whole: bool = False
) -> Options:
    """An axis of numbers. `whole`: across, and of whole ones."""
    label = {
        "color": SOFT, "fontSize": 11, "hideOverlap": True, "showMaxLabel": maximum is None,
        "showMinLabel": whole or minimum is None, ":formatter": _TICK_JS,
    }  # fmt: skip
    made: Options = {
        "type": "value", "scale": True, "axisLabel": label, "axisTick": {"show": False},
        "axisLine": {"show": whole, "lineStyle": {"color": LINE}},
        "splitLine": {"show": not whole, "lineStyle": {"color": LINE, "opacity": 0.6}},
    }  # fmt: skip
    if name:
        made |= {"name": name, "nameLocation": "middle", "nameGap": 26}
        made["nameTextStyle"] = {"color": SOFT, "fontSize": 11}
    if whole:
        made["minInterval"] = 1
    if minimum is not None:
        made["min"] = minimum
    if maximum is not None:
        made["max"] = maximum
    return made


def curves(seen: Sequence[CurveView]) -> Options:
    """Learning curves: the experiment's own in colour, what it was compared with in grey."""
    series = [
        {
            "type": "line", "name": "this experiment" if one.is_own else "beside it", "showSymbol": False,
            "data": [[round(100 * x, 3), y] for x, y in one.points], "z": 3 if one.is_own else 2,
            "lineStyle": {"color": CANDIDATE if one.is_own else REFERENCE, "width": 1.6, "opacity": 0.85},
            "itemStyle": {"color": CANDIDATE if one.is_own else REFERENCE},
        }
        for one in seen
    ]  # fmt: skip
    names = list(dict.fromkeys(str(one["name"]) for one in series))
    return {
        **_STEADY,
        "grid": {"left": 8, "right": 18, "top": 44, "bottom": 30, "containLabel": True},
        "legend": _legend(names),
        "xAxis": _axis("% of the budget", whole=True, minimum=0),
        "yAxis": _axis(""),
        "series": series,
    }


def differences(pairs: Sequence[PairView]) -> Options:
    """By how much the candidate was better in each pair; what lies above zero speaks for it."""
    told = [pair for pair in pairs if pair.gain is not None]
    data = [
        {
            "value": [str(place), pair.gain],
            "itemStyle": {"color": KEPT if (pair.gain or 0) > 0 else FAILED},
            "tip": f"pair {place}, seed {pair.seed}: {number(pair.gain or 0, signed=True)}",
        }
        for place, pair in enumerate(told, 1)
    ]
    across = _axis("pair", whole=True) | {"type": "category", "data": [str(n + 1) for n in range(len(told))]}
    return {
        **_STEADY,
        "grid": {"left": 8, "right": 18, "top": 34, "bottom": 30, "containLabel": True},
        "tooltip": _tooltip(),
        "xAxis": across | {"axisLine": {"show": True, "onZero": True, "lineStyle": {"color": FAINT}}},
        "yAxis": _axis("") | {"scale": False},  # bars are read from zero
        "series": [{"type": "bar", "barMaxWidth": 22, "data": data}],
    }
