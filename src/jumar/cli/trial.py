"""Owns the first measurement that `jumar init` makes: run the target once, and say what came of it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from jumar.cli import render
from jumar.cli.views import grid
from jumar.core.contract import Contract
from jumar.core.outcome import Failed, Measured
from jumar.errors import NotMeasurable
from jumar.looking import first_measurement
from jumar.reports.words import duration, number
from jumar.rules.contract_reference import as_toml
from jumar.rules.plain import plain
from jumar.rules.remedy import remedy

MOST_OTHERS = 8
_NO_STUDY_YET = re.compile(r"; [^;]*`jumar show 0 --log`")  # there is nothing to show before a study
# What Python, C and the shells say of a file that is not there.
_MISSING = (
    re.compile(r"No such file or directory: ['\"]([^'\"\n]+)['\"]"),
    re.compile(r"([^\s:'\"]+)['\"]?: No such file or directory"),
)


def try_once(folder: Path, contract: Contract, text: str) -> None:
    """Run the target once and show the number. Raises NotMeasurable when it gives none."""
    run = contract.run
    budget = "steps" if run.budget.clock.value == "steps" else f"{run.budget.clock.value} seconds"
    render.say(
        f"running `{' '.join(run.command)}` once "
        f"(budget {run.budget.amount:g} {budget}, killed after {duration(run.timeout_s)}) ..."
    )
    landed = first_measurement(folder, text)
    match landed.outcome:
        case Measured(value=value, others=others):
            own = [(name, number(each)) for name, each in list(others.items())[:MOST_OTHERS]]
            render.say(grid([(contract.measure.metric.name, number(value)), *own]))
        case Failed(why=why, detail=detail) as failed:
            raise NotMeasurable(
                f"the target as it is gives no number: {why.value}: {plain(detail, lines=True)}",
                fix=f"{_advice(folder, failed, contract)}; then `jumar run` measures it again",
            )


def _advice(folder: Path, failed: Failed, contract: Contract) -> str:
    """What to change; a file that is here, but that a run did not see, is to be an input."""
    missing = missing_input(folder, failed.detail)
    if missing is None or missing in contract.run.inputs:
        return _NO_STUDY_YET.sub("", remedy(failed, contract))
    inputs = as_toml((*contract.run.inputs, missing))
    return f"a run sees what git has and its inputs: write `inputs = {inputs}` in [run]"


def missing_input(folder: Path, detail: str) -> str | None:
    """The file that a target did not find, where it is there outside the sandbox: under the name it used."""
    for pattern in _MISSING:
        for found in pattern.finditer(detail):
            name = found[1]
            with suppress(OSError, ValueError):
                if plain(name) == name and (folder / Path(name).expanduser()).is_file():
                    return name
    return None
