from __future__ import annotations

import pytest

from jumar.core.proposal import Edit
from jumar.rules.touched import MOST_NAMES, touched

SOURCE = b'''"""Trains."""
import torch

LR = 1e-3
DECAY: float = 0.1


class Block(Module):
    """One."""

    width = 64

    def forward(self, x):
        return x + 1


def train(steps, warmup=0.1, *, batch=8):
    for step in range(steps):
        go(step)


train(10)
'''


def names(old: bytes, new: bytes) -> tuple[str, ...]:
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE
    return touched({"train.py": SOURCE}, [Edit(path="train.py", content=changed)])


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (b"1e-3", b"2e-3", "LR"),
        (b"float = 0.1", b"float = 0.2", "DECAY"),
        (b"width = 64", b"width = 32", "Block.width"),
        (b"x + 1", b"x + 2", "Block.forward"),
        (b"(Module)", b"(torch.Module)", "Block"),
        (b"go(step)", b"stop(step)", "train"),
        (b"warmup=0.1", b"warmup=0.2", "train.warmup"),
        (b"batch=8", b"batch=4", "train.batch"),
        (b"train(10)", b"train(20)", "top level"),
    ],
)
def test_it_is_named_what_was_changed(old: bytes, new: bytes, name: str) -> None:
    assert names(old, new) == (f"train.py:{name}",)


def test_comments_and_layout_touch_nothing() -> None:
    assert names(b"LR = 1e-3", b"LR = 0.001  # slow") == ()


def test_what_comes_and_goes_is_named() -> None:
    assert names(b"LR = 1e-3\n", b"RATE = 1e-3\n") == ("train.py:RATE", "train.py:LR")


def test_files_that_are_no_python_and_new_and_removed_ones_count_as_a_whole() -> None:
    files = {"a.py": SOURCE, "b.toml": b"x = 1"}
    edits = [
        Edit(path="a.py", content=None),
        Edit(path="b.toml", content=b"x = 2"),
        Edit(path="c.py", content=b"x = 1"),
    ]
    assert touched(files, edits) == ("a.py", "b.toml", "c.py")


def test_who_rewrites_everything_is_not_listed_in_full() -> None:
    many = b"".join(b"P%d = 1\n" % n for n in range(50))
    found = touched({"p.py": many}, [Edit(path="p.py", content=many.replace(b"= 1", b"= 2"))])
    assert len(found) == MOST_NAMES and found[-1] == "…"
