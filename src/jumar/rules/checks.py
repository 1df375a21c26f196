"""Owns what a check is made of: the files that decide in it, and what it says when tests really ran."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*|(?:ba|da|k|z)?sh|bun|julia|lua|node|perl|php|Rscript|ruby")
_WITH_VALUE = ("-X", "-W")  # options of Python's whose value is a word of its own
# Where each test runner looks: what is added there decides as well.
_PYTEST = ("**/test_*.py", "**/*_test.py", "**/conftest.py", "**/test/**", "**/tests/**")
_JAVASCRIPT = ("**/*.test.*", "**/*.spec.*", "**/__tests__/**", "**/test/**", "**/tests/**")
_TESTS = {
    "pytest": _PYTEST,
    "unittest": ("**/test*.py", "**/test/**", "**/tests/**"),
    "tox": _PYTEST,
    "nox": _PYTEST,
    "jest": _JAVASCRIPT,
    "vitest": _JAVASCRIPT,
    "npm": _JAVASCRIPT,
}
_KINDS = {"py.test": "pytest", "yarn": "npm", "pnpm": "npm", "npx": "npm", "gmake": "make"}
# What tells each checker what to do: one line there deselects a test, or silences an error.
_PYTHON = ("**/pyproject.toml", "**/setup.cfg", "**/tox.ini")
_OF_PYTEST = (*_PYTHON, "**/pytest.ini", "**/.pytest.ini", "**/pytest.toml", "**/.pytest.toml")
_SETTINGS = {
    "pytest": _OF_PYTEST,
    "tox": (*_OF_PYTEST, "**/tox.toml"),
    "nox": (*_OF_PYTEST, "**/noxfile.py"),
    "mypy": (*_PYTHON, "**/mypy.ini", "**/.mypy.ini"),
    "ruff": ("**/pyproject.toml", "**/ruff.toml", "**/.ruff.toml"),
    "jest": ("**/package.json", "**/jest.config.*"),
    "vitest": ("**/package.json", "**/vitest.config.*", "**/vite.config.*"),
    "npm": ("**/package.json", "**/.npmrc", "**/jest.config.*", "**/vitest.config.*", "**/vite.config.*"),
    "make": ("GNUmakefile", "makefile", "Makefile"),
}
# `cargo build` may follow a Cargo.toml that is tuned; what `cargo test` runs is listed there.
_CARGO_TEST = ("**/Cargo.toml", "**/.cargo/**", "**/tests/**")
# What each says at its end when it ran at least one test.
_SIGNS = {
    "pytest": re.compile(rb"(?<![\d.])[1-9]\d* passed|\[100%\]"),
    "unittest": re.compile(rb"^Ran [1-9]\d* test", re.MULTILINE),
}


def script(command: Sequence[str]) -> str:
    """The file below the target's folder that a check starts; empty where it starts no such file."""
    first = command[0]
    if not _INTERPRETER.fullmatch(posixpath.basename(first)):
        return posixpath.normpath(first) if "/" in first and first[0] not in "/~" else ""
    for before, word in pairwise(command):
        if word in ("-c", "-m"):
            break
        if not word.startswith("-") and before not in _WITH_VALUE:
            return posixpath.normpath(word) if word[0] not in "/~" else ""
    return ""


def deciders(command: Sequence[str]) -> Iterator[str]:
    """Globs of the files that decide in a check: no proposal changes them, or adds what is not there yet.

    `mypy train.py` checks a file that may change; `pytest test_train.py` runs one that may not.
    """
    if path := script(command):
        yield path
    if "-m" in command[1:-1]:
        module = command[command.index("-m") + 1].replace(".", "/")
        yield from (f"{module}.py", f"{module}/__init__.py", f"{module}/__main__.py")
    for name in dict.fromkeys(map(_name, command)):
        yield from (*_TESTS.get(name, ()), *_SETTINGS.get(name, ()))
    if _name(command[0]) == "cargo" and {"test", "nextest"} & set(command):
        yield from _CARGO_TEST
    runner, words = _runner(command)
    if runner:
        for word in words:
            yield from _named(word.partition("::")[0])


def unproven(command: Sequence[str], said: bytes) -> str:
    """Why a check that ended with 0 has not passed: its runner ran no test. Empty where none can tell.

    This finds a candidate that leaves while it is imported. One that also prints what a runner would
    print is not found: a check runs the candidate's own code.
    """
    runner, _ = _runner(command)
    if not runner or _SIGNS[runner].search(said):
        return ""
    return f"exit code 0, but {runner} does not say that a test was run"


def _runner(command: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The test runner in a command, however it is started (`uv run pytest`), and the words after it."""
    for place, word in enumerate(command):
        if (name := _name(word)) in _SIGNS:
            return name, command[place + 1 :]
    return "", ()


def _name(word: str) -> str:
    """The program that a word may be, without its folder; those of one kind have one name."""
    return _KINDS.get(name := posixpath.basename(word), name)


def _named(word: str) -> Iterator[str]:
    """What a word after a test runner may name: a path, a pattern, or a dotted name with its prefixes."""
    if word.endswith(".py"):
        yield f"**/{word}" if "*" in word else posixpath.normpath(word)
        return
    parts = word.split(".")
    if all(map(str.isidentifier, parts)):
        yield from (f"{'/'.join(parts[:count])}.py" for count in range(1, len(parts) + 1))
