"""After each run: ask the judge, and do what it says. The only place where the champion moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jumar.core.contract import MeasureTerms
from jumar.core.event import Asked, Held, Judged, Noticed, Proposed, Refuted
from jumar.core.evidence import Noise, Standing, Want
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.outcome import Failed, Why, outcome_in_words
from jumar.core.proposal import Proposal
from jumar.core.run import Purpose
from jumar.core.verdict import OVERTAKEN, Decision, Verdict
from jumar.errors import Breach, LedgerConflict, NotMeasurable, TargetUnfit
from jumar.rules.additivity import IN_PLACE_OF, effect_alone, with_effect_alone
from jumar.rules.approval import read_words, ruled
from jumar.rules.evidence import evidence_for, noise_of, standing
from jumar.rules.judge import judge
from jumar.rules.noise import smallest_gain
from jumar.rules.plan import baseline_runs, failed_replicates, fatal_failure, revisiting_runs, wanted_runs
from jumar.rules.quarantine import check_bound
from jumar.rules.refuted import ancestors, champion_at, fallen
from jumar.rules.remedy import remedy
from jumar.rules.revisit import revisit
from jumar.rules.scale import sd_in_unit
from jumar.study.parts import Parts
from jumar.study.proposing import Proposer
from jumar.study.queue import Queue
from jumar.study.recorder import Recorder
from jumar.study.resume import mend_branch

AGAIN = "look at its log (`jumar log`) and at the machine: disk, data, memory; then `jumar run` goes on"


class Deciding:
    """Turns what is known of an experiment into its verdict, or into the runs that are still wanted."""

    def __init__(self, parts: Parts, recorder: Recorder, queue: Queue, proposer: Proposer) -> None:
        self._parts = parts
        self._recorder = recorder
        self._queue = queue
        self._proposer = proposer
        self._told = ""

    def enter_baseline(self) -> None:
        """Make the unchanged target experiment 0."""
        base = self._parts.terms.base
        experiment = Experiment(
            number=BASELINE,
            parent=base,
            commit=base,
            tree=self._proposer.tree_of(base),
            hypothesis="the unchanged target",
            agent="jumar",
        )
        self._recorder.note(Proposed(experiment=experiment))
        self._recorder.commit()

    def revisit(self) -> bool:
        """Ask whether the champion is still what it was. True when a run of it is wanted first.

        Raises NotMeasurable when neither it nor what it is built on gives a number any more.
        """
        found = revisit(self._recorder.history, self._parts.contract.measure.metric)
        if isinstance(found, Want):
            self._queue.push(revisiting_runs(self._recorder.history))
        elif found:
            self._recorder.note(*found.events)
            self._recorder.commit()
            self.bring_branch_up()
            if found.broken:
                raise NotMeasurable(found.broken, fix=AGAIN)
        return isinstance(found, Want)

    def decide(self, number: int) -> None:
        """Judge an experiment that has no run under way."""
        history = self._recorder.history
        record = history.experiments[number]
        if number == BASELINE:
            self._decide_baseline(record)
            return
        evidence = evidence_for(number, history, self._parts.contract)
        answer = judge(evidence)
        overtaken = record.experiment.parent != history.champion_commit
        if isinstance(answer, Verdict):
            is_kept = answer.decision is Decision.KEPT
            if not overtaken and not is_kept and (end := fallen(history, evidence)):
                self._take_back(end, record)
            elif overtaken and is_kept:
                self._try_again(record, effect_alone(evidence, answer))
            elif is_kept and self._parts.contract.limits.approve:
                self._recorder.note(Held(experiment=number, verdict=answer))
            else:
                self._settle(number, answer)
        elif overtaken and answer.purpose is not Purpose.SCREEN:
            self._try_again(record, effect_alone(evidence, answer))
        else:
            self._want(answer, record)

    def hear(self, asked: Asked) -> None:
        """Say so where what a person approves or rejects waits for nobody any more."""
        number, _ = read_words(asked.words)
        if number not in self._recorder.history.ruled:
            words = f"{asked.words.partition(' ')[0]} waits for no approval any more: `jumar show` tells why"
            self._recorder.note(Noticed(words=f"experiment {words}"))

    def rule(self) -> None:
        """Do what people said of the keeps that wait for them; one that was overtaken waits no more."""
        history, approve = self._recorder.history, self._parts.contract.limits.approve
        for number, held in tuple(history.held.items()):
            record = history.experiments[number]
            if record.experiment.parent != history.champion_commit:
                evidence = evidence_for(number, history, self._parts.contract)
                self._try_again(record, effect_alone(evidence, held))
            elif verdict := ruled(held, history.ruled.get(number), approve=approve):
                self._settle(number, verdict)

    def _take_back(self, end: Refuted, record: ExperimentRecord) -> None:
        """The champion is again what it was built on, and the experiment that showed why is tried on that."""
        self._recorder.note(end)
        self._try_again(record)
        self._recorder.commit()
        self.bring_branch_up()

    def _want(self, want: Want, record: ExperimentRecord) -> None:
        self._queue.push(wanted_runs(want, record, self._recorder.history))

    def _settle(self, number: int, verdict: Verdict) -> None:
        history = self._recorder.history
        verdict = with_effect_alone(verdict, history.experiments[number], history)
        self._recorder.note(Judged(experiment=number, verdict=verdict))
        if verdict.decision is Decision.KEPT:
            self._recorder.commit()  # the ledger first: what a crash leaves undone, taking up mends
            self.bring_branch_up()

    def bring_branch_up(self) -> None:
        """Point the branch at the champion. The ledger knows the champion; the branch only shows it.

        So a branch that cannot be moved now (somebody has checked it out, or committed on it) ends
        no night: it is said, and tried again at the next keep and at the end.
        """
        try:
            mend_branch(self._parts, self._recorder)
        except (TargetUnfit, LedgerConflict) as error:
            name = self._parts.branch.removeprefix("refs/heads/")
            words = f"the branch {name} stays behind the champion: {error.problem}"
            if words != self._told:
                self._told = words
                self._recorder.note(Noticed(words=words))

    def _decide_baseline(self, record: ExperimentRecord) -> None:
        if failed := fatal_failure(record):
            self._give_up(failed)
        missing = baseline_runs(record, self._recorder.history, self._parts.contract)
        for wanted in missing:
            self._queue.push((wanted,))
        if missing:
            return
        try:
            noise = noise_of(self._recorder.history)
            value = standing(self._recorder.history, record.experiment.commit)
            check_bound(value.value, self._parts.contract.measure)
        except NotMeasurable as error:
            self._settle(BASELINE, Verdict(decision=Decision.FAILED, reason=error.problem))
            self._recorder.commit()
            raise
        self._recorder.note(Noticed(words=_noise_in_words(noise, value, self._parts.contract.measure)))
        for run in failed_replicates(record):
            assert run.outcome is not None
            words = f"a run of the unchanged target gave no number ({outcome_in_words(run.outcome)})"
            self._recorder.note(Noticed(words=f"{words}; another one on another seed took its place"))
        reason = f"the unchanged target: {value.value:.6g}"
        self._recorder.note(
            Judged(experiment=BASELINE, verdict=Verdict(decision=Decision.KEPT, reason=reason))
        )
        self._recorder.commit()
        self._parts.workspace.point(self._parts.branch, record.experiment.commit, old=None)

    def _give_up(self, failed: Failed) -> None:
        """End a study whose unchanged target gives no number. Raises NotMeasurable."""
        problem = f"the unchanged target gave no number: {failed.why.value}: {failed.detail}"
        if failed.why is Why.CHECK_FAILED:
            problem = f"the unchanged target does not pass its own check {failed.detail}"
        verdict = Verdict(decision=Decision.FAILED, reason=problem.partition("\n")[0])
        self._settle(BASELINE, verdict)
        self._recorder.commit()
        raise NotMeasurable(problem, fix=remedy(failed, self._parts.contract))

    def _try_again(self, record: ExperimentRecord, alone: Mapping[str, Any] | None = None) -> None:
        """The champion moved while a promising experiment ran: re-test it on the new one.

        Its change is merged into the new champion. Where both change the same places, its own
        version of the files competes as it is, if it did better than what the champion is worth.
        What it gave `alone` stays beside its verdict.
        """
        history, experiment = self._recorder.history, record.experiment
        champion, number = history.champion_commit, len(history.experiments)
        workspace, hypothesis, then = self._parts.workspace, experiment.hypothesis, "it makes the same change"
        edits = workspace.merge(experiment.parent, champion, experiment.commit)
        details = {name: value for name, value in experiment.details.items() if name != IN_PLACE_OF}
        if edits:
            then = f"tried again on it as experiment {number}"
        elif edits is None:
            then = "both change the same places"
            if self._beats(record, champion):
                edits = workspace.merge(champion, champion, experiment.commit)
            if edits:
                lacks, first = self._lacks(experiment), history.experiments.first(record)
                without = f", without experiment {history.champion}'s change" * lacks
                details |= {IN_PLACE_OF: history.champion} if lacks else {}
                then += f"; its own version of the files competes as experiment {number}{without}"
                hypothesis = history.experiments[first].experiment.hypothesis  # where this is not said yet
                hypothesis += f" (experiment {record.number}'s own version of the files{without})"
        reason = f"{OVERTAKEN}: {self._moved(experiment)}; {then}"
        self._settle(record.number, Verdict(decision=Decision.DISCARDED, reason=reason, evidence=alone or {}))
        if not edits:
            return
        again = Proposal(
            hypothesis=hypothesis,
            edits=edits,
            agent=experiment.agent,
            predicted=experiment.predicted,
            details={**details, "retest_of": record.number},
        )
        try:
            self._proposer.enter(number, again, repeats=True)
        except Breach as breach:
            words = f"experiment {record.number} was not tried again: {breach.problem}"
            self._recorder.note(Noticed(words=words))
            return
        self.decide(number)

    def _moved(self, experiment: Experiment) -> str:
        """Why an experiment's parent is no champion any more."""
        history = self._recorder.history
        if champion_at(history, experiment.parent).refuted:
            return "what it was built on was taken back meanwhile"
        did = "waited for approval" if experiment.number in history.held else "ran"
        return f"experiment {history.champion} was kept while this one {did}"

    def _lacks(self, experiment: Experiment) -> bool:
        """Whether the champion is no part of what an experiment was built on. The baseline always is."""
        history = self._recorder.history
        return history.champion not in ancestors(history, experiment.number)

    def _beats(self, record: ExperimentRecord, champion: str) -> bool:
        metric = self._parts.contract.measure.metric
        own = standing(self._recorder.history, record.experiment.commit).value
        return metric.gain(standing(self._recorder.history, champion).value, own) > 0


def _noise_in_words(noise: Noise, value: Standing, measure: MeasureTerms) -> str:
    name = measure.metric.name
    if noise.deterministic:
        return (
            f"{name} has no noise: every run of the unchanged target gave {value.value:.9g}; one run "
            "decides. If the target draws random numbers, it does not seed them from JUMAR_SEED, and "
            "what is found may hold for its one seed only"
        )
    sd = sd_in_unit(noise.run_sd, value.value, noise)
    share = sd / abs(value.value) if value.value else 0.0
    words = f"{name} {value.value:.5g} ± {sd:.2g} between runs ({share:.2%}), "
    words += f"a first estimate from {noise.runs} runs"
    seen = smallest_gain(noise, measure.confirmations, value.value)
    words += f"; a gain of {seen:.2g} is seen four times out of five with {measure.confirmations} pairs"
    if not noise.seeded:
        words += "; the same seed does not give a closer result, so pairs share no luck"
    return words
