"""Every form that results leave in: what it is called, where it goes by itself, what shows it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import msgspec

from jumar.errors import Usage
from jumar.exports.outgoing import Outgoing
from jumar.exports.sending import Sent, Tracker, send
from jumar.exports.table import as_csv, as_parquet
from jumar.reports.tsv import results_tsv


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One form. `place` is where it goes by itself; `look` the command that shows what is there."""

    place: str = ""
    look: str = ""
    tracker: str = ""  #: module and class of a tracker; empty for a table


FORMATS = {
    "tsv": Format(),
    "csv": Format(),
    "json": Format(),
    "parquet": Format(place="{study}.parquet"),
    "mlflow": Format(
        place="mlflow.db",
        look="mlflow ui --backend-store-uri {address}",
        tracker="mlflow_runs:MlflowTracker",
    ),
    "wandb": Format(
        place=".",
        look="wandb sync {place}/wandb/offline-run-*",
        tracker="wandb_offline:WandbTracker",
    ),
    "tensorboard": Format(
        place="runs",
        look="tensorboard --logdir {place}",
        tracker="tensorboard_events:TensorboardTracker",
    ),
    "trackio": Format(
        look="trackio show --project {target}",
        tracker="trackio_runs:TrackioTracker",
    ),
}


_AS_RECORDED = ("tsv", "json")  # nothing is taken out of these


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export left, where, and the command that shows it."""

    place: str
    written: int
    unchanged: int = 0
    look: str = ""


def as_text(study: Outgoing, form: str, *, runs: bool = False) -> str:
    """A table as text. Raises Usage for a form that is none."""
    _check(study, form, runs=runs)
    match form:
        case "tsv":
            return results_tsv(study.experiments, study.contract)
        case "csv":
            return as_csv(study, runs=runs)
        case "json":
            return msgspec.json.format(msgspec.json.encode(study.experiments), indent=2).decode() + "\n"
    raise Usage(f"{form} cannot be printed", fix=f"say where to: `jumar export {form} PLACE`")


def export(
    study: Outgoing,
    form: str,
    place: str = "",
    *,
    runs: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write the study to a place, replacing what was exported of it there before.

    Raises Usage for a form that there is not, and EnvironmentUnfit for a library that is not installed
    or a place that cannot be written.
    """
    if form not in FORMATS:
        raise Usage(f"there is no form `{form}`", fix=f"one of: {', '.join(FORMATS)}")
    _check(study, form, runs=runs)
    there = place or FORMATS[form].place.format(study=study.record.name.replace("/", "_"))
    if FORMATS[form].tracker:
        sent = send(study, _tracker(form, there, study), told)
        return _exported(study, form, there, sent)
    if not there:
        raise Usage(f"where shall the {form} go?", fix=f"jumar export {form} results.{form}")
    if form == "parquet":
        content = as_parquet(study, runs=runs)
    else:
        content = as_text(study, form, runs=runs).encode()
    _write(Path(there), content)
    count = sum(len(one.runs) for one in study.experiments) if runs else len(study.experiments)
    return Exported(place=there, written=count)


def _check(study: Outgoing, form: str, *, runs: bool) -> None:
    """Raise Usage for what a form cannot do, and for what must not leave."""
    if runs and form not in ("csv", "parquet"):
        raise Usage(f"--runs is for tables with a row for each run; {form} is none", fix="csv or parquet")
    if study.unhidden and form not in _AS_RECORDED:
        names = ", ".join(study.unhidden)
        raise Usage(
            f"runs were given {names}, and what is not set here cannot be found in their words and hidden",
            fix=f"set {names} as for the runs; empty, if there is nothing to hide",
        )


def _tracker(form: str, place: str, study: Outgoing) -> Tracker:
    module, _, name = FORMATS[form].tracker.partition(":")
    tracker: Tracker = getattr(import_module(f"jumar.exports.{module}"), name)(place, study)
    return tracker


def _exported(study: Outgoing, form: str, place: str, sent: Sent) -> Exported:
    address = place
    if form == "mlflow":
        from jumar.exports.mlflow_runs import address_of  # noqa: PLC0415  (it is loaded by now)

        address = address_of(place)
    said = {"place": place, "address": address, "target": study.contract.target.name}
    look = FORMATS[form].look.format(**{name: shlex.quote(word) for name, word in said.items()})
    if form == "trackio" and place:
        look = f"TRACKIO_DIR={shlex.quote(str(Path(place).absolute()))} {look}"
    return Exported(place=place, written=sent.written, unchanged=sent.unchanged, look=look)


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: a reader meanwhile sees the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
