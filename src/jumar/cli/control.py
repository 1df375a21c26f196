"""Owns the verbs that ask something of a study that runs in another process."""

from __future__ import annotations

from pathlib import Path

import click

from jumar.cli import render
from jumar.cli.readers import opened
from jumar.cli.verb import of_a_study, verb
from jumar.core.event import Wish
from jumar.errors import Usage

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


@verb("jumar stop", "jumar stop && jumar status")
@of_a_study
def stop(folder: Path, study: str | None) -> None:
    """Finish what runs, and end. Nothing is lost: `jumar run` goes on from there."""
    _ask(folder, study, Wish.STOP, "is asked to stop: it finishes what runs")


def _ask(folder: Path, study: str | None, wish: Wish, said: str) -> None:
    live, _ = opened(folder, study)
    if live.holder() is None:
        raise Usage(f"nobody runs study {live.name} now", fix="start it with `jumar run`")
    live.ask(wish)
    render.say(f"study {live.name} {said}")
