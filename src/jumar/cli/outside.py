"""Owns the verbs of whoever researches from outside: try, measure, propose, wait, note."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from jumar.app import Study, open_study
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.probes import beyond_option, look
from jumar.cli.readers import opened
from jumar.cli.verb import folder_option, json_option, of_a_study, study_option, verb
from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.home import read_try

if TYPE_CHECKING:
    from jumar.intake import Edits
    from jumar.tickets import Ticket

LOOK_S = 0.25
ENDS = {
    Decision.KEPT: Exit.DONE,
    Decision.DISCARDED: Exit.DISCARDED,
    Decision.FAILED: Exit.FAILED,
    Decision.INVALID: Exit.INVALID,
}


def of_edits(command: Callable[..., Any]) -> Callable[..., Any]:
    """What says which edits of which study."""
    for option in (
        click.option("--file", "files", multiple=True, metavar="PATH=FILE", help="PATH shall be as FILE is."),
        click.option("--patch", metavar="FILE", help="A unified diff against the champion; - reads it here."),
        click.option("--from", "source", metavar="FOLDER", help="A work tree that `jumar try` handed out."),
        study_option,
        folder_option,
    ):
        command = option(command)
    return command


@verb("jumar try", 'jumar try /tmp/idea --about "a longer warm-up" && cd /tmp/idea')
@click.argument("place", required=False, type=click.Path(path_type=Path))
@of_a_study
@click.option("--about", default="", metavar="WORDS", help="What you will try: other agents are told so.")
@json_option
def try_(place: Path | None, folder: Path, study: str | None, about: str, as_json: bool) -> None:
    """Hand out a work tree: the champion's files in a folder outside the repository, to edit.

    `jumar propose` from within it, or with --from, proposes what is different there. The folder is yours:
    use it again, or remove it. Other agents are told that you work on something, for an hour at most.
    """
    live, _ = opened(folder, study)
    handed = live.intake().hand_out(place, about)
    if as_json:
        return render.data({"folder": str(handed), "editable": live.contract.target.editable})
    render.say(str(handed))


@verb(
    'jumar propose --from /tmp/idea --hypothesis "warm-up lets a higher LR live" --predicted 0.02',
    'jumar propose --file train.py=/tmp/train.py --hypothesis "RMSNorm is cheaper"',
)
@of_edits
@click.option("--hypothesis", required=True, help="In a sentence: what is changed, and why that helps.")
@click.option("--predicted", type=float, metavar="SHARE", help="Relative gain expected: 0.02 is 2 % better.")
@json_option
def propose(
    folder: Path,
    study: str | None,
    hypothesis: str,
    predicted: float | None,
    as_json: bool,
    **sources: Any,
) -> None:
    """Hand in a proposal. It waits in the record for its turn; `jumar wait` waits for its verdict.

    It is checked at once, like any agent's: scope, syntax, and whether that code was tried before. What is
    refused is not recorded.
    """
    given = _given(folder, **sources)
    intake = opened(given.at, study)[0].intake()
    if given.folder:
        ticket = intake.hand_in_folder(given.folder, hypothesis, predicted)
    else:
        ticket = intake.hand_in(given.edits(), hypothesis, predicted)
    if as_json:
        return render.data({"ticket": f"t{ticket}"})
    render.say(f"t{ticket}")


@verb("jumar measure --from /tmp/idea", "jumar measure --patch idea.diff --json")
@of_edits
@beyond_option
@json_option
def measure(folder: Path, study: str | None, beyond: bool, as_json: bool, **sources: Any) -> int:
    """Have edits measured once, before they are proposed: what they gain on one seed, or what they die of.

    One run with them and one of the champion beside it, scored as every run is; decides nothing, keeps
    nothing, counts as no experiment. While a study runs, it counts as two of the eight usual runs that may
    be taken from outside between two experiments.
    """
    given = _given(folder, **sources)
    live, _ = opened(given.at, study)
    intake = live.intake()
    made = intake.measure_folder(given.folder) if given.folder else intake.measure(given.edits())
    return look(live, made, beyond=beyond, as_json=as_json)


class _Given(NamedTuple):
    """What the command line says of edits, and where the target is."""

    at: Path
    folder: Path | None
    patch: str | None
    files: Sequence[str]

    def edits(self) -> Edits:
        return _edits(self.patch, self.files)


def _given(folder: Path, source: str | None, patch: str | None, files: Sequence[str]) -> _Given:
    if not (source or patch or files) and read_try(folder.resolve()):
        source = str(folder)
    elif source and folder == Path() and read_try(Path(source)):
        folder = Path(source)  # which stands for its target, wherever this shell is
    if [bool(source), bool(patch), bool(files)].count(True) != 1:
        raise Usage(
            "nothing says which edits, or too much does",
            fix="name one: --from FOLDER, --patch FILE, or --file PATH=FILE (again and again)",
        )
    return _Given(folder, _existing(source) if source else None, patch, files)


def _edits(patch: str | None, files: Sequence[str]) -> Edits:
    from jumar.intake import from_files, from_patch

    if patch:
        if patch == "-":
            return from_patch("the patch", sys.stdin.buffer.read())
        return from_patch(patch, _read(patch))
    pairs = [given.partition("=") for given in files]
    for path, sets, _ in pairs:
        if not sets or not path:
            raise Usage(
                f"--file {path} names no file", fix="say --file PATH=FILE, such as train.py=/tmp/t.py"
            )
    return from_files({path: _read(place) for path, _, place in pairs})


def _existing(name: str) -> Path:
    if not Path(name).is_dir():
        raise Usage(f"{name} is no folder", fix="name one that `jumar try` handed out")
    return Path(name).resolve()


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Usage(f"{name} cannot be read: {error.strerror}", fix="name a file that is there") from error


@verb("jumar wait t57", "jumar wait --timeout 60")
@click.argument("what", required=False, metavar="[TICKET|NUMBER]")
@of_a_study
@click.option("--timeout", type=click.FloatRange(0), metavar="S", help="Wait no longer than S seconds.")
@json_option
def wait(what: str | None, folder: Path, study: str | None, timeout: float | None, as_json: bool) -> int:
    """Wait for the verdict on a ticket or an experiment; without one, for the next verdict on any ticket.

    Exit code: 0 kept, 10 discarded, 11 failed, 12 invalid; 13 no verdict in time, 14 nobody runs the study.
    Without a ticket: 0 when there is a verdict, or when nothing is left to wait for.
    """
    from jumar.tickets import NOTHING, Unheard, Waiting

    live = _started(folder, study, timeout)
    waiting = Waiting(live.intake(), lambda: live.is_run, what, timeout)
    while (came := waiting.look()) is None:
        time.sleep(LOOK_S)
    if isinstance(came, Unheard):
        render.note(came.value)
        return Exit.NO_VERDICT if came is Unheard.IN_TIME else Exit.NOBODY
    if as_json:
        render.data([_told(one) for one in came])
    else:
        render.say(*(one.told() for one in came) if came else (NOTHING,))
    verdict = came[0].verdict if came and what else None
    return ENDS[verdict.decision] if verdict else Exit.DONE


def _started(folder: Path, study: str | None, timeout_s: float | None) -> Study:
    """A study that was run, or that is being started, however long that takes."""
    from jumar.tickets import GRACE_S

    begun = heard = time.monotonic()
    while True:
        try:
            return opened(folder, study)[0]
        except Usage:
            now = time.monotonic()
            heard = now if open_study(folder, study=study).is_run else heard
            if now - heard > GRACE_S or (timeout_s is not None and now - begun >= timeout_s):
                raise
            time.sleep(LOOK_S)


def _told(one: Ticket) -> dict[str, object]:
    record, verdict = one.experiment, one.verdict
    return {
        "ticket": f"t{one.ticket}" if one.ticket else None,
        "experiment": record.number if record else None,
        "hypothesis": one.hypothesis,
        "predicted": record.experiment.predicted if record else None,
        "decision": verdict.decision if verdict else None,
        "reason": verdict.reason if verdict else None,
        "gain": verdict.gain if verdict else None,
        "interval": verdict.interval if verdict else None,
    }


@verb(
    'jumar note "depth hurts below 30 s; next: value residuals"',
    'jumar note --question "does depth pay once the learning rate is lower?"',
)
@click.argument("words", nargs=-1, required=True)
@of_a_study
@click.option("--question", is_flag=True, help="Leave a question open: briefs list it until it is answered.")
@click.option("--answers", type=click.IntRange(1), metavar="N", help="This answers open question N.")
def note(
    words: tuple[str, ...], folder: Path, study: str | None, question: bool, answers: int | None
) -> None:
    """Note something for yourself and for whoever proposes next: the latest notes stand in every brief."""
    if question and answers:
        raise Usage("a note either asks or answers", fix="leave out --question or --answers")
    live, _ = opened(folder, study)
    live.intake().note(" ".join(words), question=question, answers=answers or 0)
    render.say(f"noted in study {live.name}")
