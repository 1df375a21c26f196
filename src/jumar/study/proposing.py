"""From an agent's idea to an experiment in the ledger, or to a refusal with its reason."""

from __future__ import annotations

import math

import msgspec

from jumar.core.event import Judged, Proposed
from jumar.core.experiment import BASELINE, Experiment
from jumar.core.proposal import Cost, Edit, Proposal
from jumar.core.verdict import Decision, Verdict
from jumar.errors import Breach
from jumar.rules.duplicates import fingerprint, parses
from jumar.rules.growth import check_growth
from jumar.rules.scope import check_scope
from jumar.study.brief import Briefing
from jumar.study.parts import Parts
from jumar.study.recorder import Recorder

# An agent that is refused this often in a row has its proposal recorded as invalid.
MOST_REFUSALS = 3


class Proposer:
    """Asks the agent and checks what it hands over; nothing reaches a sandbox unchecked."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._briefing = Briefing(parts)
        self._first_files: dict[str, bytes] | None = None

    def propose(self) -> int | None:
        """Number of the next experiment, judged already if it is invalid; None when ideas ran out."""
        history = self._recorder.history
        number = len(history.experiments)
        refusals: tuple[str, ...] = ()
        while True:
            brief = self._briefing.write(number, history, refusals)
            try:
                proposal = self._parts.agent.propose(brief)
            except Breach as breach:  # the idea itself could not be expressed (a patch that does not apply)
                self._refuse(number, _nothing(self._parts.agent.name, breach), breach)
                return number
            if proposal is None:
                return None
            try:
                self.enter(number, proposal)
            except Breach as breach:
                refusals = (*refusals, breach.problem)
                if len(refusals) >= MOST_REFUSALS:
                    self._refuse(number, proposal, breach)
                    return number
            else:
                return number

    def tree_of(self, commit: str) -> str:
        """The identity of a commit's editable files, for the check against duplicates."""
        return fingerprint(self._briefing.editable_files(commit))

    def enter(self, number: int, proposal: Proposal, *, repeats: bool = False) -> None:
        """Check a proposal and enter it into the ledger as an experiment. Raises Breach.

        `repeats` allows code that was run before: a re-test on another champion.
        """
        parts, history = self._parts, self._recorder.history
        parent = history.champion_commit
        paid = proposal.cost.usd > 0 or proposal.cost.tokens > 0
        edits = self._keep(proposal) if paid else ""
        check_scope(
            proposal.edits, self._briefing.tree(parent), parts.contract.target.editable, parts.protected
        )
        files = dict(self._briefing.editable_files(parent))
        for edit in proposal.edits:
            _check_parses(edit)
            files.pop(edit.path, None)
            if edit.content is not None:
                files[edit.path] = edit.content
        check_growth(files, self._first())
        tree = fingerprint(files)
        if not (repeats or parts.agent.repeats):
            self._check_new(tree)
        committed = parts.workspace.commit(
            parent,
            proposal.edits,
            message=_message(proposal, number, parts.name),
            ref=f"refs/jumar/{parts.name}/{number}",
        )
        self._recorder.note(
            Proposed(experiment=_experiment(number, parent, committed.sha, tree, proposal, edits))
        )
        if paid:
            self._recorder.commit()

    def _first(self) -> dict[str, bytes]:
        """The editable files of the unchanged target."""
        if self._first_files is None:
            commit = self._recorder.history.experiments[BASELINE].experiment.commit
            self._first_files = dict(self._briefing.editable_files(commit))
        return self._first_files

    def _check_new(self, tree: str) -> None:
        history = self._recorder.history
        if (earlier := history.trees.get(tree)) is None:
            return
        record = history.experiments[earlier]
        came = f"which was {record.verdict.decision.value}" if record.verdict else "which is being run"
        raise Breach(
            f"the code is the same as in experiment {earlier}, {came}",
            fix="propose something that was not tried",
            code="duplicate",
        )

    def _refuse(self, number: int, proposal: Proposal, breach: Breach) -> None:
        parent = self._recorder.history.champion_commit
        experiment = _experiment(number, parent, parent, "", proposal, self._keep(proposal))
        verdict = Verdict(decision=Decision.INVALID, reason=breach.problem, code=breach.code)
        self._recorder.note(Proposed(experiment=experiment), Judged(experiment=number, verdict=verdict))
        self._recorder.commit()

    def _keep(self, proposal: Proposal) -> str:
        return self._parts.artefacts.put(_encoded(proposal))


def _encoded(proposal: Proposal) -> bytes:
    try:
        return msgspec.json.encode(proposal)
    except UnicodeEncodeError:  # a path or a word that is no valid Unicode; bytes are said with escapes
        return ascii(msgspec.to_builtins(proposal)).encode()


def _message(proposal: Proposal, number: int, study: str) -> str:
    # What an agent wrote is text: git takes no NUL, and terminals obey other control characters.
    hypothesis = "".join(c if c.isprintable() or c == "\n" else " " for c in proposal.hypothesis)
    return f"{hypothesis}\n\nExperiment {number} of {study}, by {proposal.agent}\n"


def _check_parses(edit: Edit) -> None:
    if edit.content is not None and (wrong := parses(edit.path, edit.content)):
        raise Breach(wrong, fix="mend the syntax", code="does-not-parse")


def _nothing(agent: str, breach: Breach) -> Proposal:
    return Proposal(hypothesis=breach.problem, edits=(), agent=agent, cost=Cost())


def _experiment(
    number: int, parent: str, commit: str, tree: str, proposal: Proposal, edits: str
) -> Experiment:
    predicted = proposal.predicted
    return Experiment(
        number=number,
        parent=parent,
        commit=commit,
        tree=tree,
        hypothesis=proposal.hypothesis,
        agent=proposal.agent,
        predicted=predicted if predicted is not None and math.isfinite(predicted) else None,
        details=proposal.details,
        cost=proposal.cost,
        edits=edits,
    )
