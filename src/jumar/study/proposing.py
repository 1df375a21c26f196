"""From an agent's idea to an experiment in the ledger, or to a refusal with its reason."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from jumar.core.event import Judged, Proposed, Rebased
from jumar.core.experiment import Experiment
from jumar.core.proposal import MOST_PREDICTED, Cost, Edit, Proposal
from jumar.core.verdict import Decision, Verdict
from jumar.core.workspace import Committed
from jumar.errors import Breach
from jumar.rules.duplicates import fingerprint
from jumar.rules.selection import STARTS_FROM
from jumar.rules.simpler import saved_nodes
from jumar.rules.touched import touched
from jumar.study.admission import Admission, Admitted
from jumar.study.brief import Briefing
from jumar.study.handed import handed_in, is_from_outside, is_gone
from jumar.study.parts import Parts
from jumar.study.recorder import Recorder


class Proposer:
    """Checks what agents hand over; nothing reaches a sandbox unchecked."""

    def __init__(self, parts: Parts, recorder: Recorder, briefing: Briefing) -> None:
        self._parts = parts
        self._recorder = recorder
        self._briefing = briefing
        self._admission = Admission(briefing, parts.contract, parts.protected)

    def tree_of(self, commit: str) -> str:
        """The identity of a commit's editable files, for the check against duplicates."""
        return fingerprint(self._briefing.editable_files(commit))

    def enter(
        self,
        number: int,
        proposal: Proposal,
        *,
        repeats: bool = False,
        waited_s: float = 0.0,
        strand: int = 0,
    ) -> None:
        """Check a proposal and enter it into the ledger as an experiment. Raises Breach.

        `repeats` allows code that was run before: a re-test on another champion. `waited_s` is how long
        the machine waited for it, and `strand` where its agent thought about it.
        """
        history = self._recorder.history
        parent = history.champion_commit
        if is_gone(proposal, history):
            raise Breach("it was withdrawn while its turn came", fix="propose it anew", code="overtaken")
        if proposal.parent not in ("", parent):
            proposal = self._joined(number, proposal)
        proposal, answered_usd = self._with_answers(proposal, waited_s, strand)
        paid = proposal.cost.usd > 0 or proposal.cost.tokens > 0
        edits = self._keep(proposal) if paid else ""
        admitted = self._admission.check(proposal.edits, parent, history, repeats=repeats)
        experiment = self._experiment(number, proposal, admitted, edits)
        self._recorder.note(Proposed(experiment=experiment, answered_usd=answered_usd, strand=strand))
        if paid:
            self._recorder.commit()

    def _experiment(self, number: int, proposal: Proposal, admitted: Admitted, edits: str) -> Experiment:
        """The experiment that a proposal becomes on the champion, and its commit."""
        terms, parent = self._parts.contract, self._recorder.history.champion_commit
        committed = self._commit(number, proposal, parent)
        details = self._parts.with_knobs(proposal.details, admitted.before, admitted.after, terms.run.command)
        proposal = replace(proposal, details=details)
        experiment = _experiment(number, parent, committed.sha, admitted.tree, proposal, edits)
        saved = saved_nodes(admitted.before, proposal.edits) if terms.measure.simpler else 0
        return replace(experiment, touched=touched(admitted.before, proposal.edits), saved=saved)

    def _commit(self, number: int, proposal: Proposal, parent: str) -> Committed:
        name = self._parts.name
        words, ref = _message(proposal, number, name), f"refs/jumar/{name}/{number}"
        return self._parts.workspace.commit(parent, proposal.edits, message=words, ref=ref)

    def _joined(self, number: int, proposal: Proposal) -> Proposal:
        """The same change on the champion as it is by now. Raises Breach where that is not plain."""
        history, parent = self._recorder.history, proposal.parent
        self._admission.check(proposal.edits, parent, history, repeats=True)
        own, view = self._commit(number, proposal, parent), proposal.details.get(STARTS_FROM)
        near = None if view is None else history.experiments[view].experiment
        # Of edits on a near miss, that one's change is a part. A second try has it among its edits already.
        base = near.parent if near and near.commit == parent else parent
        moved = {"thought_on": base} if base != history.champion_commit else {}
        details = {**proposal.details, **moved}
        return replace(proposal, edits=self._merged(base, own.sha), details=details, parent="")

    def move_on(self, number: int) -> None:
        """Have what waits for its first run start from the champion as it is by now.

        Raises Breach where its change does not apply there any more, or is there already.
        """
        history, parent = self._recorder.history, self._recorder.history.champion_commit
        before = history.experiments[number].experiment
        proposal = Proposal(
            hypothesis=before.hypothesis,
            edits=self._merged(before.parent, before.commit),
            agent=before.agent,
            predicted=before.predicted,
            details=before.details,
            cost=before.cost,
        )
        repeats = "retest_of" in before.details
        admitted = self._admission.check(proposal.edits, parent, history, repeats=repeats, number=number)
        self._recorder.note(Rebased(experiment=self._experiment(number, proposal, admitted, before.edits)))

    def withdraw_overtaken(self) -> None:
        """Withdraw what was handed in, waits for its turn and does not fit the champion of now.

        Whoever handed it in hears of it at once, and not after all that waits before it.
        """
        history = self._recorder.history
        for proposal in tuple(handed_in(history, self._parts.artefacts)):
            number = len(history.experiments)
            try:
                if proposal.parent not in ("", history.champion_commit):
                    self._joined(number, proposal)
            except Breach as breach:
                self.refuse(number, proposal, breach)

    def _merged(self, parent: str, commit: str) -> tuple[Edit, ...]:
        """What a commit changed, as edits on the champion as it is by now. Raises Breach."""
        history, workspace = self._recorder.history, self._parts.workspace
        edits = workspace.merge(parent, history.champion_commit, commit)
        since = f"experiment {history.champion}, which became the champion meanwhile"
        if edits is None:
            raise Breach(
                f"both this and {since}, change the same places",
                fix="make the change on the champion as it is now, if it is still worth it",
                code="overtaken",
            )
        if not edits:
            raise Breach(f"{since}, makes the same change", fix="propose something else", code="duplicate")
        return edits

    def _with_answers(self, proposal: Proposal, waited_s: float, strand: int) -> tuple[Proposal, float]:
        """The proposal with what its agent's answers cost, and how much of that is counted already.

        So it is with what was waited for it.
        """
        history, again = self._recorder.history, "retest_of" in proposal.details
        of = (proposal.agent, strand)
        answers = () if again else history.answers.get(of, ())
        waited_s += 0.0 if again else history.waits.get(of, 0.0)
        usd = sum(answered.usage.usd for answered in answers)
        cost = Cost(
            usd=proposal.cost.usd + usd,
            priced=proposal.cost.priced and all(answered.usage.priced for answered in answers),
            tokens=proposal.cost.tokens + sum(answered.usage.tokens for answered in answers),
            tokens_out=proposal.cost.tokens_out + sum(answered.usage.tokens_out for answered in answers),
            seconds=proposal.cost.seconds + sum(answered.usage.seconds for answered in answers),
            waited_s=waited_s,
        )
        return replace(proposal, cost=cost), usd

    def refuse(
        self,
        number: int,
        proposal: Proposal,
        breach: Breach,
        *,
        waited_s: float = 0.0,
        strand: int = 0,
        withdrawn: bool = False,
    ) -> None:
        """Enter a proposal as an experiment that is invalid; `withdrawn`: through no fault of its own.

        So is whatever was handed in, and fitted then: the champion has moved since.
        """
        if is_gone(proposal, self._recorder.history):
            return  # it has its experiment
        proposal, answered_usd = self._with_answers(proposal, waited_s, strand)
        parent = self._recorder.history.champion_commit
        withdrawn = withdrawn or (is_from_outside(proposal) and proposal.parent not in ("", parent))
        experiment = _experiment(number, parent, parent, "", proposal, self._keep(proposal))
        verdict = Verdict(
            decision=Decision.INVALID, reason=breach.problem, code=breach.code, withdrawn=withdrawn
        )
        self._recorder.note(
            Proposed(experiment=experiment, answered_usd=answered_usd, strand=strand),
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
        predicted=predicted if predicted is not None and abs(predicted) <= MOST_PREDICTED else None,
        details=proposal.details,
        cost=proposal.cost,
        edits=edits,
    )
