"""Resolves what runs see outside their tree, and what they never see: environment, inputs, hidden data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from jumar.core.contract import Contract
from jumar.errors import TargetUnfit
from jumar.study.places import Surroundings


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """What the scorer alone may see. `tracked` lies in the commit, `beside` in the checkout only."""

    tracked: tuple[str, ...]
    beside: Mapping[str, Path]
    masked: tuple[Path, ...]  #: every place where it would be visible to a run


def look_around(
    contract: Contract,
    folder: Path,
    paths: frozenset[str],
    environ: Mapping[str, str],
    *,
    private: tuple[Path, ...] = (),
) -> Surroundings:
    """What runs are shown and not shown.

    `folder` is the target's folder in the user's checkout, `paths` what the pinned commit has.
    `private` are places that no run may see wherever they lie: a record that tells seeds to come,
    copies of the hidden data. They are masked, because a runtime that is shown whole may hold them
    (a virtual environment made in the target's own folder does).

    Raises TargetUnfit when something named does not exist, or would show what is hidden.
    """
    inputs: dict[str, Path] = {}
    readable: list[Path] = []
    for entry in contract.run.inputs:
        place = Path(os.path.expanduser(entry))
        real = place if place.is_absolute() else folder / place
        if not real.exists():
            raise TargetUnfit(
                f"[run] inputs: {entry} does not exist ({real})",
                fix="make it, or take it out of the contract",
            )
        if trouble := _shows_too_much(real.resolve(), folder.resolve(), private):
            raise TargetUnfit(
                f"[run] inputs: {entry} {trouble}",
                fix="name the folders and files that runs need, one by one",
            )
        if place.is_absolute():
            readable.append(real)
        else:
            inputs[place.as_posix()] = real
    hidden = find_hidden(contract, folder, paths)
    return Surroundings(
        env=_environment(contract.run.env, environ),
        inputs=inputs,
        readable=tuple(readable),
        masked=(*hidden.masked, *private),
        without=hidden.tracked,
    )


def _shows_too_much(real: Path, folder: Path, private: tuple[Path, ...]) -> str:
    """Why an input may not be shown to runs; empty when it may."""
    home = Path(os.path.expanduser("~")).resolve()
    if folder.is_relative_to(real):
        return f"contains the target itself ({folder}), with all that is hidden from runs"
    if home.is_relative_to(real):
        return f"contains your whole home folder ({home})"
    if place := next((place for place in private if real.is_relative_to(place.resolve())), None):
        return f"lies in {place}, which no run may see"
    return ""


def find_hidden(contract: Contract, folder: Path, paths: frozenset[str]) -> Hidden:
    """Where the hidden data lies. Raises TargetUnfit when it is nowhere."""
    tracked: list[str] = []
    beside: dict[str, Path] = {}
    masked: list[Path] = []
    for entry in contract.measure.hidden:
        if entry.startswith("@"):
            masked += _listed(folder / entry[1:])
            continue
        real = folder / entry
        if entry in paths or any(path.startswith(f"{entry.rstrip('/')}/") for path in paths):
            tracked.append(entry)
        elif real.exists():
            beside[Path(entry).as_posix()] = real
        else:
            raise TargetUnfit(
                f"[measure] hidden: {entry} does not exist ({real})",
                fix="make it (a target's prepare.py usually does), or take it out of the contract",
            )
        masked.append(real)
    return Hidden(tracked=tuple(tracked), beside=beside, masked=tuple(masked))


def _listed(listing: Path) -> list[Path]:
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TargetUnfit(
            f"[measure] hidden: cannot read the list {listing} ({error.strerror})",
            fix="make it (a target's prepare.py usually does), or take it out of the contract",
        ) from error
    return [Path(line) for line in lines if line.strip() and os.path.lexists(line)]


def _environment(names: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    env = {"PATH": environ.get("PATH", os.defpath)}
    for entry in names:
        name, sets, value = entry.partition("=")
        if sets:
            env[name] = value
        elif name in environ:
            env[name] = environ[name]
    return env
