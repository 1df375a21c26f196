"""Owns the verbs that only look: status, log, show, diff."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from msgspec.structs import replace

from jumar.app import Study, open_study
from jumar.cli import render
from jumar.cli.agents import agents_table
from jumar.cli.verb import Whole, json_option, of_a_study, verb
from jumar.cli.views import (
    claims_grid,
    diff_text,
    experiment_grid,
    experiments_table,
    runs_table,
    status_grid,
)
from jumar.core.event import HandedIn, Proposed
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.proposal import TICKET
from jumar.errors import Usage
from jumar.reports.happenings import doing_in_words
from jumar.reports.summary import Summary, summarise
from jumar.reports.values import Values
from jumar.rules.certain import certain
from jumar.rules.plain import plain

LOG_LINES = 20
MOST_READ = 1000
MOST_WAITING = 10  # that are listed


def opened(folder: Path, study: str | None) -> tuple[Study, StudyRecord]:
    """A study that was run at least once. Raises Usage for one that was not."""
    live = open_study(folder, study=study)
    record = live.record()
    if record is None:
        fix = "leave --study out for the latest one" if study else "start it with `jumar run`"
        raise Usage(f"there is no study {live.name} here yet", fix=fix)
    return live, record


def doing_now(live: Study, record: StudyRecord) -> str:
    """What a study is doing; who ran it and died is not running it."""
    holder = live.holder()
    return doing_in_words(record, f"process {holder.pid} on {holder.host}" if holder else "")


def recent(live: Study, record: StudyRecord) -> tuple[ExperimentRecord, ...]:
    """The baseline, the champion and the last thousand: a long study answers as fast as a short one."""
    last = live.experiments(last=MOST_READ)
    first = last[0].number if last else BASELINE
    early = sorted({number for number in (BASELINE, record.champion) if number < first})
    return (*(live.experiment(number) for number in early), *last)


def standing(live: Study, record: StudyRecord, records: tuple[ExperimentRecord, ...]) -> Summary:
    """The summary from `records`, with the counts of the whole study."""
    summary = summarise(record, records, live.contract)
    proposed = sum(record.decisions.values()) + record.open_experiments
    return replace(summary, experiments=max(summary.experiments, proposed))


def _waiting(live: Study) -> dict[int, str]:
    """What was handed in from outside and is no experiment yet: ticket → hypothesis."""
    handed: dict[int, str] = {}
    for entry in live.entries():
        match entry.event:
            case HandedIn(hypothesis=hypothesis):
                handed[entry.seq] = hypothesis
            case Proposed(experiment=experiment):
                handed.pop(experiment.details.get(TICKET, 0), None)
    return handed


@verb("jumar status", "jumar status --json")
@of_a_study
@json_option
def status(folder: Path, study: str | None, as_json: bool) -> None:
    """Say how a study stands: champion, gain, counts, and who runs it."""
    live, record = opened(folder, study)
    records = recent(live, record)
    summary = standing(live, record, records)
    doing = doing_now(live, record)
    outside = any(spec.partition(":")[0] == "external" for spec in record.terms.shares)
    waiting = _waiting(live) if outside else {}
    if as_json:
        holder = live.holder()
        pid = holder.pid if holder else None
        waits = [{"ticket": f"t{ticket}", "hypothesis": words} for ticket, words in waiting.items()]
        said = {"summary": summary, "read": len(records), "doing": doing, "pid": pid, "waiting": waits}
        return render.data(said)
    render.say(status_grid(summary, doing, records), "")
    if waiting:
        shown = [f"t{ticket}: {plain(words)}" for ticket, words in [*waiting.items()][:MOST_WAITING]]
        more = [f"and {len(waiting) - len(shown)} more"] if len(waiting) > len(shown) else []
        render.say("proposals from outside that wait for their turn:", *shown, *more, "")
    if table := agents_table(summary.agents):
        render.say(table, "")
    latest, metric = records[-5:], live.contract.measure.metric
    render.say(experiments_table(latest, Values(records), metric, certain(records)))
    if words := live.contract_note:
        render.note(words)


@verb("jumar log", "jumar log --kept --json")
@of_a_study
@click.option("--last", type=Whole(1), default=LOG_LINES, show_default=True, help="How many.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--kept", is_flag=True, help="Only what was kept.")
@json_option
def log(
    folder: Path, study: str | None, last: int, everything: bool, kept: bool, as_json: bool
) -> None:  # fmt: skip
    """List experiments with verdict and reason, oldest first."""
    live, record = opened(folder, study)
    records = live.experiments() if everything or kept else recent(live, record)
    shown = [record for record in records if record.is_kept or not kept]
    shown = shown if everything else shown[-last:]
    if as_json:
        return render.data(shown)

    render.say(experiments_table(shown, Values(records), live.contract.measure.metric, certain(records)))
    summary = standing(live, record, records)
    for words in filter(None, (summary.keeps_in_words(), summary.gap_in_words())):
        render.say("", words)


@verb("jumar show 12", "jumar show 12 --log")
@click.argument("number", type=Whole(0))
@of_a_study
@click.option("--log", "with_log", is_flag=True, help="Print what its last run printed, and nothing else.")
@json_option
def show(number: int, folder: Path, study: str | None, with_log: bool, as_json: bool) -> None:
    """Show one experiment: hypothesis, runs, verdict and evidence. Number 0 is the baseline."""
    live, found = opened(folder, study)
    record = live.experiment(number)
    if with_log:
        return _print_log(live, number)
    if as_json:
        return render.data(record)

    # With the runs that others made beside it: its value is the same here as in `jumar log`.
    known = {one.number: one for one in (*recent(live, found), record)}.values()
    values = Values(tuple(known))
    render.say(experiment_grid(record, values, live.contract.measure.metric, certain(known)), "")
    claim = found.claim
    if claim and claim.experiment == number:
        render.say(claims_grid(claim, live.contract), "")
    render.say(runs_table(record.runs))


def _print_log(live: Study, number: int) -> None:
    record = live.experiment(number)
    # The other side of a pair, and of a certification, is somebody else's code.
    own = [run for run in record.runs if run.run.commit == record.experiment.commit]
    runs = [run for run in own if "log" in run.artefacts]
    if not runs:
        if any(run.is_open for run in own):
            raise Usage(f"the first run of experiment {number} is still under way", fix="ask again later")
        raise Usage(f"no run of experiment {number} printed anything", fix=f"see `jumar show {number}`")
    text = live.artefact(runs[-1].artefacts["log"]).decode("utf-8", "replace")
    render.raw(plain(text, lines=True))


@verb("jumar diff 12", "jumar diff 12 | git apply --check")
@click.argument("number", type=Whole(0))
@of_a_study
@json_option
def diff(number: int, folder: Path, study: str | None, as_json: bool) -> None:
    """Show what an experiment changed against its parent."""
    live, _ = opened(folder, study)
    changed = live.diff(number)
    if as_json:
        return render.data({"experiment": number, "diff": changed})
    if not changed:
        what = "the unchanged target" if number == BASELINE else "as its parent is: it never became a commit"
        return render.note(f"experiment {number} is {what}")
    if not sys.stdout.isatty():
        return render.raw(changed)  # byte for byte, for `git apply`; no terminal is there to be fooled

    render.say(diff_text(changed))
