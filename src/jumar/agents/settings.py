"""Finds where a Python source sets a value: constants, defaults, fields, and the options it declares."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from jumar.agents.literals import Value, is_literal, value_of


class Setting(NamedTuple):
    """A place that could hold a knob: a qualified name, and the expression there (None: several)."""

    name: str
    node: ast.expr | None
    choices: tuple[Value, ...] | None = None  #: what it may be; () where that cannot be read
    is_float: bool = False  #: a whole number here stands for a fraction, as in `type=float, default=1`


def settings(module: ast.Module) -> Iterator[Setting]:
    """Every setting of a module, in no particular order."""
    yield from _settings("", module.body)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and (option := _option(node)):
            yield option


_ANY = (ast.Assign, ast.AnnAssign)
_FIELDS = (ast.AnnAssign,)  # a bare assignment in a class with bases may be an enum's member


def _settings(
    prefix: str, body: list[ast.stmt], holding: tuple[type[ast.stmt], ...] = _ANY
) -> Iterator[Setting]:
    """The settings of a block; `holding` are the statements of `body` that may be some."""
    for node in body:
        match node:
            case ast.Assign() | ast.AnnAssign() if isinstance(node, holding):
                yield from _assigned(prefix, node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _defaults(f"{prefix}{node.name}.", node.args)
                yield from _settings(f"{prefix}{node.name}.", node.body, ())
            case ast.ClassDef():
                yield from _settings(f"{prefix}{node.name}.", node.body, _FIELDS if node.bases else _ANY)


def _assigned(prefix: str, node: ast.Assign | ast.AnnAssign) -> Iterator[Setting]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        for name in ast.walk(target):
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                alone = name is target and len(targets) == 1
                yield _of_value(prefix + name.id, node.value if alone else None)


def _defaults(prefix: str, args: ast.arguments) -> Iterator[Setting]:
    positional = [*args.posonlyargs, *args.args]
    with_default = positional[len(positional) - len(args.defaults) :]
    for arg, value in zip(with_default, args.defaults, strict=True):
        yield _of_value(prefix + arg.arg, value)
    for arg, other in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _of_value(prefix + arg.arg, other)


def _of_value(name: str, node: ast.expr | None) -> Setting:
    """A plain value, or the default in `field(default=64)`, `Field(64, …)` and `typer.Option(64)`."""
    match node:
        case ast.Call() if _called(node) == "field":
            return Setting(name, _keyword(node, "default"))
        case ast.Call() if _called(node) in ("Field", "Option"):
            return Setting(name, _keyword(node, "default") or next(iter(node.args), None))
    return Setting(name, node)


def _option(call: ast.Call) -> Setting | None:
    """`add_argument("--lr", type=float, default=0.1)` of argparse, `option("--lr", default=0.1)` of click."""
    if _called(call) not in ("add_argument", "option"):
        return None
    words = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    flags = [word.partition("/")[0] for word in words if word.startswith("-")]  # click: "--bias/--no-bias"
    default = _keyword(call, "default")
    if not flags or default is None:
        return None
    type_ = _keyword(call, "type")
    choices = _keyword(call, "choices")
    if isinstance(type_, ast.Call) and _called(type_) == "Choice":
        choices = next(iter(type_.args), None)
    return Setting(
        name=next((flag for flag in flags if flag.startswith("--")), flags[0]),
        node=default,
        choices=None if choices is None else _literals(choices),
        is_float=isinstance(type_, ast.Name) and type_.id == "float",
    )


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _literals(node: ast.expr) -> tuple[Value, ...]:
    """The values of a list of literals; none where it is anything else."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and all(map(is_literal, node.elts)):
        return tuple(map(value_of, node.elts))
    return ()
