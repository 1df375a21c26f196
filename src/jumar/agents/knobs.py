"""Finds the knobs of a Python source, and turns them without touching any other byte."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache

import msgspec

from jumar.agents.literals import Value, is_literal, is_same, read_literal, value_of, write_literal
from jumar.agents.ranges import Range, is_exempt, range_of
from jumar.agents.settings import settings
from jumar.errors import Usage


class Knob(msgspec.Struct, frozen=True, kw_only=True):
    """A literal that may be turned. `name` is its identity, whoever edited the file in between.

    `train.py:LR` is a module constant, `train.py:train.warmup` a keyword default of `train`,
    `train.py:Config.width` a field of the class `Config`, `train.py:--lr` an option of the command
    line. `start` and `stop` are byte offsets.
    """

    name: str
    path: str
    value: Value
    range: Range
    start: int
    stop: int


def find_knobs(path: str, source: bytes) -> tuple[Knob, ...]:
    """The knobs of a Python file in the order of the source; none where it cannot be parsed.

    Knobs are module constants, keyword defaults, class fields and the defaults of command-line
    options (argparse, click) that are numbers or booleans, and anything with its choices in the code
    (`choices=`) or in a comment (`# one of: a, b`). `# fixed` exempts a line; so do names such as SEED
    or PORT, a name that is given two values, and what is assigned under `if __name__`.
    """
    if not path.endswith(".py"):
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the parser thinks of the source is not our matter
            module, comments = ast.parse(source), _comments(source)
        places = [*settings(module)]
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return ()
    often = Counter(place.name for place in places)
    literals = [
        (place, node)
        for place in places
        if (node := place.node) and is_literal(node) and often[place.name] == 1
    ]
    on_line = Counter(node.end_lineno for _, node in literals)
    line_starts = _line_starts(source)
    found = []
    for place, node in literals:
        name, comment, value = place.name, comments.get(node.end_lineno or 0, ""), value_of(node)
        start, stop = _span(node, line_starts)
        # Where one line has two literals a range could mean either, so it is taken for neither.
        said = comment if on_line[node.end_lineno] == 1 else ""
        stands_for = float(value) if place.is_float and type(value) is int else value
        range_ = range_of(name, stands_for, said, place.choices)
        if range_ and not is_exempt(name, comment) and _is_turnable(source[start:stop], node):
            full = f"{path}:{name}"
            found.append(Knob(name=full, path=path, value=value, range=range_, start=start, stop=stop))
    return tuple(sorted(found, key=lambda knob: knob.start))


def knobs_of(files: Mapping[str, bytes], command: Iterable[str]) -> list[Knob]:
    """The knobs of the editable files, but for options that the run's command itself sets."""
    set_there = {word.partition("=")[0] for word in command}
    knobs = [knob for path in sorted(files) for knob in _remembered(path, files[path])]
    return [knob for knob in knobs if knob.name.removeprefix(f"{knob.path}:") not in set_there]


_remembered = lru_cache(maxsize=64)(find_knobs)


def splice(path: str, source: bytes, changes: Mapping[str, Value]) -> bytes:
    """`source` with the named knobs set, each literal in its own style, every other byte the same.

    Raises Usage for a name that is no knob of this source, and for a value of another kind.
    """
    knobs = {knob.name: knob for knob in find_knobs(path, source)}
    for name in changes:
        if name not in knobs:
            near = get_close_matches(name, knobs, n=1)
            fix = f"did you mean {near[0]}?" if near else f"the knobs are: {', '.join(knobs) or 'none'}"
            raise Usage(f"{name} is no knob of {path}", fix=fix)
    for knob in sorted((knobs[name] for name in changes), key=lambda knob: -knob.start):
        new = changes[knob.name]
        if is_same(new, knob.value):
            continue
        if isinstance(knob.value, bool | str) is not isinstance(new, bool | str):
            raise Usage(f"{new!r} does not fit {knob.name}, now {knob.value!r}", fix="give the same kind")
        text = write_literal(source[knob.start : knob.stop].decode(), new)
        source = source[: knob.start] + text.encode() + source[knob.stop :]
    return source


@lru_cache(maxsize=64)
def without_knobs(path: str, source: bytes) -> bytes:
    """`source` with every knob blanked: the same for two programs that differ in nothing but knobs."""
    for knob in reversed(_remembered(path, source)):
        blank = {bool: b"False", str: b"''"}.get(type(knob.value), b"0")
        source = source[: knob.start] + blank + source[knob.stop :]
    return source


def _is_turnable(text: bytes, node: ast.expr) -> bool:
    """True when the bytes say what the node says. Masks (0xff) are no amounts."""
    if re.match(rb"-?0[xob]", text.lower()):
        return False
    try:
        return is_same(read_literal(text.decode()), value_of(node))
    except UnicodeDecodeError:
        return False


def _comments(source: bytes) -> dict[int, str]:
    """Comments by their line."""
    return {
        token.start[0]: token.string
        for token in tokenize.tokenize(io.BytesIO(source).readline)
        if token.type == tokenize.COMMENT
    }


def _line_starts(source: bytes) -> list[int]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    if source.startswith(codecs.BOM_UTF8):
        starts[0] = len(codecs.BOM_UTF8)
    return starts


def _span(node: ast.expr, line_starts: list[int]) -> tuple[int, int]:
    """Byte offsets of a node: `ast` counts columns in UTF-8 bytes."""
    assert node.end_lineno is not None and node.end_col_offset is not None
    return (
        line_starts[node.lineno - 1] + node.col_offset,
        line_starts[node.end_lineno - 1] + node.end_col_offset,
    )
