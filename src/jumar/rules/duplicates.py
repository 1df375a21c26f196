"""When two trees are the same code: an identity that nothing moves but what the program does.

Two Python files are the same where they compile to the same byte code: comments, layout, docstrings,
names of local variables and the way a constant is written (2**19, 524288) make no difference. Byte
code is what runs, so nothing that differs in what it does is taken for the same.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType

# What the parser may say of source it cannot take: bad syntax, an unknown encoding, a null byte,
# brackets or operators too deep.
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)

# Parsing happens in Jumar's own process and takes up to 500 times the source in memory; what people
# write and read is far smaller than this. A larger file counts by its bytes and is not parsed.
MOST_PARSED_BYTES = 128 << 10

# A program that looks at its own variables by name may do something else when one is renamed.
_LOOKS_AT_NAMES = re.compile(rb"\b(?:locals|vars|dir|eval|exec|globals|_getframe|inspect|co_varnames)\b")


def fingerprint(files: Mapping[str, bytes]) -> str:
    """Identity (hex) of a set of files. Their order makes no difference.

    Python files count by their byte code; all others, and Python that does not compile, by their
    bytes. It is that of the Python that runs Jumar: another version may give other identities.
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
    except UNPARSABLE as error:
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
                if b"__doc__" not in content:
                    drop_docstrings(tree)
                code = compile(tree, "", "exec", dont_inherit=True)
            told = repr(_told(code, hides_names=not _LOOKS_AT_NAMES.search(content)))
            return b"C" + hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
        except UNPARSABLE:
            pass
    return b"B" + hashlib.sha256(content).digest()


def _told(code: CodeType, *, hides_names: bool) -> tuple[object, ...]:
    """Everything of a code object that has a part in what it does; line numbers have none."""
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    hidden = (len(code.co_varnames), len(code.co_cellvars), len(code.co_freevars))
    shown = (code.co_varnames, code.co_cellvars, code.co_freevars)
    return (
        code.co_name,
        code.co_code,
        code.co_names,
        code.co_varnames[:arguments],
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        # A cell may be an argument: which one is in no instruction.
        [code.co_varnames.index(name) for name in code.co_cellvars if name in code.co_varnames],
        hidden if hides_names else shown,
        code.co_exceptiontable,
        [_constant(constant, hides_names=hides_names) for constant in code.co_consts],
    )


def _constant(constant: object, *, hides_names: bool) -> object:
    """A constant with its type: 1, 1.0 and True are three."""
    match constant:
        case CodeType():
            return _told(constant, hides_names=hides_names)
        case tuple():
            return ("tuple", [_constant(each, hides_names=hides_names) for each in constant])
        case frozenset():
            return ("frozenset", sorted(repr(_constant(each, hides_names=hides_names)) for each in constant))
    return (type(constant).__name__, repr(constant))


def drop_docstrings(tree: ast.Module) -> None:
    """Take the docstrings out of a module; what is left of a body that had nothing else is `pass`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())) as docstring, *rest]:
                    node.body = rest or [ast.copy_location(ast.Pass(), docstring)]
