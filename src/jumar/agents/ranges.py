"""The values a knob may take: said in a comment beside it, or derived from its value and name."""

from __future__ import annotations

import ast
import enum
import math
import re
from collections.abc import Sequence

import msgspec

from jumar.agents.literals import Value


class Kind(enum.Enum):
    """What a knob's literal is."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    CHOICE = "choice"


class Scale(enum.Enum):
    """The ruler on which two values of a knob are near or far."""

    LINEAR = "linear"
    LOG = "log"
    COMPLEMENT = "complement"  #: 1 - x on a log ruler: 0.9 is to 0.99 what 0.99 is to 0.999
    POWER = "power"  #: powers of two only
    STEPS = "steps"  #: from one of the ordered choices to the next
    NAMES = "names"  #: choices without an order


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """What a knob may become: bounds on a scale, or choices in their order."""

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    scale: Scale = Scale.LINEAR
    choices: tuple[Value, ...] = ()
    said: bool = False  #: a person wrote it beside the knob


SPREAD = 8.0  # a derived range reaches so many times below and above the value

_NUMBER = r"[-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_BOUNDS = re.compile(rf"(?<![\w.])({_NUMBER})\s*\.\.\s*({_NUMBER})(?:\s+(log)\b)?")
_ONE_OF = re.compile(r"one of:\s*(.+)")
_EXEMPT = re.compile(r"(?i)^#\s*(fixed|not a knob)\b")

# Changing these changes no result, or changes what is being asked instead of the answer.
_NO_KNOBS = frozenset(
    "seed seeds random version port year timeout deadline retries rank debug verbose verbosity log print "
    "plot save every index idx axis id pid vocab bos eos pad test eval val".split()
)
_FRACTIONS = frozenset(
    "dropout drop ratio frac fraction prob probability p momentum beta beta1 beta2 betas smoothing "
    "warmup warmdown cooldown".split()
)
_SIZES = frozenset("lr rate weight scale std gain clip softcap cap temperature wd decay".split())
_COUNTS = frozenset("depth layer layers epochs blocks rounds trees steps iters iterations".split())
# What moved the score of a small language model most, of thirteen knobs, and what resembles it.
_MATTER = frozenset("lr rate width dim embd hidden channels batch depth layer layers warmup cooldown".split())


def is_exempt(name: str, comment: str) -> bool:
    """True for what shall never be tuned: seeds, versions, ports, dunders, and what a comment fixes."""
    words = _words(name)
    return name.startswith("__") or bool(_EXEMPT.search(comment)) or not _NO_KNOBS.isdisjoint(words)


def range_of(
    name: str, value: Value, comment: str = "", choices: tuple[Value, ...] | None = None
) -> Range | None:
    """What the knob `name` may become, or None when `value` is not something to turn.

    A comment `# one of: a, b` or `# 1e-4 .. 1e-1 log` decides; else the `choices` that the code
    declares; else the value and the name do.
    """
    if said := _said_in(comment, value):
        return said
    if choices is not None:
        return _one_of(choices, value)
    match value:
        case bool():
            return Range(kind=Kind.BOOL, choices=(False, True), scale=Scale.NAMES)
        case int():
            return _derived_int(name, value)
        case float() if math.isfinite(value):
            return _derived_float(name, value)
    return None


def _said_in(comment: str, value: Value) -> Range | None:
    if found := _ONE_OF.search(comment):
        words = [_choice(part.strip(), value) for part in found[1].split(",")]
        return _one_of(words, value)
    if isinstance(value, bool | str) or not (found := _BOUNDS.search(comment)):
        return None
    low, high = sorted((float(found[1]), float(found[2])))
    if low == high:
        return None
    low, high = min(low, value), max(high, value)
    whole = isinstance(value, int) and all(float(end).is_integer() for end in (low, high))
    if found[3] and low > 0:
        scale = Scale.LOG
    else:
        scale = Scale.COMPLEMENT if 0.5 <= low and high < 1 else Scale.LINEAR
    return Range(kind=Kind.INT if whole else Kind.FLOAT, low=low, high=high, scale=scale, said=True)


def _one_of(choices: Sequence[Value | None], value: Value) -> Range | None:
    """One of `choices`, where all are of the literal's own kind and there are two or more."""
    found = [choice for choice in choices if choice is not None and _is_like(choice, value)]
    if len(found) < len(choices):
        return None
    if value not in found:
        found.insert(0, value)
    is_ordered = not isinstance(value, bool | str)
    if is_ordered:
        found.sort(key=float)
    different = tuple(dict.fromkeys(found))
    scale = Scale.STEPS if is_ordered else Scale.NAMES
    return Range(kind=Kind.CHOICE, choices=different, scale=scale, said=True) if different[1:] else None


def _is_like(choice: Value, value: Value) -> bool:
    if isinstance(choice, str) or isinstance(value, str):
        return isinstance(choice, str) and isinstance(value, str)
    return isinstance(choice, bool) == isinstance(value, bool) and math.isfinite(choice)


def _choice(word: str, value: Value) -> Value | None:
    if word[:1] not in ("'", '"'):
        word = word.partition(" ")[0]  # what follows is prose: `8 heads`
    try:
        read = ast.literal_eval(word)
    except (ValueError, SyntaxError):
        read = word
    if isinstance(value, str):
        return read if isinstance(read, str) else word
    return read if _is_like(read, value) else None


def _derived_int(name: str, value: int) -> Range | None:
    if not 1 <= value < 1e15:  # 0 and -1 are places and sentinels far more often than amounts
        return None
    words = _words(name)
    if "dim" in words and value == 1:
        return None
    powers = value >= 4 and value & (value - 1) == 0 and _COUNTS.isdisjoint(words)
    return Range(
        kind=Kind.INT,
        low=max(1.0, value // SPREAD),
        high=value * SPREAD,
        scale=Scale.POWER if powers else Scale.LOG,
    )


def _derived_float(name: str, value: float) -> Range:
    words = _words(name)
    is_fraction = 0 <= value < 1 and not _FRACTIONS.isdisjoint(words)
    if value == 0:
        return Range(kind=Kind.FLOAT, low=0.0, high=0.5 if is_fraction else 0.1)
    if value < 0:
        return Range(kind=Kind.FLOAT, low=2 * value, high=0.0)
    if 0.5 < value < 1 and (is_fraction or _SIZES.isdisjoint(words)):
        high = 1 - (1 - value) / SPREAD
        return Range(
            kind=Kind.FLOAT, low=max(0.05, 1 - (1 - value) * SPREAD), high=high, scale=Scale.COMPLEMENT
        )
    high = min(value * SPREAD, 0.95) if is_fraction else value * SPREAD
    return Range(kind=Kind.FLOAT, low=value / SPREAD, high=high, scale=Scale.LOG)


def promise_of(name: str, range_: Range) -> float:
    """How much turning a knob is likely to matter, before anything was tried; 1 is the usual."""
    promise = 1.0 if _MATTER.isdisjoint(_words(name)) else 2.0
    return promise * (2.0 if range_.said else 1.0) * (0.5 if "." in name.rpartition(":")[2] else 1.0)


def _words(name: str) -> list[str]:
    """The words of the last part of a name: `Config.maxLR_scale` gives max, lr, scale."""
    last = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rpartition(".")[2])
    return [word for word in re.split(r"[_\W]+", last.lower()) if word]
