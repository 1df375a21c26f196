"""What an agent is told: built afresh for every proposal, from the history and the parent's files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from jumar.core.agent import Brief
from jumar.core.contract import Contract
from jumar.core.desk import Question
from jumar.core.experiment import BASELINE
from jumar.core.workspace import TreeFile, Workspace
from jumar.rules.evidence import baseline_noise, noise_of, standing
from jumar.rules.history import History
from jumar.rules.scale import sd_in_unit
from jumar.rules.scope import matches
from jumar.rules.seeds import chance_for
from jumar.rules.snapshot import Snapshot
from jumar.rules.veil import Veil

MOST_WORDS = 100  #: of messages, notes, questions and holds: the latest; far more than a brief has room for


class Briefing:
    """Writes briefs. Reads the champion's files once per champion, and veils each record once."""

    def __init__(
        self,
        study: str,
        contract: Contract,
        workspace: Workspace,
        protected: tuple[str, ...],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._study, self._contract, self._now = study, contract, now
        self._workspace, self._protected = workspace, protected
        self._commit = ""
        self._tree: Mapping[str, TreeFile] = {}
        self._files: dict[str, bytes] = {}
        self._veil: Veil | None = None
        self._told: History | None = None
        self._seen = 0  # changes of its experiments
        self._shown = Snapshot()  # as agents see them

    def write(
        self, history: History, program: str, question: Question | None = None, *, key: str = ""
    ) -> Brief:
        """The brief that puts this question, or the next one about the champion.

        `key` is under which whoever is told has taken up the thought.
        """
        question = question or Question(number=len(history.experiments), parent=history.champion_commit)
        parent, number, refusals = question.parent, question.number, question.refusals
        shown = parent if question.view is None else history.experiments[question.view].experiment.parent
        noise, value = noise_of(history), standing(history, shown).value
        secret, now = history.terms.secret if history.terms else "", self._now()
        community = history.community
        return Brief(
            study=self._study,
            number=number,
            contract=self._contract,
            program=program,
            parent=parent,
            files=self.editable_files(parent),
            value=self.veil(history).value(value),
            noise=sd_in_unit(noise.run_sd, value, noise),
            history=self.history(history),
            chance=chance_for(secret, number, len(refusals), question.strand),
            refusals=refusals,
            strand=question.strand,
            messages=tuple(history.messages[-MOST_WORDS:]),
            notes=tuple(community.notes[-MOST_WORDS:]),
            view=question.view,
            at=now,
            in_hand=tuple(community.held(now, without=key)[-MOST_WORDS:]),
            puzzles=tuple(community.puzzles.values())[-MOST_WORDS:],
            hearsay=tuple(history.elsewhere.untried()[:MOST_WORDS]),
        )

    def now(self, brief: Brief, history: History) -> Brief:
        """The same brief with the study as it stands by now."""
        return replace(brief, history=self.history(history))

    def veil(self, history: History) -> Veil:
        """What agents see of scores. Raises NotMeasurable before the baseline has given a noise."""
        if self._veil is None:
            base = history.experiments[BASELINE].experiment.commit
            noise, level = baseline_noise(history), standing(history, base).value
            self._veil = Veil(self._contract.measure, noise, level)
        return self._veil

    def history(self, history: History) -> Snapshot:
        """Every experiment as agents see it; only what changed since the last brief is looked at."""
        if history is not self._told:
            self._told, self._seen, self._shown = history, 0, Snapshot()
        experiments, veil = history.experiments, self.veil(history)
        numbers = dict.fromkeys(experiments.changes[self._seen :])  # most change several times
        changed = {number: veil.record(experiments[number]) for number in numbers}
        self._seen = len(experiments.changes)
        self._shown = self._shown.with_(changed) if changed else self._shown
        return self._shown

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
        globs, workspace = self._contract.target.editable, self._workspace
        self._tree = workspace.files(commit)
        may_change = [
            path for path in self._tree if matches(path, globs) and not matches(path, self._protected)
        ]
        found = {path: workspace.read(commit, path) for path in may_change}
        self._files = {path: content for path, content in found.items() if content is not None}
        self._commit = commit
