"""Has the tuner turn the knobs of a code change that nearly won, so that it is judged at its best."""

from __future__ import annotations

from msgspec.structs import replace

from jumar.core.agent import Agent, Brief, Team
from jumar.core.proposal import Edit, Proposal
from jumar.core.workspace import Workspace
from jumar.rules.history import History
from jumar.rules.polish import to_polish


class Polishing:
    """An agent whose proposals are another's change with other knobs, on the champion as it is now.

    To the judge each is an experiment like any other, and pays for its place in the error budget.
    """

    repeats = False

    def __init__(self, polisher: Agent, trials: int, workspace: Workspace, history: History) -> None:
        self.name = polisher.name
        self._polisher, self._trials = polisher, trials
        self._workspace, self._history = workspace, history
        self._given_up: set[int] = set()  # for the champion's change is in the way, or no knob is left

    @property
    def number(self) -> int | None:
        """Of the experiment whose turn it is; None where none came near."""
        return to_polish(self._history, self._trials, self._given_up)

    def propose(self, brief: Brief) -> Proposal | None:
        """The change with knobs that were not tried; None where that cannot be."""
        number = self.number
        if number is None:
            return None
        proposal = self._tuned(number, brief)
        if proposal is None:
            self._given_up.add(number)
        return proposal

    def _tuned(self, number: int, brief: Brief) -> Proposal | None:
        change = self._history.experiments[number].experiment
        edits = self._workspace.merge(change.parent, brief.parent, change.commit)
        if not edits:
            return None
        files = _edited(dict(brief.files), edits)
        same = change.parent == brief.parent
        # Of another champion nothing with this change was measured yet; its knobs are still known.
        parent = change.commit if same else f"{brief.parent} with {change.commit}"
        tuned = self._polisher.propose(replace(brief, parent=parent, files=files))
        if tuned is None:
            return None
        both = {edit.path: edit for edit in (*edits, *tuned.edits)}
        return replace(
            tuned,
            hypothesis=f"Experiment {number}'s change, tuned: {tuned.hypothesis}",
            edits=tuple(both.values()),
            details={"polishes": number, "tuned": tuned.details.get("changed", {})},
        )


def polishing(team: Team | None, workspace: Workspace, history: History) -> Polishing | None:
    """Who polishes for a team, where somebody does."""
    if team is None or team.polisher is None or not team.polish:
        return None
    return Polishing(team.polisher, team.polish, workspace, history)


def _edited(files: dict[str, bytes], edits: tuple[Edit, ...]) -> dict[str, bytes]:
    for edit in edits:
        files.pop(edit.path, None)
        if edit.content is not None:
            files[edit.path] = edit.content
    return files
