"""Owns how an experiment is told to agents: a line, or a paragraph; what others wrote comes as data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jumar.core.contract import Direction, Metric
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, RunRecord, Side
from jumar.rules.plain import plain, short

NEEDS_NO_SAYING = frozenset({"output_mb", "serve_cpu_s"})
_FENCES = re.compile(r"`{3,}")


def data(text: str, kind: str = "data") -> str:
    """Text that a program or an agent wrote, fenced so that it cannot end its own fence."""
    text = plain(text, lines=True)
    longest = max((len(found) for found in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}"


def quoted(text: str, most: int = 200) -> str:
    """Words of an agent or a program on one line, marked as theirs."""
    return f"«{short(text, most).replace('«', '<').replace('»', '>')}»"


def headline(record: ExperimentRecord) -> str:
    """`#12 by tuner: «LR 0.001 → 0.003»`."""
    experiment = record.experiment
    again = experiment.details.get("retest_of")
    retest = f", again #{again}" if isinstance(again, int) else ""
    waits = " (better; a person has to approve it yet)" if record.held else ""
    return (
        f"#{record.number} by {short(experiment.agent, 40)}{retest}: {quoted(experiment.hypothesis)}{waits}"
    )


def effect(record: ExperimentRecord, metric: Metric) -> str:
    """The measured gain with its interval, in the metric's unit and as a share; empty where none was."""
    verdict = record.verdict
    if verdict is None or verdict.gain is None:
        return ""
    level = level_of(record, metric)
    share = f" ({verdict.gain / abs(level):+.2%})" if level else ""
    ends = verdict.interval
    between = f", 95 % interval {ends[0]:+.4g} to {ends[1]:+.4g}" if ends and ends[0] != ends[1] else ""
    return f"gain {verdict.gain:+.4g}{share}{between}"


def kept_line(record: ExperimentRecord, metric: Metric) -> str:
    """A kept experiment on one line."""
    names = _names(record)
    end = "; taken back since" if record.refuted else ""
    return f"- {headline(record)}; {effect(record, metric) or 'better'}{names and f'; touched {names}'}{end}"


def kept_in_few_words(record: ExperimentRecord) -> str:
    """The same, for a list of very many: `- #12 «LR 0.001 → 0.003» +0.031 (0.02 to 0.04)`."""
    verdict = record.verdict
    ends = verdict.interval if verdict else None
    gain = f" {verdict.gain:+.3g}" if verdict and verdict.gain is not None else ""
    between = f" ({ends[0]:.3g} to {ends[1]:.3g})" if ends and ends[0] != ends[1] else ""
    return f"- #{record.number} {quoted(record.experiment.hypothesis, 60)}{gain}{between}" + (
        ", taken back" if record.refuted else ""
    )


def paragraph(record: ExperimentRecord, metric: Metric, lesson: str = "") -> str:
    """An experiment with everything that an agent can use of it, on a few lines."""
    verdict = record.verdict
    lines = [f"- {headline(record)}"]
    if verdict is None:
        lines.append("  being run")
    else:
        lines.append(f"  {verdict.decision.value}: {quoted(verdict.reason, 240)}")
    told = [effect(record, metric), predicted(record), work(record)]
    if names := _names(record):
        told.append(f"touched {names}")
    if any(told):
        lines.append("  " + "; ".join(part for part in told if part))
    if lesson:
        lines.append(f"  lesson: {quoted(lesson, 240)}")
    return "\n".join(lines)


def predicted(record: ExperimentRecord) -> str:
    """What the agent expected; empty where it did not say."""
    share = record.experiment.predicted
    return f"predicted {share:+.2%}" if share is not None else ""


def work(record: ExperimentRecord) -> str:
    """What its last own run did: steps, seconds, memory."""
    runs = own_runs(record)
    measured = [run.outcome for run in runs if isinstance(run.outcome, Measured)]
    if not measured:
        return ""
    return others_in_words(
        {name: value for name, value in measured[-1].others.items() if name not in NEEDS_NO_SAYING}
    )


def others_in_words(others: Mapping[str, float], most: int = 8) -> str:
    """Further measurements: `curve_steps 210, cpu_s 20.1`."""
    return ", ".join(f"{short(name, 40)} {value:.4g}" for name, value in list(others.items())[:most])


def own_runs(record: ExperimentRecord) -> list[RunRecord]:
    """Runs of the experiment's own code, the baseline's too; none of those that certified."""
    return [
        run
        for run in record.runs
        if run.run.purpose is Purpose.BASELINE
        or (run.run.side is Side.CANDIDATE and run.run.purpose not in (Purpose.CERTIFY, Purpose.CHECK))
    ]


def level_of(record: ExperimentRecord, metric: Metric) -> float | None:
    """The value that the gain is a share of: what the champion had beside it, or has by its gain."""
    reference = [
        run.outcome.value
        for run in record.runs
        if run.run.side is Side.REFERENCE and isinstance(run.outcome, Measured)
    ]
    if reference:
        return sum(reference) / len(reference)
    own = [run.outcome.value for run in own_runs(record) if isinstance(run.outcome, Measured)]
    if not own or record.verdict is None or record.verdict.gain is None:
        return None
    gain = record.verdict.gain
    return own[-1] + (gain if metric.direction is Direction.MINIMIZE else -gain)


def measured_share(record: ExperimentRecord, metric: Metric) -> float | None:
    """The measured gain as a share, as predictions are made; None where nothing was measured."""
    verdict, level = record.verdict, level_of(record, metric)
    if record.number == BASELINE or verdict is None or verdict.gain is None or not level:
        return None
    return verdict.gain / abs(level)


def value_in_words(metric: Metric, value: float, noise: float) -> str:
    """`val_bpb 2.566 ± 0.0067 between runs (0.26 %), smaller is better`."""
    share = f" ({noise / abs(value):.2%})" if value else ""
    spread = f" ± {noise:.2g} between runs{share}" if noise else ", without noise"
    better = "smaller" if metric.direction is Direction.MINIMIZE else "larger"
    return f"{metric.name} {value:.6g}{spread}; {better} is better"


def _names(record: ExperimentRecord) -> str:
    return names_in_words(record.experiment.touched)


def names_in_words(names: Sequence[str], most: int = 6) -> str:
    """Names of what was touched, cut to a few."""
    shown = ", ".join(short(name, 80) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
