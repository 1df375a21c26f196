"""What was asked of a study: its contract in words, the same for every face of the report."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Literal

import msgspec

from jumar.core.contract import Clock, Contract, Direction, Guard, LimitTerms, RunTerms
from jumar.core.ledger import StudyRecord
from jumar.reports.words import duration, number, plural, size


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A name and what it stands for. `kind` says whether the words are a command, or a warning."""

    name: str
    words: str
    kind: Literal["words", "code", "warning"] = "words"


def told(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts that have anything to say."""
    return tuple(fact for fact in facts if fact.words)


def goal_in_words(contract: Contract) -> str:
    """What the study is for, in a sentence."""
    metric = contract.measure.metric
    way = "lower" if metric.direction is Direction.MINIMIZE else "higher"
    what = f"Make {metric.name} {way} by changing {', '.join(contract.target.editable)} and nothing else."
    if contract.self_reported:
        return f"{what} The number is self-reported: the code under test prints it."
    hidden = ", and certifies on data that no run can read" if contract.measure.hidden else ""
    return f"{what} A scorer out of the candidate's reach measures it{hidden}."


def asked_of(record: StudyRecord, contract: Contract) -> tuple[Fact, ...]:
    """The contract, a line for each thing that it settles."""
    run, measure, limits = contract.run, contract.measure, contract.limits
    caps = (
        f"{duration(run.timeout_s)} on the clock, {size(run.memory_bytes)} of memory, "
        f"{size(run.disk_bytes)} of disk, {plural(run.processes, 'process', 'processes')}, "
        f"{'with' if run.network else 'no'} network"
    )
    return told((
        Fact(name="target", words=contract.target.name),
        Fact(name="may change", words=", ".join(contract.target.editable)),
        Fact(name="one run", words=shlex.join(run.command), kind="code"),
        Fact(name="its budget", words=_budget(run)),
        Fact(name="its caps", words=caps),
        Fact(name="metric", words=f"{measure.metric.name}, to {measure.metric.direction.value}"),
        Fact(
            name="measured by",
            words=_measured_by(contract),
            kind="warning" if contract.self_reported else "words",
        ),
        Fact(name="guards", words=", ".join(guard_in_words(guard) for guard in measure.guards)),
        Fact(name="checks", words="; ".join(shlex.join(command) for command in measure.checks)),
        Fact(name="limits", words=", ".join(_limits(limits, measure.metric.name))),
        Fact(name="scale", words=record.terms.scale),
    ))  # fmt: skip


def _budget(run: RunTerms) -> str:
    amount = run.budget.amount
    if run.budget.clock is Clock.STEPS:
        return f"{amount:,.0f} step{'' if amount == 1 else 's'}"
    return f"{duration(amount)} of {'CPU time' if run.budget.clock is Clock.CPU else 'wall time'}"


def _measured_by(contract: Contract) -> str:
    if contract.self_reported:
        return "the run's own output: self-reported"
    hidden = ", with data that no run can read" if contract.measure.hidden else ""
    return f"{shlex.join(contract.measure.score)}, outside the candidate's reach{hidden}"


def guard_in_words(guard: Guard) -> str:
    """`peak_memory_mb ≤ 1.5 × baseline`."""
    of = " × baseline" if guard.relative else ""
    plus = f" + {number(guard.plus)}" if guard.plus else ""
    return f"{guard.name} {'≤' if guard.at_most else '≥'} {number(guard.bound)}{of}{plus}"


def _limits(limits: LimitTerms, metric: str) -> list[str]:
    said = [
        (limits.experiments, plural(limits.experiments or 0, "experiment")),
        (limits.hours, duration(3600 * (limits.hours or 0.0))),
        (limits.usd, f"${limits.usd}"),
        (limits.tokens, f"{limits.tokens:,} tokens" if limits.tokens else ""),
        (limits.plateau, f"{plural(limits.plateau or 0, 'experiment')} without a keep"),
        (limits.target, f"{metric} of {limits.target}"),
    ]
    return [words for value, words in said if value is not None]
