"""Owns what a person can do to a study from a page, as functions: each says what it did."""

from __future__ import annotations

from collections.abc import Callable

from jumar.app import Study
from jumar.core.event import AT_ONCE, Wish
from jumar.errors import Usage

Deed = Callable[[Study], str]


def tell(words: str) -> Deed:
    """Words that stand in every brief from now on."""

    def do(study: Study) -> str:
        said = words.strip()
        if not said:
            raise Usage("there are no words to tell", fix="say them, such as: try smaller batches first")
        study.ask(Wish.TELL, said)
        return "Told: it stands in every brief from now on, for agents that take words (models)"

    return do


def pause(study: Study) -> str:
    """Start nothing new."""
    return _ask(study, Wish.PAUSE, "Asked to pause: what runs is finished, nothing new starts")


def resume(study: Study) -> str:
    """Go on after a pause."""
    return _ask(study, Wish.RESUME, "Asked to go on")


def stop(study: Study) -> str:
    """Finish what runs, and end."""
    return _ask(study, Wish.STOP, "Asked to stop: what runs is finished")


def stop_now(study: Study) -> str:
    """End what runs, and stop."""
    return _ask(study, Wish.STOP, "Asked to stop at once: what runs is ended, and made again later", AT_ONCE)


def approve(number: int, why: str = "") -> Deed:
    """Keep what waits for a person."""
    return lambda study: _rule(study, Wish.APPROVE, number, why)


def reject(number: int, why: str = "") -> Deed:
    """Do not keep it."""
    return lambda study: _rule(study, Wish.REJECT, number, why)


def _ask(study: Study, wish: Wish, said: str, words: str = "") -> str:
    if study.holder() is None:
        raise Usage(f"nobody runs study {study.name} now", fix="start it with `jumar run`")
    study.ask(wish, words)
    return said


def _rule(study: Study, wish: Wish, number: int, why: str) -> str:
    if study.experiment(number).held is None:
        raise Usage(f"experiment {number} waits for no approval", fix="somebody ruled on it already")
    study.ask(wish, f"{number} {why}".strip())
    when = "within a moment" if study.holder() else "when `jumar run` goes on"
    return f"Experiment {number} {'becomes the champion' if wish is Wish.APPROVE else 'is discarded'} {when}"
