from __future__ import annotations

import pytest

from jumar.rules.duplicates import fingerprint, parses

SOURCE = b'''"""Trains."""
import torch

LR = 3e-4  # 1e-4 .. 1e-1 log


class Model:
    """A model."""

    def step(self, x: int) -> int:
        """One step."""
        return x + 1
'''


def same(left: bytes, right: bytes, path: str = "train.py") -> bool:
    return fingerprint({path: left}) == fingerprint({path: right})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"""Trains."""', b'"""Trains well."""\n\n# with care'),
        (b'    """A model."""\n\n', b""),
        (b'"""One step."""', b"'''Steps\nonce.'''"),
        (b"  # 1e-4 .. 1e-1 log", b""),
        (b"x + 1", b"(x\n            + 1)"),
        (b"3e-4", b"0.0003"),
        (b"\n", b"\r\n"),
    ],
)
def test_comments_docstrings_and_layout_make_no_difference(old: bytes, new: bytes) -> None:
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE
    assert same(SOURCE, changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"3e-4", b"4e-4"),
        (b"x + 1", b"x - 1"),
        (b"x + 1", b"1 + x"),
        (b"x + 1", b"x + 1.0"),
        (b"x + 1", b"x + True"),
        (b"return", b"assert x; return"),
        (b"x: int", b"x: float"),
        (b"LR =", b"Lr ="),
        (b"LR = 3e-4", b"LR = '3e-4'"),
    ],
)
def test_every_change_of_the_code_makes_a_difference(old: bytes, new: bytes) -> None:
    changed = SOURCE.replace(old, new)
    assert parses("train.py", changed) is None
    assert not same(SOURCE, changed)


def test_text_that_is_no_docstring_counts() -> None:
    assert not same(b"x = 1\nprint('a')\n", b"x = 1\nprint('b')\n")
    told = b'"""Doc %d."""\nprint(__doc__)\n'
    assert not same(told % 1, told % 2)
    assert not same(b"f'{x}'\n", b"f'{y}'\n")


def test_the_set_of_files_counts_and_its_order_does_not() -> None:
    two = {"a.py": b"x = 1\n", "b.py": b"y = 1\n"}
    assert fingerprint(two) == fingerprint(dict(reversed(two.items())))
    assert fingerprint(two) != fingerprint({"a.py": b"y = 1\n", "b.py": b"x = 1\n"})
    assert fingerprint(two) != fingerprint({"a.py": b"x = 1\n"})
    assert fingerprint({"ab": b"c"}) != fingerprint({"a": b"bc"})


def test_other_files_count_by_their_bytes() -> None:
    assert not same(b"lr: 1  # low\n", b"lr: 1\n", "config.yaml")
    assert same(b"lr: 1\n", b"lr: 1\n", "config.yaml")


HOSTILE = {
    "bad syntax": b"def f(:\n",
    "a null byte": b"x = 1\0\n",
    "deep brackets": b"(" * 500 + b")" * 500,
    "a deep expression": b"x = " + b"-" * 100_000 + b"1\n",
    "a long sum": b"x = " + b"1 + " * 20_000 + b"1\n",
    "a long chain": b"x = y" + b".z" * 20_000 + b"\n",
    "a huge number": b"x = " + b"9" * 5_000 + b"\n",
    "an unknown encoding": b"# coding: nonesuch\nx = 1\n",
    "bytes of no encoding": b"x = '\xff'\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_python_that_does_not_parse_counts_by_its_bytes(content: bytes) -> None:
    assert same(content, content)
    assert not same(content, content + b"#\n")


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_python_that_does_not_parse_is_refused_with_a_reason(content: bytes) -> None:
    reason = parses("train.py", content)
    assert reason is not None
    assert reason.startswith("train.py")
    assert "\n" not in reason


def test_a_refusal_names_the_line() -> None:
    assert parses("src/m.py", b"x = 1\ndef f(:\n") == "src/m.py:2 does not parse: invalid syntax"
    assert parses("m.py", b"x = 1\nreturn x\n") == "m.py:2 does not parse: 'return' outside function"


def test_what_runs_is_not_refused() -> None:
    assert parses("train.py", SOURCE) is None
    assert parses("train.py", b"from __future__ import annotations\nx: Y = 1\n") is None
    assert parses("train.py", b"x = '\\d' is 1\n") is None
    assert parses("train.py", b"") is None
    assert parses("notes.txt", b"def f(:") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("N = 2**19", "N = 524288"),
        ("def f(x):\n    y = x\n    return y", "def f(x):\n    z = x\n    return z"),
        ("def f(x):\n    y = x\n    return lambda: y", "def f(x):\n    z = x\n    return lambda: z"),
        ("def f():\n    return [a for a in b]", "def f():\n    return [c for c in b]"),
        ("def f():\n    x: int = 1", "def f():\n    x = 1"),
        ("def f():\n    pass", "def f():\n    'Does nothing.'"),
    ],
)
def test_what_runs_alike_is_the_same(old: str, new: str) -> None:
    assert same(old.encode(), new.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(x):\n    y = x\n    return locals()", "def f(x):\n    z = x\n    return locals()"),
        ("def f(x):\n    return x", "def f(y):\n    return y"),
        ("def f(x, y):\n    return lambda: x", "def f(x, y):\n    return lambda: y"),
        ("def f(*, a=1, b=2): pass", "def f(*, b=1, a=2): pass"),
        ("def f(a, /): pass", "def f(a): pass"),
        ("def f(*a): pass", "def f(a): pass"),
        ("x = {1, 2}", "x = {1, 3}"),
        ("x = 0.0", "x = -0.0"),
        ("x = a in {1, 2}", "x = a in {True, 2}"),
        ("async def f(): pass", "def f(): pass"),
        ("def f():\n    yield 1", "def f():\n    return 1"),
        ("try:\n    f()\nexcept A:\n    g()", "try:\n    f()\nexcept B:\n    g()"),
        ("y = 1\nx = y", "z = 1\nx = z"),
    ],
)
def test_what_may_run_differently_is_not_the_same(old: str, new: str) -> None:
    assert parses("train.py", old.encode()) is None and parses("train.py", new.encode()) is None
    assert not same(old.encode(), new.encode())
