"""Owns what is said of the knobs that the tuner found, or did not find."""

from __future__ import annotations

from collections.abc import Sequence

from jumar.reports.words import plural

MOST_NAMES = 12


def knobs_in_words(names: Sequence[str], editable: Sequence[str]) -> str:
    """`3 knobs for the tuner in train.py: LR, --width, Config.depth`, or what to do where there are none."""
    where = ", ".join(dict.fromkeys(name.partition(":")[0] for name in names)) or ", ".join(editable)
    if not names:
        return (
            f"no knobs found in {where}: the tuner turns numbers and booleans that are constants at the top "
            "of a Python file, defaults of functions, class fields, or defaults of argparse and click "
            "options. Write some (docs/tuner.md has the rule), or name another agent with --agent"
        )
    short = [name.partition(":")[2] for name in names[:MOST_NAMES]]
    more = f" and {len(names) - MOST_NAMES:,} more" if names[MOST_NAMES:] else ""
    return f"{plural(len(names), 'knob')} for the tuner in {where}: {', '.join(short)}{more}"
