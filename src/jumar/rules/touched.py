"""Owns what an edit touched, by name: the functions, classes, constants and defaults of Python files."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from jumar.core.proposal import Edit
from jumar.rules.duplicates import MOST_PARSED_BYTES, UNPARSABLE, drop_docstrings

MOST_NAMES = 12  #: of one experiment; who touches more has rewritten the file
_TOP = "top level"


def touched(files: Mapping[str, bytes], edits: Sequence[Edit]) -> tuple[str, ...]:
    """What `edits` change on top of `files`: `train.py:Block.forward`, `train.py:LR`, `data.txt`.

    Names are those that the tuner gives its knobs; comments and layout touch nothing. A file that
    cannot be parsed, before or after, counts as a whole.
    """
    names = [name for edit in edits for name in _of_one(edit.path, files.get(edit.path), edit.content)]
    return tuple(names if len(names) <= MOST_NAMES else [*names[: MOST_NAMES - 1], "…"])


def _of_one(path: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    old, new = (outline(path, content) if content is not None else None for content in (before, after))
    if old is None or new is None:
        yield path
        return
    for name in {**new, **old}:
        if old.get(name) != new.get(name):
            yield f"{path}:{name}"


@lru_cache(maxsize=256)
def outline(path: str, content: bytes) -> Mapping[str, str] | None:
    """Name → digest of everything that a Python file defines, in order; None where it has none to tell."""
    if not path.endswith(".py") or len(content) > MOST_PARSED_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
        drop_docstrings(tree)
        parts: dict[str, list[str]] = {}
        for name, node in _parts("", tree.body):
            parts.setdefault(name, []).append(ast.dump(node))
    except UNPARSABLE:
        return None
    return {name: _digest(dumps) for name, dumps in parts.items()}


def _parts(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _of_function(prefix + node.name, node)
            case ast.ClassDef():
                inner, node.body = node.body, []
                yield prefix + node.name, node
                yield from _parts(f"{prefix}{node.name}.", inner)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name, node
            case _:
                yield prefix.rstrip(".") or _TOP, node


def _of_function(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.AST]]:
    """A function, and each of its defaults by itself: the tuner turns those."""
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    defaults = zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True)
    keywords = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    pairs = [*defaults, *((arg, value) for arg, value in keywords if value is not None)]
    args.defaults, args.kw_defaults = [], [None for _ in args.kwonlyargs]
    yield name, node
    for arg, value in pairs:
        yield f"{name}.{arg.arg}", value


def _digest(dumps: list[str]) -> str:
    return hashlib.sha256("\n".join(dumps).encode("utf-8", "surrogatepass")).hexdigest()[:16]
