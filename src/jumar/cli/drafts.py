"""Owns the files that `jumar init` writes: a draft of a contract as text, and a program.md to start from."""

from __future__ import annotations

from string import Template

import msgspec

from jumar.core.contract import Clock, Direction
from jumar.rules.contract_reference import as_toml


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What `jumar init` knows of a contract so far; None and empty are still to be asked or guessed."""

    name: str
    editable: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    metric: str | None = None
    direction: Direction | None = None
    budget: str = "20s"
    clock: Clock = Clock.CPU
    timeout: str | None = None
    memory: str | None = None
    processes: int | None = None
    inputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    checks: tuple[tuple[str, ...], ...] = ()
    likely_checks: tuple[tuple[str, ...], ...] = ()  #: proposed in a comment, not in force
    likely_inputs: tuple[str, ...] = ()  #: named by the code, but not there yet
    notes: tuple[str, ...] = ()  #: what was taken over, and what its reader should know


_CONTRACT = Template("""\
# What agents may change here, how it is run, and what is measured.

[target]
name = $name
editable = $editable  # whatever else a proposal touches makes it invalid

[run]
command = $command  # gets JUMAR_SEED, JUMAR_BUDGET_S and JUMAR_OUT, a folder for what it leaves behind
budget = $budget  # what one run may spend; read JUMAR_BUDGET_S to make use of all of it
clock = $clock  # "cpu" seconds, "wall" seconds (the choice for GPUs) or "steps"
$more_run
[measure]
metric = $metric  # read from a line `$bare_metric: 0.123` of the output, until a `score` command measures it
direction = $direction
$more_measure
[limits]
plateau = 40  # stop after so many experiments without a keep
hours = 8
""")

_PROGRAM = Template("""\
# $name

## The goal

$wish `$metric`. It is measured by running `$command`, with $budget for each run; every change is
measured beside the best version so far, on fresh seeds, and only what is really better is kept.

## What may change

$editable. Everything else stays as it is: how the metric is computed, the data, the tests.

## How to work

- One idea per proposal. Say what it is, why it should help, and by how much.
- Prefer the simple change. At an equal score, less code is better.
- Read what was tried before: what failed once fails again, unless something around it has changed.
- A change that is faster, and so gets more done within the budget, is as good as one that is cleverer.
- No tricks on the measurement: no special cases for the benchmark, no results stored in the code.

## What to try

- The settings first: sizes, rates, thresholds. They are cheap to try and often far off. The tuner, which
  needs no model, tries nothing else: it turns constants at the top of a file, defaults of functions, class
  fields and the defaults of argparse or click options, within what a comment beside them allows
  (`# 1e-4 .. 1e-1 log`, `# one of: a, b`, `# fixed`); Jumar's docs/tuner.md has the rule.
- Then the structure: what takes most of the time, and what does the result not need?
- Then combinations of what nearly helped.

## What not to do

- New dependencies, network access, other files than the ones above.
""")


def contract_text(draft: Draft) -> str:
    """The draft as jumar.toml."""
    assert draft.metric is not None and draft.direction is not None
    run = [
        ("timeout", draft.timeout, "then the whole process tree is killed"),
        ("memory", draft.memory, "of the whole process tree"),
        ("processes", draft.processes, "and threads; compilers start many"),
        ("env", draft.env, "all that a run sees of the environment"),
        ("inputs", draft.inputs, "what runs read beside the files that git has"),
    ]
    more_run = [f"{key} = {as_toml(value)}  # {why}\n" for key, value, why in run if value]
    if draft.likely_inputs:
        more_run.append(f"# inputs = {as_toml(draft.likely_inputs)}  # once it is there\n")
    more_measure = [f"checks = {as_toml(draft.checks)}  # must pass before a keep\n"] if draft.checks else []
    if draft.likely_checks:
        more_measure.append(f"# checks = {as_toml(draft.likely_checks)}  # must pass before a keep\n")
    return _CONTRACT.substitute(
        name=as_toml(draft.name),
        editable=as_toml(draft.editable),
        command=as_toml(draft.command),
        budget=as_toml(draft.budget),
        clock=as_toml(draft.clock.value),
        metric=as_toml(draft.metric),
        bare_metric=draft.metric,
        direction=as_toml(draft.direction.value),
        more_run="".join(more_run),
        more_measure="".join(more_measure),
    )


def program_text(draft: Draft) -> str:
    """A program.md to start from."""
    return _PROGRAM.substitute(
        name=draft.name,
        wish="Lower" if draft.direction is Direction.MINIMIZE else "Raise",
        metric=draft.metric,
        command=" ".join(draft.command),
        budget=draft.budget,
        editable=", ".join(f"`{glob}`" for glob in draft.editable),
    )
