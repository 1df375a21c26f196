"""Owns the search for what was tried already: by names that were touched, and by words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.rules.recollection import Attempts, Recollection

MOST_GROUPS, MOST_RECORDS = 12, 20
_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|\d+(?:\.\d+)?(?:e-?\d+)?")
_SAYS_NOTHING = frozenset("the a an of to and or in on for with from by it is be as at this that".split())


def search(
    words: str, recollection: Recollection, history: Sequence[ExperimentRecord]
) -> tuple[list[tuple[str, Attempts]], list[ExperimentRecord]]:
    """Names that fit, with what came of touching them; and the experiments that fit best."""
    wanted = _words(words)
    if not wanted:
        return [], []
    groups = [
        (share, name, attempts)
        for name, attempts in recollection.attempts.items()
        if (share := 2.0 if name in words else _share(wanted, _words(name))) >= 0.5
    ]
    groups.sort(key=lambda found: (-found[0], -found[2].numbers, found[1]))
    scored = [
        (share, record.number)
        for record in history
        if record.number != BASELINE
        and (share := _share(wanted, _words_of(record) | _words(recollection.lessons.get(record.number, ""))))
        > 0
    ]
    scored.sort(reverse=True)
    best = scored[0][0] if scored else 0.0
    numbers = [number for share, number in scored[:MOST_RECORDS] if share >= best / 2]
    return [(name, attempts) for _, name, attempts in groups[:MOST_GROUPS]], [history[n] for n in numbers]


def _share(wanted: frozenset[str], there: frozenset[str]) -> float:
    return len(wanted & there) / len(wanted)


def _words_of(record: ExperimentRecord) -> frozenset[str]:
    return _words(f"{record.experiment.hypothesis} {' '.join(record.experiment.touched)}")


def _words(text: str) -> frozenset[str]:
    """Words without their endings: `LEARNING_RATE`, `learning rates` and `learningRate` have the same."""
    found = (word.lower() for word in _WORD.findall(text[:10_000]))
    return frozenset(word.removesuffix("s") for word in found if word not in _SAYS_NOTHING)
