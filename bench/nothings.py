"""Edits of tinylm's train.py that do nothing, each checked to be another file that trains the same weights.

A comment, a layout or a docstring leaves the syntax tree as it was; renames, reordered imports and
definitions, and equal expressions change it and compute the same bits; another derivation of the
seed draws another run of the same luck, namely the one that the derived seed gives unchanged.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Seed = Callable[[int], int]


class Nothing(NamedTuple):
    """An edit that does nothing; under it a run on seed s gives what `seed(s)` gave before."""

    kind: str
    words: str
    change: Callable[[str], str]
    seed: Seed = lambda seed: seed


def replaced(old: str, new: str) -> Callable[[str], str]:
    """Puts `new` where `old` stands, once."""

    def change(source: str) -> str:
        assert source.count(old) == 1, f"{old!r} is in the source {source.count(old)} times"
        return source.replace(old, new)

    return change


def renamed(function: str, old: str, new: str) -> Callable[[str], str]:
    """Renames a local variable of one function."""

    def change(source: str) -> str:
        lines = source.splitlines(keepends=True)
        first, last = _span(source, function)
        body = "".join(lines[first:last])
        assert re.search(rf"\b{new}\b", body) is None, f"{new} is taken in {function}"
        return "".join((*lines[:first], re.sub(rf"(?<!\.)\b{old}\b", new, body), *lines[last:]))

    return change


def swapped(one: str, other: str) -> Callable[[str], str]:
    """Exchanges two definitions of the module."""

    def change(source: str) -> str:
        lines = source.splitlines(keepends=True)
        (a, b), (c, d) = sorted((_span(source, one), _span(source, other)))
        return "".join((*lines[:a], *lines[c:d], *lines[b:c], *lines[a:b], *lines[d:]))

    return change


def _span(source: str, name: str) -> tuple[int, int]:
    """First line and the one after the last of a definition; `Class.method` for a method."""
    body: list[ast.stmt] = ast.parse(source).body
    for part in name.split("."):
        found = next(
            node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part
        )
        body = found.body
    decorated = min((node.lineno for node in found.decorator_list), default=found.lineno)
    assert found.end_lineno is not None
    return decorated - 1, found.end_lineno


def _seeded(expression: str, seed: Seed) -> Nothing:
    change = replaced("manual_seed(task.seed)", f"manual_seed({expression})")
    return Nothing("seed", f"seed the generator with {expression}", change, seed)


def _same(old: str, new: str) -> Nothing:
    return Nothing("expression", f"write {old} as {new}", replaced(old, new))


def _rename(function: str, old: str, new: str) -> Nothing:
    return Nothing("rename", f"call {old} in {function} {new}", renamed(function, old, new))


def _import(old: str, new: str) -> Nothing:
    return Nothing("imports", f"import {new.split()[1]} first", replaced(old, new))


# In an order in which the first few are of different kinds.
NOTHINGS = (
    _rename("LanguageModel.forward", "places", "positions"),
    _seeded("task.seed + 1", lambda seed: seed + 1),
    Nothing(
        "comment",
        "say what the loop does",
        replaced("    step, longest_s", "    # The loop.\n    step, longest_s"),
    ),
    _import("import json\nimport math\n", "import math\nimport json\n"),
    _same("x + self.mlp(self.norm2(x))", "self.mlp(self.norm2(x)) + x"),
    Nothing("order", "define the sampler before the rate", swapped("rate", "sample")),
    _rename("train", "longest_s", "slowest_s"),
    _seeded("2 * task.seed + 1", lambda seed: 2 * seed + 1),
    Nothing("docstring", "shorten a docstring", replaced('"""Every token by itself."""', '"""Per token."""')),
    _import("import os\nimport sys\nimport time\n", "import time\nimport sys\nimport os\n"),
    _same("x = x + self.attention(self.norm1(x))", "x = self.attention(self.norm1(x)) + x"),
    Nothing("order", "define the MLP before attention", swapped("Attention", "MLP")),
    _rename("train", "logits", "scores"),
    _seeded("task.seed ^ 0x5EED", lambda seed: seed ^ 0x5EED),
    Nothing(
        "layout",
        "give the loss two lines",
        replaced("F.cross_entropy(logits", "F.cross_entropy(\n            logits"),
    ),
    _import(
        "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn\n",
        "from torch import Tensor, nn\nimport torch.nn.functional as F\nimport torch\n",
    ),
    _same("self.token(tokens) + self.position(places)", "self.position(places) + self.token(tokens)"),
    Nothing("order", "define the model's step after its loop", swapped("build", "Task")),
    _rename("sample", "windows", "excerpts"),
    _seeded("1_000_000_007 + task.seed", lambda seed: 1_000_000_007 + seed),
    Nothing("layout", "write the rate as a decimal", replaced("LR = 1e-3 ", "LR = 0.001 ")),
    _rename("Attention.forward", "mixed", "gathered"),
    _same("step += 1", "step = step + 1"),
    _same("LR * rate(progress)", "rate(progress) * LR"),
    _rename("rate", "rise", "climb"),
    _same("max(0.0, min(1.0, rise, fall))", "min(1.0, max(0.0, min(rise, fall)))"),
    _same("3 * width)", "width * 3)"),
    _rename("Curve.add", "progress", "share"),
    _same("targets.flatten()", "targets.reshape(-1)"),
    _import(
        "from dataclasses import dataclass\nfrom pathlib import Path\n",
        "from pathlib import Path\nfrom dataclasses import dataclass\n",
    ),
)


def differs_only_in_form(nothing: Nothing, source: str, folder: Path, seed: int = 3) -> bool:
    """Whether the edit gives another file that trains bit for bit the weights it is said to."""
    changed = nothing.change(source)
    if changed == source:
        return False
    import torch  # noqa: PLC0415 (the other benches do without)

    torch.set_num_threads(1)  # many cores help little here, and hinder where they are taken
    ours, theirs = _weights(changed, seed, folder), _weights(source, nothing.seed(seed), folder)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def _weights(source: str, seed: int, folder: Path, steps: int = 3) -> dict[str, Any]:
    """The weights after a few steps on made-up text, by a clock that counts looks at it."""
    import torch  # noqa: PLC0415

    with _as_module(source, folder) as module, tempfile.TemporaryDirectory() as out:
        text = torch.arange(2000) * 7 % 61
        looks = iter(range(10**6))

        class Counted(module.Task):  # type: ignore[misc, name-defined]
            def spent_s(self) -> float:
                return next(looks) / (2 * steps)

        task = Counted(
            tokens=text.to(torch.int32),
            vocabulary=61,
            seed=seed,
            budget_s=1.0 + module.FINISH_S,
            scale="small",
            device="cpu",
            clock="cpu",
            started_s=0.0,
            out=Path(out),
        )
        with contextlib.redirect_stdout(io.StringIO()):
            _, weights = module.train(task)
        return dict(weights)


@contextlib.contextmanager
def _as_module(source: str, folder: Path) -> Iterator[Any]:
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module  # dataclasses look their module up
    sys.path.insert(0, str(folder))
    try:
        exec(compile(source, "train.py", "exec"), module.__dict__)
        yield module
    finally:
        sys.path.remove(str(folder))
        del sys.modules["candidate"]
