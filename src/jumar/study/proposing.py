"""From an agent's idea to an experiment in the ledger, or to a refusal with its reason."""

from __future__ import annotations

import math
from itertools import chain

import msgspec
from msgspec.structs import replace

from jumar.core.agent import Researcher
from jumar.core.event import Judged, Noticed, Proposed
from jumar.core.experiment import BASELINE, Experiment
from jumar.core.proposal import Cost, Edit, Proposal
from jumar.core.verdict import Decision, Verdict
from jumar.errors import AgentFailed, Breach
from jumar.rules.brief_text import brief_text
from jumar.rules.duplicates import fingerprint, parses
from jumar.rules.growth import check_growth
from jumar.rules.recollection import Recollection
from jumar.rules.scope import check_scope
from jumar.rules.simpler import saved_nodes
from jumar.rules.touched import touched
from jumar.study.archive import StudyArchive
from jumar.study.brief import Briefing
from jumar.study.desk import StudyDesk
from jumar.study.parts import Parts
from jumar.study.recorder import Recorder

# An agent that is refused this often in a row has its proposal recorded as invalid.
MOST_REFUSALS = 3
# An agent whose trouble may pass is asked so often before the study rests; it has waited itself.
MOST_FAILURES = 3


class Proposer:
    """Asks the agent and checks what it hands over; nothing reaches a sandbox unchecked."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._briefing = Briefing(parts.name, parts.contract, parts.workspace, parts.protected)
        self._recollection = Recollection()
        self._first_files: dict[str, bytes] | None = None

    def propose(self) -> int | None:
        """Number of the next experiment, judged already if it is invalid; None when ideas ran out.

        Raises AgentFailed when the agent cannot go on.
        """
        number, agent = len(self._recorder.history.experiments), self._parts.agent
        refusals: tuple[str, ...] = ()
        while True:
            proposal = None
            try:
                proposal = self._ask(refusals)
                if proposal is None:
                    return None
                self.enter(number, proposal)
            except Breach as breach:
                refusals = (*refusals, f"{breach.problem} ({breach.fix})")
                # An agent that answers at once would answer the same to words that it does not read.
                hopeless = proposal is None and not isinstance(agent, Researcher)
                if hopeless or len(refusals) >= MOST_REFUSALS:
                    self._refuse(number, proposal or _nothing(agent.name, breach), breach)
                    return number
            else:
                return number

    def _ask(self, refusals: tuple[str, ...]) -> Proposal | None:
        agent, parts = self._parts.agent, self._parts
        brief = self._briefing.write(self._recorder.history, parts.program, refusals=refusals)
        if not isinstance(agent, Researcher):
            return agent.propose(brief)
        veil, knobs = self._briefing.veil(self._recorder.history), parts.knobs(brief)
        places = (parts.workspace, parts.artefacts)
        archive = StudyArchive(brief, veil, places, knobs, self._recollection.read(brief.history))
        text = brief_text(brief, self._recollection, knobs)
        failures = 0
        while True:
            answers = tuple(chain.from_iterable(self._recorder.history.answers.values()))
            desk = StudyDesk(parts.name, text, archive, answers, (parts.ledger, parts.artefacts))
            try:
                return agent.research(brief, desk)
            except AgentFailed as failed:
                failures += 1
                if not failed.passing or failures == MOST_FAILURES:
                    raise
                self._recorder.note(Noticed(words=f"{agent.name} is asked again: {failed.problem}"))
                self._recorder.commit()
            finally:
                self._recorder.listen()

    def tree_of(self, commit: str) -> str:
        """The identity of a commit's editable files, for the check against duplicates."""
        return fingerprint(self._briefing.editable_files(commit))

    def enter(self, number: int, proposal: Proposal, *, repeats: bool = False) -> None:
        """Check a proposal and enter it into the ledger as an experiment. Raises Breach.

        `repeats` allows code that was run before: a re-test on another champion.
        """
        parts, history = self._parts, self._recorder.history
        parent = history.champion_commit
        proposal, answered_usd = self._with_answers(proposal)
        paid = proposal.cost.usd > 0 or proposal.cost.tokens > 0
        edits = self._keep(proposal) if paid else ""
        check_scope(
            proposal.edits, self._briefing.tree(parent), parts.contract.target.editable, parts.protected
        )
        before = self._briefing.editable_files(parent)
        files = dict(before)
        for edit in proposal.edits:
            _check_parses(edit)
            files.pop(edit.path, None)
            if edit.content is not None:
                files[edit.path] = edit.content
        check_growth(files, self._first())
        tree = fingerprint(files)
        if not (repeats or parts.agent.repeats):
            self._check_unknown(tree)
        committed = parts.workspace.commit(
            parent,
            proposal.edits,
            message=_message(proposal, number, parts.name),
            ref=f"refs/jumar/{parts.name}/{number}",
        )
        experiment = _experiment(number, parent, committed.sha, tree, proposal, edits)
        saved = saved_nodes(before, proposal.edits) if parts.contract.measure.simpler else 0
        experiment = replace(experiment, touched=touched(before, proposal.edits), saved=saved)
        self._recorder.note(Proposed(experiment=experiment, answered_usd=answered_usd))
        if paid:
            self._recorder.commit()

    def _with_answers(self, proposal: Proposal) -> tuple[Proposal, float]:
        """The proposal with what its agent's answers cost, and how much of that is counted already."""
        answers = (
            () if "retest_of" in proposal.details else self._recorder.history.answers.get(proposal.agent, ())
        )
        usd = sum(answered.usage.usd for answered in answers)
        cost = Cost(
            usd=proposal.cost.usd + usd,
            tokens=proposal.cost.tokens + sum(answered.usage.tokens for answered in answers),
            seconds=proposal.cost.seconds + sum(answered.usage.seconds for answered in answers),
        )
        return replace(proposal, cost=cost), usd

    def _first(self) -> dict[str, bytes]:
        """The editable files of the unchanged target."""
        if self._first_files is None:
            commit = self._recorder.history.experiments[BASELINE].experiment.commit
            self._first_files = dict(self._briefing.editable_files(commit))
        return self._first_files

    def _check_unknown(self, tree: str) -> None:
        history = self._recorder.history
        if (earlier := history.trees.get(tree)) is None:
            return
        record = self._briefing.veil(history).record(history.experiments[earlier])
        if earlier == history.champion:
            came = "the champion: nothing was changed"
        elif record.verdict:
            came = f"which was {record.verdict.decision.value}: {record.verdict.reason}"
        else:
            came = "which is being run"
        raise Breach(
            f"the code is the same as in experiment {earlier}, {came}",
            fix="propose something that was not tried",
            code="duplicate",
        )

    def _refuse(self, number: int, proposal: Proposal, breach: Breach) -> None:
        proposal, answered_usd = self._with_answers(proposal)
        parent = self._recorder.history.champion_commit
        experiment = _experiment(number, parent, parent, "", proposal, self._keep(proposal))
        verdict = Verdict(decision=Decision.INVALID, reason=breach.problem, code=breach.code)
        self._recorder.note(
            Proposed(experiment=experiment, answered_usd=answered_usd),
            Judged(experiment=number, verdict=verdict),
        )
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
