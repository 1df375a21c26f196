"""How to come by each number of a report again: a command for each, to be typed in the target's folder."""

from __future__ import annotations

import shlex

import msgspec

from jumar.core.contract import Clock, Contract
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, RunRecord, Side
from jumar.reports.words import number

_BY_HAND = frozenset({Purpose.BASELINE, Purpose.CONFIRM, Purpose.SCREEN})


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and the command that gives it again."""

    what: str
    command: str


def recipes_for(
    record: StudyRecord, champion: ExperimentRecord | None, contract: Contract
) -> tuple[Recipe, ...]:
    """A command for each number; the study is named, as a later one may be the latest by then."""
    name = shlex.quote(record.name)
    found = [("the runs behind the baseline's value", f"jumar show {BASELINE} --study {name}")]
    if record.champion != BASELINE:
        found += [
            ("the runs behind the champion's value", f"jumar show {record.champion} --study {name}"),
            ("all that was kept, as one change", f"git diff {record.terms.base} {record.champion_commit}"),
            ("the certified gain, measured anew", f"jumar certify --study {name}"),
        ]
    found += [
        ("every verdict, from the recorded runs", f"jumar replay --judge --study {name}"),
        ("that nobody changed the record", "jumar doctor --ledger"),
    ]
    if champion is not None:
        found.append(_by_hand(champion, contract))
    found += [
        ("this report", f"jumar report --study {name}"),
        ("the table, for other programs", f"jumar export --tsv --study {name}"),
    ]
    return tuple(Recipe(what=what, command=command) for what, command in found)


def _by_hand(champion: ExperimentRecord, contract: Contract) -> tuple[str, str]:
    """One run of the champion without Jumar, with a seed whose value is on record where there is one."""
    ran = next((run for run in champion.runs if _is_example(run, champion)), None)
    seed, said = (ran.run.seed, _said(ran)) if ran else (1, "")
    run, commit = contract.run, champion.experiment.commit
    budget = "JUMAR_BUDGET_STEPS" if run.budget.clock is Clock.STEPS else "JUMAR_BUDGET_S"
    # In the target's folder `git archive` writes that folder alone, which is all that a run sees.
    command = (
        f'tree="$(mktemp -d)" && git archive {commit} | tar -x -C "$tree" && cd "$tree" && '
        f"JUMAR_SEED={seed} {budget}={run.budget.amount:g} JUMAR_SCALE={shlex.quote(contract.scale)} "
        f'JUMAR_OUT="$(mktemp -d)" {"".join(f"{shlex.quote(one)} " for one in run.env if "=" in one)}'
        f"{shlex.join(run.command)}"
    )
    return f"one run of the champion, by hand{said}", command


def _is_example(run: RunRecord, champion: ExperimentRecord) -> bool:
    """A full run of the champion's own code that gave a number in the search."""
    place = run.run
    own = place.purpose is Purpose.BASELINE or place.side is Side.CANDIDATE
    return (
        own
        and place.commit == champion.experiment.commit
        and place.purpose in _BY_HAND
        and isinstance(run.outcome, Measured)
    )


def _said(run: RunRecord) -> str:
    assert isinstance(run.outcome, Measured)
    return f" (run {run.run.key} measured {number(run.outcome.value)})"
