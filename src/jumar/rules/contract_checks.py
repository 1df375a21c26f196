"""Owns what must agree between the keys of a contract, each of which is well on its own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from jumar.core.contract import Contract
from jumar.rules.checks import script
from jumar.rules.scope import matches

FILE = "jumar.toml"  #: what a contract is called, beside the target that it is for


class Complaint(NamedTuple):
    """What does not agree, where, and what to do about it."""

    path: tuple[str, ...]
    problem: str
    fix: str


def complaint(contract: Contract) -> Complaint | None:
    """The first disagreement within a contract, or None."""
    return _editable_judge(contract) or _without_scorer(contract) or _shown_and_hidden(contract)


def protected(contract: Contract) -> Iterator[tuple[str, str]]:
    """What decides over a candidate and may therefore not be editable: (path, what it is)."""
    measure = contract.measure
    yield FILE, "the contract"
    yield contract.target.program, "the program"
    for command, what in ((measure.score, "the scorer"), (measure.serve, "the scorer's server")):
        yield from ((path, what) for path in _files(command))
    for command in measure.checks:
        # Modules and tests that a check names are protected as well; whether there are any is not known here.
        if path := script(command):
            yield path, "a check"
    yield from ((path, "hidden from runs") for path in measure.hidden)


def _files(command: tuple[str, ...]) -> Iterator[str]:
    """Whatever in a command may name a file below the target's folder."""
    for before, word in zip(("", *command), command, strict=False):
        if before == "-m":
            yield f"{word.replace('.', '/')}.py"
            yield f"{word.replace('.', '/')}/__main__.py"
        elif (before or "/" in word) and (path := word.rpartition("=")[2]) and not path.startswith("-"):
            yield posixpath.normpath(path)


def _editable_judge(contract: Contract) -> Complaint | None:
    editable = contract.target.editable
    for path, what in protected(contract):
        inside = [glob for glob in editable if glob.startswith(f"{path}/")]
        if matches(path, editable) or inside:
            glob = next(glob for glob in (*editable, *inside) if matches(path, [glob]) or glob in inside)
            return Complaint(
                ("target", "editable"),
                f'[target] editable has "{glob}", which matches {path} ({what})',
                f'name what may change more narrowly, or add "!{path}"; what judges a change stays out',
            )
    return None


def _without_scorer(contract: Contract) -> Complaint | None:
    measure = contract.measure
    for name, value in (("serve", measure.serve), ("hidden", measure.hidden)):
        if value and not measure.score:
            return Complaint(
                ("measure", name),
                f"[measure] {name} is given, but there is no `score` that it is for",
                f"give the scorer's command as `score`, or take `{name}` out",
            )
    return None


def _shown_and_hidden(contract: Contract) -> Complaint | None:
    for terms in contract.scales.values():
        for shown in terms.inputs:
            for hidden in contract.measure.hidden:
                if shown == hidden or shown.startswith(f"{hidden}/"):
                    return Complaint(
                        ("run", "inputs"),
                        f'[run] inputs shows "{shown}" to runs, and [measure] hidden hides "{hidden}"',
                        "take it out of one of the two",
                    )
    return None
