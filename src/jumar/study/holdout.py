"""Looks into the hidden data before anything runs: what is empty, there twice, or shown to runs as well."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, islice
from pathlib import Path

from jumar.core.contract import Contract
from jumar.errors import TargetUnfit
from jumar.study.places import Surroundings

MOST_FILES = 100_000  #: of inputs are compared; a walk past that would cost more than it finds
LEAST_BYTES = 16  #: a shorter file is the same as another by chance
_PART_BYTES = 1 << 20


def inspect_hidden(
    contract: Contract, folder: Path, paths: Iterable[str], around: Surroundings
) -> tuple[str, ...]:
    """What a reader of the record has to know of the hidden data; usually nothing.

    `folder` is the target's folder in the user's checkout, `paths` what the pinned commit has, and
    `around` what runs are shown beside it. Files are the same when their bytes are; an edited copy is
    not found. Raises TargetUnfit when hidden data is empty, or runs are shown the same elsewhere.
    """
    entries = [entry for entry in contract.measure.hidden if not entry.startswith("@")]
    places = [folder / entry for entry in entries]
    hidden: dict[Path, int] = {}
    for entry, place in zip(entries, places, strict=True):
        found = {path: path.stat().st_size for path in _files(place)}
        if place.exists() and not any(found.values()):
            raise TargetUnfit(
                f"[measure] hidden: {entry} is empty",
                fix="make it (a target's prepare.py usually does), or take it out of the contract",
            )
        hidden |= found
    inputs = (*around.inputs.values(), *around.readable)
    shown = [folder / path for path in paths] + [file for place in inputs for file in _files(place)]
    _refuse_shown(hidden, [path for path in shown if not any(map(path.is_relative_to, places))], folder)
    words = [f"hidden data: {_name(path, folder)} is empty" for path, size in hidden.items() if not size]
    for (one, size), (other, also) in combinations(hidden.items(), 2):
        if size == also >= LEAST_BYTES and _same(one, other):
            words.append(
                f"hidden data: {_name(one, folder)} and {_name(other, folder)} are the same; if one is the "
                "holdout of the other, a claim rests on what the search was measured with"
            )
    return tuple(words)


def _refuse_shown(hidden: Mapping[Path, int], shown: Iterable[Path], folder: Path) -> None:
    by_size: dict[int, list[Path]] = {}
    for path, size in hidden.items():
        by_size.setdefault(size, []).append(path)
    for path in shown:
        size = path.stat().st_size if path.is_file() and not path.is_symlink() else 0
        for secret in by_size.get(size, ()) if size >= LEAST_BYTES else ():
            if _same(path, secret):
                raise TargetUnfit(
                    f"[measure] hidden: {_name(secret, folder)} is the same as {_name(path, folder)}, which "
                    "every run can read",
                    fix="hide that too, or take it out of the commit and of [run] inputs",
                )


def _files(place: Path) -> Iterator[Path]:
    """The files at or below a place, but for links and what stands for an empty folder."""
    if place.is_file():
        yield place
        return
    below = (Path(top, name) for top, _, names in os.walk(place) for name in names)
    for path in islice(below, MOST_FILES):
        if path.is_file() and not path.is_symlink() and path.name[0] != "." and path.name != "__init__.py":
            yield path


def _same(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while (part := first.read(_PART_BYTES)) == second.read(_PART_BYTES):
            if not part:
                return True
        return False


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
