"""What an agent is told: built afresh for every proposal, from the history and the parent's files."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from jumar.core.agent import Brief
from jumar.core.experiment import ExperimentRecord
from jumar.core.run import Purpose
from jumar.core.workspace import TreeFile
from jumar.rules.evidence import noise_of, standing
from jumar.rules.history import History
from jumar.rules.scale import sd_in_unit
from jumar.rules.scope import matches
from jumar.rules.seeds import chance_for
from jumar.study.parts import Parts


class Briefing:
    """Writes briefs. Reads the champion's files once per champion."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._commit = ""
        self._tree: Mapping[str, TreeFile] = {}
        self._files: dict[str, bytes] = {}

    def write(self, number: int, history: History, refusals: tuple[str, ...]) -> Brief:
        """The brief for proposal `number`; `refusals` says why earlier attempts were refused."""
        parts, parent = self._parts, history.champion_commit
        noise, value = noise_of(history), standing(history, parent).value
        return Brief(
            study=parts.name,
            number=number,
            contract=parts.contract,
            program=parts.program,
            parent=parent,
            files=self.editable_files(parent),
            value=value,
            noise=sd_in_unit(noise.run_sd, value, noise),
            history=_unclaimed(history),
            chance=chance_for(parts.terms.secret, number, len(refusals)),
            refusals=refusals,
            messages=tuple(history.messages),
        )

    def tree(self, commit: str) -> Mapping[str, TreeFile]:
        """Every path of a commit's target folder."""
        self._read(commit)
        return self._tree

    def editable_files(self, commit: str) -> dict[str, bytes]:
        """Path → bytes of every file of a commit that the contract lets agents change."""
        self._read(commit)
        return self._files

    def _read(self, commit: str) -> None:
        if commit == self._commit:
            return
        parts, globs = self._parts, self._parts.contract.target.editable
        self._tree = parts.workspace.files(commit)
        may_change = [
            path for path in self._tree if matches(path, globs) and not matches(path, parts.protected)
        ]
        found = {path: parts.workspace.read(commit, path) for path in may_change}
        self._files = {path: content for path, content in found.items() if content is not None}
        self._commit = commit


def _unclaimed(history: History) -> tuple[ExperimentRecord, ...]:
    """Every experiment without its certifying runs: they saw the holdout, and the search may go on."""
    records = dict(history.experiments)
    for number in history.kept:
        record = records[number]
        runs = tuple(run for run in record.runs if run.run.purpose is not Purpose.CERTIFY)
        records[number] = replace(record, runs=runs)
    return tuple(records.values())
