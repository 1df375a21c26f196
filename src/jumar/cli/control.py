"""Owns the verbs that ask something of a study that runs in another process."""

from __future__ import annotations

from pathlib import Path

import click

from jumar.cli import render
from jumar.cli.readers import MOST_READ, opened
from jumar.cli.verb import Whole, of_a_study, verb
from jumar.core.event import AT_ONCE, Wish
from jumar.core.experiment import ExperimentRecord
from jumar.errors import Usage
from jumar.rules.plain import short

DEAF = frozenset({"tuner", "nop", "replay"})  # agents that ship, and take no words


@verb('jumar tell "leave the tokenizer alone"', 'jumar tell "try smaller batches first" --study tinylm')
@click.argument("words", nargs=-1, required=True)
@of_a_study
def tell(words: tuple[str, ...], folder: Path, study: str | None) -> None:
    """Tell the agents something; it stands in every brief from now on.

    It is for agents that take words (models). The tuner, nop and replay do not read it.
    """
    live, record = opened(folder, study)
    said = " ".join(words).strip()
    if not said:
        raise Usage("there are no words to tell", fix='say them: jumar tell "try smaller batches first"')
    live.ask(Wish.TELL, said)
    render.say(
        f"recorded in study {live.name}: it stands in every brief from now on, for agents that take words "
        "(models)"
    )
    if all(spec.partition(":")[0] in DEAF for spec in record.terms.shares):
        one = len(record.terms.shares) == 1
        who = "the agent of this study" if one else "none of the agents of this study"
        render.say(f"{who}, {record.terms.agent}, {'does not read' if one else 'reads'} it")


@verb("jumar pause", "jumar pause && jumar status")
@of_a_study
def pause(folder: Path, study: str | None) -> None:
    """Start nothing new until `jumar resume`; what runs is finished."""
    _ask(folder, study, Wish.PAUSE, "is asked to pause: it finishes what runs and starts nothing new")


@verb("jumar resume", "jumar resume && jumar status")
@of_a_study
def resume(folder: Path, study: str | None) -> None:
    """Go on after `jumar pause`. A study that nobody runs goes on with `jumar run`."""
    _ask(folder, study, Wish.RESUME, "is asked to go on")


@verb("jumar stop", "jumar stop --now && jumar status")
@of_a_study
@click.option("--now", is_flag=True, help="End what runs; it is run again when the study goes on.")
def stop(folder: Path, study: str | None, now: bool) -> None:
    """Finish what runs, and end. Nothing is lost: `jumar run` goes on from there."""
    said = "end what runs and stop" if now else "stop: it finishes what runs"
    _ask(folder, study, Wish.STOP, f"is asked to {said}", AT_ONCE if now else "")


def _ask(folder: Path, study: str | None, wish: Wish, said: str, words: str = "") -> None:
    live, _ = opened(folder, study)
    if live.holder() is None:
        raise Usage(f"nobody runs study {live.name} now", fix="start it with `jumar run`")
    live.ask(wish, words)
    render.say(f"study {live.name} {said}")


@verb("jumar approve 12", "jumar approve 12 && jumar status")
@click.argument("number", type=Whole(0))
@click.argument("why", nargs=-1)
@of_a_study
def approve(number: int, why: tuple[str, ...], folder: Path, study: str | None) -> None:
    """Keep an experiment that waits for approval: it becomes the champion.

    Where the contract says `[limits] approve = true`, whatever would be kept waits so (`jumar status` lists
    it), and the study goes on from the champion that it has. Others that wait are tried again on the new one.
    """
    _rule(folder, study, Wish.APPROVE, f"{number} {' '.join(why)}")


@verb("jumar reject 12 it needs too much memory", "jumar reject 12 && jumar status")
@click.argument("number", type=Whole(0))
@click.argument("why", nargs=-1)
@of_a_study
def reject(number: int, why: tuple[str, ...], folder: Path, study: str | None) -> None:
    """Do not keep an experiment that waits for approval. The agents are told, with your words."""
    _rule(folder, study, Wish.REJECT, f"{number} {' '.join(why)}")


def _rule(folder: Path, study: str | None, wish: Wish, said: str) -> None:
    live, _ = opened(folder, study)
    number = int(said.partition(" ")[0])
    record = live.experiment(number)
    if record.held is None:
        held = [f"#{one.number}" for one in live.experiments(last=MOST_READ) if one.held]
        raise Usage(
            f"experiment {number} waits for no approval: {_instead(record)}",
            fix=f"name one that waits: {', '.join(held)}"
            if held
            else "none waits now: `jumar log` lists all",
        )
    live.ask(wish, said.strip())
    when = "within a moment" if live.holder() else "when `jumar run` goes on"
    does = "becomes the champion" if wish is Wish.APPROVE else "is discarded"
    render.say(f"experiment {number} {does} {when}")


def _instead(record: ExperimentRecord) -> str:
    verdict = record.verdict
    return f"{verdict.decision.value}: {short(verdict.reason, 200)}" if verdict else "it is under way"
