"""How results are put into words: the one sentence about the gain, numbers, durations, a sparkline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from jumar.core.verdict import Claim

_BLOCKS = "▁▂▃▄▅▆▇█"
MANY_PERCENT = 1000.0
NO_WIDTH = 1e-12  # an interval narrower than this is what rounding left of none
LARGE = 1e9  # from here on a value's size says more than its digits
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def claim_in_words(claim: Claim, *, holdout: bool) -> str:
    """What certification found, in one sentence; without *uncertified* only where it is certified.

    `holdout` says whether the contract hides data from the search; without any, a claim rests on
    fresh seeds alone and must not speak of a holdout.
    """
    low, high = sorted(claim.relative_interval)
    if high - low <= NO_WIDTH * max(1.0, abs(claim.relative)):
        return _without_noise(claim, holdout=holdout)
    digits = _digits((high - low) / 2)
    gain = _better(claim.relative, digits)
    interval = f"95 % interval {hundredths(low, digits)} to {hundredths(high, digits)}"
    basis = _basis(claim, f"{plural(claim.pairs, 'pair')} of fresh runs")
    kind = "self-reported, " if claim.self_reported else ""
    if not claim.certified:
        return f"{gain}, {interval}, {kind}uncertified: {claim.reason} ({basis})"
    return f"{gain}, {interval}, {kind}certified on {'the holdout' if holdout else 'fresh seeds'} ({basis})"


def money(usd: float, *, priced: bool = True, digits: int = 2) -> str:
    """`$1.20`; where some or all of a cost is not known, that is said."""
    known = f"${usd:,.{digits}f}"
    if priced:
        return known
    return f"{known} and an unknown part" if usd else "unknown"


def _basis(claim: Claim, pairs: str) -> str:
    """What a claim rests on: how many runs, on which machine, on what day."""
    look = f"look {claim.look} of the study" if claim.look > 1 else ""
    day = datetime.fromtimestamp(claim.at, UTC).strftime("%Y-%m-%d") if claim.at else ""
    return ", ".join(filter(None, (pairs, look, claim.machine, day)))


def gap_in_words(claim: Claim | None, *, current: bool = True) -> str:
    """That a certified gain is smaller than the search had promised; nothing where it is not."""
    if claim is None or claim.gap is None or claim.working is None or not current:
        return ""
    low, high = sorted(claim.relative_interval)
    digits = max(_digits((high - low) / 2), _digits(claim.gap / 2))
    if float(hundredths(claim.gap, digits).replace(",", "")) == 0:
        return ""  # what rounding left of none
    within = "within" if low <= claim.working <= high else "outside"
    return (
        f"{hundredths(claim.relative, digits)} % certified of {hundredths(claim.working, digits)} % that the "
        f"search saw (uncertified): {hundredths(claim.gap, digits)} points less, {within} the interval"
    )


def items_in_words(claim: Claim | None) -> str:
    """The noise of the evaluation set that a claim's interval covers; nothing where no items are told."""
    if claim is None or not claim.items or claim.items_sd <= NO_WIDTH:
        return ""
    share = percent(claim.items_sd)
    return f"±{share} of {plural(claim.items, 'item')} (one standard deviation; the interval covers it)"


def keeps_in_words(keeps: int, certain: int, simpler: int, refuted: int, false_keeps: float) -> str:
    """How sure single keeps are, beside the study's error budget; nothing where nothing stands."""
    if not keeps:
        return ""
    if false_keeps >= 1:
        return f"{plural(keeps, 'keep')}, none of them confirmed: any may be luck"
    said = f"{certain:,} of {plural(keeps, 'keep')} certain each (e-BH: on average at most 5 % of such are "
    said += "false)"
    said += f", {simpler:,} for less code" if simpler else ""
    if certain + simpler < keeps:
        said += f", the others by the study's error budget of {percent(false_keeps)}"
    return said + (f"; {refuted:,} refuted" if refuted else "")


def _without_noise(claim: Claim, *, holdout: bool) -> str:
    """A claim whose pairs all came out alike: there is no interval to tell, and seeds made no difference."""
    gain = _better(claim.relative, _digits(abs(claim.relative) / 7))
    kind = "self-reported, " if claim.self_reported else ""
    basis = _basis(claim, plural(claim.pairs, "equal pair" if claim.pairs > 1 else "pair"))
    if not claim.certified:
        return f"{gain}, {kind}uncertified: {claim.reason} ({basis})"
    where = " on the holdout" if holdout else ""
    return f"{gain}, {kind}certified{where}: the metric has no noise ({basis})"


def uncertified_in_words(relative: float | None, *, self_reported: bool) -> str:
    """A gain that nothing but the search has seen."""
    if relative is None:
        return "nothing measured yet"
    kind = "self-reported, " if self_reported else ""
    return f"{_better(relative, _digits(abs(relative) / 7))}, {kind}uncertified"


def _better(relative: float, digits: int) -> str:
    shown = hundredths(abs(relative), digits)
    if float(shown.replace(",", "")) == 0:
        return "no better"
    return f"{shown} % {'better' if relative > 0 else 'worse'}"


def _digits(half_width: float) -> int:
    """Decimals of a percentage: its uncertainty is at least three of the last digit shown."""
    if half_width <= 0:
        return 1
    return min(4, max(1, -math.floor(math.log10(100 * half_width / 3))))


def percent(share: float, *, signed: bool = False) -> str:
    """`0.213` as `21.3 %`; small shares keep two digits that say something."""
    size = abs(100 * share)
    if size >= MANY_PERCENT:
        return f"{100 * share:{'+' if signed else ''}{_brief(size)}} %"
    if size and size < 1e-6:
        return f"{100 * share:{'+' if signed else ''}.2g} %"
    digits = 1 if size >= 1 or size == 0 else min(6, 1 - math.floor(math.log10(size)))
    return f"{100 * share:{'+' if signed else ''}.{digits}f} %"


def hundredths(share: float, digits: int) -> str:
    """`0.213` as `21.3`, without the sign of percent; one that is no small matter is said in brief."""
    points = 100 * share
    return f"{points:{_brief(abs(points)) if abs(points) >= MANY_PERCENT else f'.{digits}f'}}"


def _brief(size: float) -> str:
    """The format of a percentage that has long stopped being readable as one."""
    return ",.0f" if size < 1e6 else ".3g"


def number(value: float, *, signed: bool = False) -> str:
    """A metric's value, in as many digits as tell two results apart; whole numbers stay whole."""
    sign = "+" if signed else ""
    if abs(value) >= LARGE or not math.isfinite(value):
        return f"{value:{sign}.6g}"
    if value == int(value):
        return f"{value:{sign},.0f}"
    if abs(value) >= 1e5:
        return f"{value:{sign},.1f}"
    return f"{value:{sign}.6g}"


def duration(seconds: float) -> str:
    """`11520` as `3 h 12 min`: two units, the first that counts and the one below."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return _two(whole, _MINUTE_S, "min", 1, "s")
    if whole < _DAY_S:
        return _two(whole, _HOUR_S, "h", _MINUTE_S, "min")
    return _two(whole, _DAY_S, "d", _HOUR_S, "h")


def _two(whole: int, large_s: int, large: str, small_s: int, small: str) -> str:
    rest = whole % large_s // small_s
    return f"{whole // large_s} {large}" + (f" {rest} {small}" if rest else "")


def moment(at: float) -> str:
    """A time that means the same everywhere."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(count: float) -> str:
    """Bytes with a unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 experiment`, `1,204 experiments`."""
    return f"{count:,} {noun if count == 1 else many or f'{noun}s'}"


def sparkline(values: Sequence[float], *, width: int = 40) -> str:
    """The values as a row of blocks, at most `width` of them, the last one always shown.

    Values that are not finite are passed over; a row of equals lies flat at the bottom.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width < 1:
        return ""
    if len(finite) > width:
        step = len(finite) / width
        finite = [finite[math.ceil((n + 1) * step) - 1] for n in range(width)]
    finite = [value / 2 for value in finite]  # the distance of two huge ones is a number then
    low, high = min(finite), max(finite)
    if low == high:
        return _BLOCKS[0] * len(finite)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(top * ((value - low) / (high - low)))] for value in finite)
