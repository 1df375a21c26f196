"""What a verdict rests on, in words: a row for each thing that the judge saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jumar.core.verdict import Verdict
from jumar.reports.words import number, plural

Row = tuple[str, str]


def evidence_rows(verdict: Verdict) -> list[Row]:
    """Names and what was seen, the most general first. What no judge of today writes is told as it stands."""
    seen = verdict.evidence
    rows = [(name, words) for name, _, say in _KNOWN if (words := _said(say, seen))]
    told = {key for _, keys, say in _KNOWN if _said(say, seen) for key in keys}
    pairs = seen.get("pairs")
    if isinstance(pairs, list | tuple):
        told.add("pairs")
        rows += [(f"pair {place}", _said(_pair, pair) or _flat(pair)) for place, pair in enumerate(pairs, 1)]
    return rows + [(key.replace("_", " "), _flat(value)) for key, value in seen.items() if key not in told]


def _said(say: Callable[[Any], str], found: object) -> str:
    try:
        return say(found)
    except (KeyError, TypeError, ValueError):
        return ""


def _champion(found: Mapping[str, Any]) -> str:
    return f"{number(found['champion'])}, mean of {plural(found['champion_runs'], 'run')}"


def _noise(found: Mapping[str, Any]) -> str:
    learnt = f"learnt from {plural(found['noise_runs'], 'run')}"
    if not found["run_sd"] and not found["pair_sd"]:
        return f"none, {learnt}"
    return f"±{found['run_sd']:.3g} between runs, ±{found['pair_sd']:.3g} within a pair, {learnt}"


def _screen(found: Mapping[str, Any]) -> str:
    seen = found["screen"]
    return (
        f"{number(seen['value'])} on seed {seen['seed']}, where the champion was worth about "
        f"{number(seen['expected'])}: {_gain(seen['gain'])}; {seen['needed']:.3g} better earns a second look"
    )


def _test(found: Mapping[str, Any]) -> str:
    return f"number {found['test']} of the study's tests; a log evidence of {found['keep_at']:.3g} keeps"


def _pair(pair: Mapping[str, Any]) -> str:
    return (
        f"{number(pair['candidate'])} beside the champion's {number(pair['reference'])} on seed "
        f"{pair['seed']}: {_gain(pair['gain'])}; log evidence so far {pair['log_evidence']:+.3g}"
    )


def _items(found: Mapping[str, Any]) -> str:
    return f"±{found['items_sd']:.3g} of this comparison, had other items been drawn"


def _simpler(found: Mapping[str, Any]) -> str:
    less = found["simpler"]
    return f"{plural(less['nodes'], 'syntax-tree node')} fewer; it may lose {less['margin']:.3g} for that"


def _quarantine(found: Mapping[str, Any]) -> str:
    doubt = found["quarantine"]
    return f"{doubt['why']}; {plural(doubt['strict_pairs'], 'pair')} scored strictly"


def _near_miss(found: Mapping[str, Any]) -> str:
    return "it looked better (uncertified), and was not shown to be" if found["near_miss"] else "no"


def _run(found: Mapping[str, Any]) -> str:
    return f"the {found['run']} ended it"


_KNOWN = (
    ("champion then", ("champion", "champion_runs"), _champion),
    ("noise then", ("run_sd", "pair_sd", "noise_runs"), _noise),
    ("screen", ("screen",), _screen),
    ("test", ("test", "keep_at"), _test),
    ("less code", ("simpler",), _simpler),
    ("quarantine", ("quarantine",), _quarantine),
    ("near miss", ("near_miss",), _near_miss),
    ("noise of the evaluation set", ("items_sd",), _items),
    ("run", ("run",), _run),
)


def _gain(gain: float) -> str:
    """A gain of the search, which nothing has certified."""
    if gain == 0:
        return "equal"
    return f"{gain:.3g} better (uncertified)" if gain > 0 else f"{-gain:.3g} worse"


def _flat(value: Any) -> str:
    """A value without the marks of a programming language."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_flat(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_flat, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)
