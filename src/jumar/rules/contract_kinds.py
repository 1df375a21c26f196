"""Owns how one value of the contract file is read: what a key takes, and what is said when it does not."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from jumar.core.contract import AgentLimits, Clock, Direction, Guard, Scores

Read = Callable[[Any], Any]

_DURATION = re.compile(r"(?:([\d.]+)\s*h)?\s*(?:([\d.]+)\s*m(?:in)?)?\s*(?:([\d.]+)\s*s)?")
_SIZE = re.compile(r"([\d.]+)\s*(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_STEPS = re.compile(r"([\d_]+)\s*steps?")
_GUARD = re.compile(r"(<=|>=)\s*([^\sx×]+)\s*([x×]?)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,63}")  # what the evaluators find in an output
_ENV = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(=[^\0]*)?", re.DOTALL)
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


class Unfit(ValueError):
    """A value that a key does not take. The text says what was found; `hint` how to write it instead."""

    def __init__(self, found: str, hint: str = "") -> None:
        super().__init__(found)
        self.hint = hint


class Kind(NamedTuple):
    """What a key takes, in words, and how it is read. `read` raises Unfit."""

    takes: str
    read: Read


class Steps(int):
    """A budget that counts the target's own steps."""


def found(value: object) -> str:
    """A value of a TOML document, in words for an error."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value[:60]}{"…" if len(value) > 60 else ""}"'
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case dict():
            return "a table"
        case _:
            return f"the {type(value).__name__} {value}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit(found(value))
    if not value.strip() or "\0" in value:
        raise Unfit("an empty text" if not value.strip() else "a text with a NUL in it")
    return value


def _matching(pattern: re.Pattern[str]) -> Read:
    def read(value: object) -> str:
        if not pattern.fullmatch(_text(value)):
            raise Unfit(found(value))
        return str(value)

    return read


def _list(read: Read, *, empty: bool = True) -> Read:
    def read_all(value: object) -> tuple[Any, ...]:
        if isinstance(value, str):
            raise Unfit(found(value), f'["{value}"]')
        if not isinstance(value, list) or (not value and not empty):
            raise Unfit(found(value))
        return tuple(read(entry) for entry in value)

    return read_all


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        try:
            words = shlex.split(value)
        except ValueError:
            words = value.split()
        raise Unfit(found(value), "[" + ", ".join(f'"{word}"' for word in words) + "]")
    if not isinstance(value, list) or not value:
        raise Unfit(found(value))
    _text(value[0])
    for word in value:
        if not isinstance(word, str) or "\0" in word:
            raise Unfit(f"a list with {found(word)} in it")
    return tuple(value)


def _number(*, above: float = -math.inf, least: float = -math.inf, below: float = math.inf) -> Read:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unfit(found(value))
        if not math.isfinite(value) or value < least or not above < value < below:
            raise Unfit(found(value))
        return float(value)

    return read


def _part(value: object) -> float:
    share = float(_number(above=0)(value))
    if share > 1:
        raise Unfit(found(value))
    return share


def _count(least: int, most: int = 10**9) -> Kind:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Unfit(found(value))
        return value

    top = f" to {most}" if most < 10**9 else " or more"
    return Kind(f"a whole number, {least}{top}", read)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit(found(value))
    return value


def _choice(members: type[Direction | Clock | Scores]) -> Kind:
    choices = [str(member.value) for member in members]

    def read(value: object) -> Any:
        if value not in choices:
            raise Unfit(found(value))
        return members(value)

    return Kind("one of " + ", ".join(f'"{choice}"' for choice in choices), read)


def _duration(value: object) -> float:
    match = _DURATION.fullmatch(_text(value).strip()) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        hint = f'"{value:g}s"' if isinstance(value, int | float) and not isinstance(value, bool) else ""
        raise Unfit(found(value), hint)
    hours, minutes, seconds = (_decimal(part or "0", value) for part in match.groups())
    total = 3600 * hours + 60 * minutes + seconds
    if not total > 0:
        raise Unfit(found(value))
    return total


def _decimal(text: str, value: object) -> float:
    try:
        return float(text)
    except ValueError:
        raise Unfit(found(value)) from None


def _size(value: object) -> int:
    match = _SIZE.fullmatch(_text(value).strip())
    if match is None:
        raise Unfit(found(value))
    unit = match[2].removesuffix("B")
    base = 1024 if unit.endswith("i") else 1000
    total = int(_decimal(match[1], value) * base ** _POWERS[unit.removesuffix("i")])
    if total < 1:
        raise Unfit(found(value))
    return total


def _budget(value: object) -> float | Steps:
    if isinstance(value, str) and (match := _STEPS.fullmatch(value.strip())):
        value = int(match[1].strip("_") or 0)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise Unfit(found(value))
        return Steps(value)
    return _duration(value)


def _guards(value: object) -> tuple[Guard, ...]:
    if not isinstance(value, dict):
        raise Unfit(found(value))
    return tuple(_guard(name, bound) for name, bound in value.items())


def _guard(name: str, bound: object) -> Guard:
    match = _GUARD.fullmatch(bound.strip()) if isinstance(bound, str) else None
    if not _METRIC.fullmatch(name) or match is None:
        raise Unfit(f"a table in which {name} is {found(bound)}")
    number = _decimal(match[2], bound)
    if not math.isfinite(number):
        raise Unfit(f"a table in which {name} is {found(bound)}")
    return Guard(name=name, at_most=match[1] == "<=", bound=number, relative=bool(match[3]))


def _agent_limits(value: object) -> dict[str, AgentLimits]:
    if not isinstance(value, dict):
        raise Unfit(found(value))
    limits = {}
    for name, table in value.items():
        if not isinstance(table, dict) or not table or not set(table) <= {"usd", "tokens"}:
            said = f"a table of {', '.join(table) or 'nothing'}" if isinstance(table, dict) else found(table)
            raise Unfit(f"a table in which {name} is {said}")
        limits[name] = AgentLimits(**{key: _agent_limit(name, key, each) for key, each in table.items()})
    return limits


def _agent_limit(name: str, key: str, value: object) -> Any:
    kind = {"usd": MONEY, "tokens": COUNT}[key]
    try:
        return kind.read(value)
    except Unfit as error:
        hint = f"a {key} that is {kind.takes}"
        raise Unfit(f"a table in which the {key} of {name} is {error}", hint) from None


def _tidy_path(value: object) -> str:
    path = _text(value)
    bad = path.startswith(("/", "~")) or "\\" in path or ".." in path.split("/")
    if bad or path.split("/")[0] == ".git":
        raise Unfit(found(value))
    return path.removeprefix("./")


def _glob(value: object) -> str:
    if isinstance(value, str) and value.startswith("!"):
        return "!" + _tidy_path(value[1:])
    return _tidy_path(value)


def _input(value: object) -> str:
    path = _text(value)
    if "\\" in path or ".." in path.split("/") or (path.startswith("~") and not path.startswith("~/")):
        raise Unfit(found(value))
    return path.removeprefix("./").rstrip("/") or "/"


def _env(value: object) -> str:
    match = _ENV.fullmatch(_text(value))
    if match is None or match[1].startswith("JUMAR_"):
        raise Unfit(f"a list with {found(value)} in it")
    return str(value)


TEXT_NAME = Kind("a name of letters, digits, `.`, `_` and `-`", _matching(_NAME))
METRIC = Kind("the name of a measurement, as it stands before the colon", _matching(_METRIC))
PATH = Kind("the path of a file below the target's folder", _tidy_path)
GLOBS = Kind('a list of globs below the target\'s folder, such as ["train.py", "src/**/*.py", "!src/api.py"]',
             _list(_glob, empty=False))  # fmt: skip
INPUTS = Kind('a list of paths: below the target\'s folder, from "/" or from "~/"', _list(_input))
HIDDEN = Kind('a list of paths, or "@FILE" for a file that lists such paths', _list(_input))
COMMAND = Kind('a command as a list of words, such as ["python", "train.py"]', _command)
COMMANDS = Kind('a list of commands, such as [["pytest", "-q"]]', _list(_command))
DURATION = Kind('a length of time such as "90s", "5m" or "1h30m"', _duration)
BUDGET = Kind('a length of time such as "20s" or "5m"; with clock = "steps", "300 steps"', _budget)
SIZE = Kind('a size such as "512MiB" or "4GiB"', _size)
CLOCK = _choice(Clock)
DIRECTION = _choice(Direction)
SCORES = _choice(Scores)
FLAG = Kind("true or false", _flag)
ENV = Kind('a list of names to pass through and of "NAME=value" to set; none of them JUMAR_…', _list(_env))
GUARDS = Kind('a table of bounds: "<= 1.5x" of the baseline\'s own value, or ">= 20e6" as it stands', _guards)
AGENT_LIMITS = Kind(
    'a table of agents, such as { "openai:gpt-5" = { usd = 5, tokens = 2_000_000 } }', _agent_limits
)
NUMBER = Kind("a number", _number())
POSITIVE = Kind("a number above 0", _number(above=0))
MONEY = Kind("a number, 0 or more", _number(least=0))
SHARE = Kind("a number above 0 and below 1", _number(above=0, below=1))
PART = Kind("a number above 0 and at most 1", _part)
PROCESSES = _count(1)
TRIALS = _count(0, 100)
IN_HAND = _count(0, 16)
SERVERS = _count(1, 8)
RUNS = _count(3, 1000)
PAIRS = _count(2, 1000)
TOKENS = _count(4_000, 1_000_000)
COUNT = _count(1)
