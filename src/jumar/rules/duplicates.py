"""When two trees are the same code: an identity that comments, docstrings and layout do not move."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Mapping
from functools import lru_cache

# What the parser may say of source it cannot take: bad syntax, an unknown encoding, a null byte,
# brackets or operators too deep.
_UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)

# Parsing happens in Jumar's own process and takes up to 500 times the source in memory; what people
# write and read is far smaller than this. A larger file counts by its bytes and is not parsed.
MOST_PARSED_BYTES = 128 << 10


def fingerprint(files: Mapping[str, bytes]) -> str:
    """Identity (hex) of a set of files. Order, comments, docstrings and layout make no difference.

    Python files count by their syntax tree; all others, and Python that does not parse, by their
    bytes. Trees are those of the Python that runs Jumar: another version may give other identities.
    """
    digest = hashlib.sha256()
    for path in sorted(files):
        name = path.encode("utf-8", "surrogateescape")
        digest.update(len(name).to_bytes(4, "big") + name + _identity(path.endswith(".py"), files[path]))
    return digest.hexdigest()


def parses(path: str, content: bytes) -> str | None:
    """Why a Python file cannot be run, with its line; None when it can, or is no Python file to parse."""
    if not path.endswith(".py") or len(content) > MOST_PARSED_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # To byte code, not only to a tree: `return` outside a function is found there. It is not run.
            compile(content, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"{path}:{error.lineno}" if error.lineno else path
        return f"{where} does not parse: {error.msg}"
    except _UNPARSABLE as error:
        return f"{path} does not parse: {error or type(error).__name__}"
    return None


# Only edited files are new from one proposal to the next; a target has few enough for this to hold.
@lru_cache(maxsize=1024)
def _identity(is_python: bool, content: bytes) -> bytes:
    if is_python and len(content) <= MOST_PARSED_BYTES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(content)
            _drop_docstrings(tree)
            return b"T" + hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).digest()
        except _UNPARSABLE:
            pass
    return b"B" + hashlib.sha256(content).digest()


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                    node.body = rest
