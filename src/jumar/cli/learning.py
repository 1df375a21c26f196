"""Owns the verbs that tell what agents are told: brief, tried, knobs, lessons."""

from __future__ import annotations

from pathlib import Path
from posixpath import normpath

import click

from jumar.cli import render
from jumar.cli.readers import opened
from jumar.cli.verb import Whole, json_option, of_a_study, verb
from jumar.core.proposal import Edit
from jumar.errors import Usage
from jumar.reports.words import percent, plural
from jumar.rules.duplicates import fingerprint
from jumar.rules.lessons import calibrations
from jumar.rules.lessons import lessons as learned_from
from jumar.rules.plain import plain, short
from jumar.rules.tokens import tokens
from jumar.rules.touched import touched
from jumar.rules.tried import search
from jumar.study.reading import Reading

LAST = 20


@verb("jumar brief", "jumar brief --json | jq .tokens")
@of_a_study
@json_option
def brief(folder: Path, study: str | None, as_json: bool) -> None:
    """Print the brief: what an agent would be told now, in Markdown."""
    live, _ = opened(folder, study)
    reading = live.reading()
    if as_json:
        told, contract = reading.brief, reading.brief.contract
        return render.data(
            {
                "study": told.study,
                "number": told.number,
                "parent": told.parent,
                "champion": told.value,
                "noise": told.noise,
                "tokens": tokens(reading.text),
                "most_tokens": contract.limits.brief_tokens,
                "tools": reading.archive.tools,
                "text": reading.text,
            }
        )
    render.raw(plain(reading.text, lines=True))


@verb('jumar tried "learning rate warm-up"', "jumar tried train.py")
@click.argument("what", nargs=-1, required=True, metavar="WORDS|FILE")
@of_a_study
@json_option
def tried(what: tuple[str, ...], folder: Path, study: str | None, as_json: bool) -> None:
    """Say what was tried already.

    With words, or names such as train.py:LR, what touched them and what came of it. With the path of an
    editable file as you have it now, whether that very code was tried, and what was tried on the same places.
    """
    live, _ = opened(folder, study)
    reading, words, repeats = live.reading(), " ".join(what), None
    if (path := normpath(words)) in reading.brief.files:
        repeats, words = _as_it_is(reading, live.folder, path), _places(reading, live.folder, path)
    groups, records = search(words, reading.recollection, reading.brief.history)
    if as_json:
        ends = [
            {"name": name, "tried": each.numbers, "kept": each.kept, "ends": each.ends}
            for name, each in groups
        ]
        return render.data({"repeats": repeats, "names": ends, "experiments": records})
    if repeats is not None:
        render.say(f"this code is that of experiment {repeats}: see `jumar show {repeats}`", "")
    render.raw(plain(reading.archive.ask("tried", {"words": words}), lines=True) + "\n")


def _as_it_is(reading: Reading, folder: Path, path: str) -> int | None:
    """The experiment whose code the champion's files are with the work tree's version of one of them."""
    files = {**reading.brief.files, path: _content(folder, path)}
    tree = fingerprint(files)
    same = (record.number for record in reading.brief.history if record.experiment.tree == tree)
    return next(same, None)


def _places(reading: Reading, folder: Path, path: str) -> str:
    """What the work tree's version of a file changes of the champion's, by name."""
    names = touched(reading.brief.files, [Edit(path=path, content=_content(folder, path))])
    return " ".join(names) or path


def _content(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise Usage(
            f"{path} cannot be read: {error.strerror}", fix="name an editable file of the target"
        ) from error


@verb("jumar knobs", "jumar knobs --json")
@of_a_study
@json_option
def knobs(folder: Path, study: str | None, as_json: bool) -> None:
    """List the knobs of the champion: value, range, and what turning each alone gave."""
    live, _ = opened(folder, study)
    reading = live.reading()
    if as_json:
        return render.data(
            [{"name": knob.name, "value": knob.value, "range": knob.range, **_turns(reading, knob.name)}
             for knob in reading.knobs]
        )  # fmt: skip
    render.raw(plain(reading.archive.ask("knobs", {}), lines=True) + "\n")


def _turns(reading: Reading, name: str) -> dict[str, object]:
    attempts = reading.recollection.attempts.get(name)
    if attempts is None:
        return {"tried": 0}
    return {"tried": attempts.numbers, "kept": attempts.kept, "ends": attempts.ends, "gains": attempts.turns}


@verb("jumar lessons", "jumar lessons --all --json")
@of_a_study
@click.option("--last", type=Whole(1), default=LAST, show_default=True, help="How many.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@json_option
def lessons(folder: Path, study: str | None, last: int, everything: bool, as_json: bool) -> None:
    """Say what the study learned: per experiment the predicted and the measured gain, and a lesson.

    A lesson is the agent's own where it gave one, and follows from the verdict where it did not.
    """
    live, _ = opened(folder, study)
    reading = live.reading()
    learned = learned_from(reading.recollection, reading.brief.history, reading.brief.contract.measure.metric)
    shown = learned if everything else learned[-last:]
    predictions = calibrations(live.experiments(), reading.brief.contract.measure.metric)
    if as_json:
        return render.data({"lessons": shown, "predictions": predictions})
    if not learned:
        render.say("no lessons yet: no experiment was judged but the unchanged target")
    for one in shown:
        gains = ((one.predicted, "predicted"), (one.measured, "measured, uncertified"))
        told = [f"{percent(share, signed=True)} {how}" for share, how in gains if share is not None]
        by = "" if one.said_by_agent else " (by rule)"
        render.say(f"{one.experiment} {one.decision.value}: {short(one.hypothesis, 80)}")
        render.say("    " + "; ".join([*told, f"{short(one.lesson, 300)}{by}"]))
    for each in predictions:
        right = f"{each.right_direction} of {plural(each.compared, 'prediction')} in the right direction"
        medians = f"{percent(each.median_predicted, signed=True)} predicted in the median, "
        medians += f"{percent(each.median_measured, signed=True)} measured, uncertified"
        render.say("", f"{short(each.agent, 40)}: {right}; {medians}")
