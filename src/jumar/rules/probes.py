"""Tells what probes showed, in Markdown: a sweep's curve, where a run's time went, what edits gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import msgspec

from jumar.core.contract import Metric
from jumar.core.outcome import Failed, Measured, Outcome, Stopped
from jumar.core.probe import Sweep, Variant
from jumar.rules.plain import short
from jumar.rules.telling import NEEDS_NO_SAYING, data, others_in_words, quoted
from jumar.rules.veil import Veil

MOST_HOT, MOST_MODULES = 20, 10
LEAST = 0.002  # of the whole: less is not worth a line
_HIDDEN = ("<frozen ", "~")

Called = tuple[str, int, str, int, float, float]
"""File, line, name, how often it was called, seconds in it alone, seconds in it and what it called."""


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """What a profiled process wrote down. It ran candidate code: none of it need be true."""

    startup_s: float
    wall_s: float
    own_s: float
    command: str
    folder: str
    hot: tuple[Called, ...]
    modules: tuple[Called, ...]


class Seen(NamedTuple):
    """One run of a sweep; the one with no variant is the champion's own."""

    variant: Variant | None
    outcome: Outcome


def sweep_in_words(sweep: Sweep, seen: Sequence[Seen], champion: int, veil: Veil) -> str:
    """A table for each knob, its values in order."""
    (own,) = (one.outcome for one in seen if one.variant is None)
    turned = [(one.variant, one.outcome) for one in seen if one.variant]
    lines = [
        f"Sweep on experiment {champion}: {len(seen)} runs at {sweep.share:.0%} of the budget, all on one "
        f"seed. With nothing changed: {_in_words(own, veil)}.",
    ]
    for knob, was in {variant.knob: variant.was for variant, _ in turned}.items():
        rows = [(was, f"{_in_words(own, veil)} (as it is)")]
        rows += [(each.value, _in_words(outcome, veil)) for each, outcome in turned if each.knob == knob]
        if not isinstance(was, str):
            rows.sort(key=lambda row: row[0])
        shown = [f"| {quoted(at, 60) if isinstance(at, str) else at} | {said} |" for at, said in rows]
        lines += ["", f"| {knob} | score |", "|---|---|", *shown]
    if sweep.share < 1:
        lines += [
            "",
            "Short runs rank values otherwise than full ones may: learning rates, sizes, schedules.",
        ]
    lines += ["", "Nothing was judged or kept: propose what looks better."]
    return "\n".join(lines)


def _in_words(outcome: Outcome, veil: Veil, most: int = 120) -> str:
    match outcome:
        case Measured(value=value):
            return f"{veil.value(value):.6g}"
        case Failed(why=why, detail=detail):
            return f"{why.value}: {quoted(veil.log(detail), most)}"
        case Stopped(detail=detail):
            return f"stopped: {quoted(detail, most)}"


def measure_in_words(experiment: int, own: Outcome, its: Outcome, veil: Veil, metric: Metric) -> str:
    """What edits gave in one run, beside the run without them."""
    lines = [
        f"One run with the edits and one of experiment {experiment} without, on one seed:",
        "",
        f"- with them: {_in_words(its, veil, 600)}{_besides(its, veil)}",
        f"- without: {_in_words(own, veil)}{_besides(own, veil)}",
    ]
    if isinstance(its, Measured) and isinstance(own, Measured):
        gain = metric.relative_gain(veil.value(own.value), veil.value(its.value))
        lines.append(f"- that is {abs(gain):.2%} {'better' if gain > 0 else 'worse'}" * (gain != 0))
    return "\n".join(
        [*lines, "", "One seed proves nothing, and nothing was judged or kept: propose what looks better."]
    )


def _besides(outcome: Outcome, veil: Veil) -> str:
    seen = veil.outcome(outcome)
    if not isinstance(seen, Measured):
        return ""
    shown = {name: value for name, value in seen.others.items() if name not in NEEDS_NO_SAYING}
    return f" ({others_in_words(shown)})" if shown else ""


def profile_in_words(experiment: int, wall_s: float, outcome: Outcome, told: Sequence[Timed]) -> str:
    """Start-up, modules and functions of the process that worked longest."""
    how = "" if isinstance(outcome, Measured) else " (it gave no number)"
    head = f"One run of experiment {experiment} took {wall_s:.3g} s{how}, under cProfile"
    if not told:
        return (
            f"{head}, and left no profile: no Python process of it came to its end by itself. "
            "What is no Python, is killed, or leaves by os._exit tells nothing."
        )
    main = max(told, key=lambda one: one.wall_s)
    lines = [
        f"{head}, which slows Python calls down: shares are worth more than seconds, and what a call into "
        "a library costs is in the line that names it. The main thread alone is seen.",
        "",
        f"- start-up of the interpreter: {main.startup_s:.2f} s",
        f"- from then to the end: {main.wall_s:.3g} s, of which {main.own_s:.3g} s are in the table",
    ]
    if len(told) > 1:
        lines.append(f"- {len(told)} Python processes told; this is the one that lived longest")
    modules = sorted((one for one in main.modules if one[5] > LEAST * main.wall_s), key=lambda one: -one[5])
    hot = sorted((one for one in main.hot if one[4] > LEAST * main.own_s), key=lambda one: -one[4])
    table = "\n".join(
        [
            f"command: {short(main.command, 200)}",
            "",
            "seconds in a module's own lines, with what they import and call:",
            *(f"{one[5]:7.2f}  {_place(one, main.folder)}" for one in modules[:MOST_MODULES]),
            "",
            "   own s  with callees s      calls  function",
            *(_row(one, main.folder) for one in hot[:MOST_HOT]),
        ]
    )
    return "\n".join([*lines, "", data(table)])


def _row(one: Called, folder: str) -> str:
    return f"{one[4]:8.3f}  {one[5]:14.3f}  {one[3]:9d}  {_place(one, folder)}"


def _place(one: Called, folder: str) -> str:
    """`train.py:12 step`; files of libraries from their package on."""
    file, line, name, *_ = one
    if not file or file.startswith(_HIDDEN):
        return short(name, 100)
    path = PurePosixPath(file)
    if path.is_relative_to(folder):
        path = path.relative_to(folder)
    else:
        parts = path.parts
        start = max((n + 1 for n, part in enumerate(parts) if part == "site-packages"), default=-2)
        path = PurePosixPath(*parts[start:])
    return short(f"{path}:{line} {name}", 100)
