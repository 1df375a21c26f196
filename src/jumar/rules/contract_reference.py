"""Owns the reference of the contract file, drawn from the table that also drives its parsing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jumar.rules.contract_keys import GROUPS, REQUIRED, Key, keys_of

_HEAD = """\
# The contract: `jumar.toml`

Drawn from the table that the parser reads, by `jumar.rules.contract_reference`.

A contract has seven groups. `[target]`, `[run]` and `[measure]` must be there. An unknown key is an error
that names the nearest known one. A study is pinned to the contract of the commit it starts from.

```toml
[target]
name = "sorter"
editable = ["src/*.py"]

[run]
command = ["python", "bench.py"]
budget = "20s"

[measure]
metric = "seconds"
checks = [["pytest", "-q"]]

[limits]
experiments = 100
```
"""

_AGENTS = """\
Each key is an agent as `--agent` takes it, its value the share of the proposals that it is asked for. Shares
sum to one. `--agent`, given once or several times, takes the place of the whole group: [how several agents
work together](agents/hybrid.md).

```toml
[agents]
tuner = 0.7
"claude-code:opus" = 0.3
```
"""

_TAIL = """\
A scale with a larger `budget` and no `timeout` of its own gets that of `[run]` in proportion. The first
scale is the one that studies start on; without `[scales]` there is one, called `default`.

```toml
[scales]
small = { budget = "20s" }
large = { budget = "180s", env = ["DEPTH=6"] }
```

## What must agree

- `editable` may not match the contract, the program, a file of `score` or `serve`, a script that `checks`
  runs, or a hidden path: a candidate does not edit its judge.
- Modules and tests that `checks` run stay as they are whatever `editable` matches, and none is added: what
  `python -m` names, and with `pytest` or `unittest` the files named and all that look like tests.
- `serve` and `hidden` are for a scorer; without `score` they are refused.
- What is `hidden` is not also an input.
- With `clock = "wall"`, the timeout is not shorter than the budget.

## What a check is worth

A check passes with exit code 0; with `pytest` and `unittest` its output must also say that a test was run. It
imports and runs the candidate's code in its own process, so that code can end it, or print what it likes:
checks find mistakes, and are no defence against malice. What must not be lied about is for `score`, which
never runs the candidate's code and asks `serve` instead.
"""


def contract_reference() -> str:
    """The reference as Markdown: what docs/contract.md has to be."""
    groups = [f"## `[{name}]`\n\n{meaning[0].upper()}{meaning[1:]}.\n" for name, meaning in GROUPS.items()]
    prose = {"agents": _AGENTS, "scales": _TAIL}
    tables = [prose.get(name) or _table(list(keys_of(name).values())) for name in GROUPS]
    return "\n".join([_HEAD, *(f"{group}\n{table}" for group, table in zip(groups, tables, strict=True))])


def _table(keys: Sequence[Key]) -> str:
    rows = [
        f"| `{key.name}` | {_cell(key.kind.takes)} | {_default(key)} | {_cell(key.meaning)} |" for key in keys
    ]
    return "\n".join(["| key | takes | without it | what it does |", "|---|---|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(key: Key) -> str:
    if key.default is REQUIRED:
        return "required"
    return key.unless or (f"`{as_toml(key.default)}`" if key.default is not None else "no such limit")


def as_toml(value: Any) -> str:
    """A value as a TOML document says it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case Mapping():
            inside = ", ".join(f"{name} = {as_toml(each)}" for name, each in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case Sequence():
            return "[" + ", ".join(as_toml(each) for each in value) + "]"
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)
