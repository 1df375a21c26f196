"""Reads and writes the literals of Python source: numbers, booleans, strings, powers of two."""

from __future__ import annotations

import ast
import math
import re
from decimal import Decimal

Value = bool | int | float | str


def is_literal(node: ast.expr) -> bool:
    """True for a number, boolean or string, a negative number, and powers of two as `2**19`, `1 << 19`."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.BinOp(left=ast.Constant(value=base), op=op, right=ast.Constant(value=int() as exponent)):
            return (base, type(op)) in {(2, ast.Pow), (1, ast.LShift)} and 0 <= exponent < 64
    return False


def read_literal(text: str) -> Value | None:
    """What a literal says; None for anything else. Nothing of the source is ever executed."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        return value_of(node) if is_literal(node) else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def value_of(node: ast.expr) -> Value:
    """The value of a node that is a literal."""
    match node:
        case ast.BinOp(right=ast.Constant(value=int() as exponent)):
            return int(2**exponent)
        case _:
            value: Value = ast.literal_eval(node)
            return value


def is_same(one: object, other: object) -> bool:
    """Equal and of one type: 1 is neither True nor 1.0."""
    return type(one) is type(other) and one == other


def write_literal(old: str, new: Value) -> str:
    """`new` in the style of `old`: 1e-3 stays scientific, 10_000 keeps its underscores."""
    match new:
        case bool():
            return repr(new)
        case str():
            quote = old[0] if old[0] in "'\"" else '"'
            plain = new.isprintable() and quote not in new and "\\" not in new
            return f"{quote}{new}{quote}" if plain else repr(new)
        case int():
            return _write_int(old, new)
        case float():
            return _write_float(old, new)


def _write_int(old: str, new: int) -> str:
    is_power = new > 0 and new & (new - 1) == 0
    if is_power and (style := re.fullmatch(r"(2\s*\*\*\s*|1\s*<<\s*)\d+", old)):
        return f"{style[1]}{new.bit_length() - 1}"
    return f"{new:_}" if "_" in old else str(new)


def _write_float(old: str, new: float) -> str:
    if not math.isfinite(new):
        raise ValueError(f"{new} cannot be written as a literal")
    exact = Decimal(repr(new))
    plain = format(exact, "f")
    if "e" in old.lower() or (exact and not -7 <= exact.adjusted() < 16):
        return _scientific(exact)
    return plain if "." in plain else f"{plain}.0"


def _scientific(exact: Decimal) -> str:
    if not exact:
        return "0.0"
    digits = "".join(map(str, exact.as_tuple().digits)).rstrip("0")
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{'-' if exact < 0 else ''}{mantissa}e{exact.adjusted()}"
