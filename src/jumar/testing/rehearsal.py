"""A study without a machine: proposals meet outcomes that are given, and the next brief tells of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import msgspec

from jumar.agents.tuning import with_knobs
from jumar.core.agent import Brief
from jumar.core.contract import (
    Budget,
    Clock,
    Contract,
    LimitTerms,
    MeasureTerms,
    Metric,
    RunTerms,
    TargetTerms,
)
from jumar.core.experiment import BASELINE, Experiment, ExperimentRecord
from jumar.core.outcome import Failed, Measured, Outcome
from jumar.core.proposal import REGULAR, Proposal
from jumar.core.run import Purpose, Run, RunRecord, Side
from jumar.core.verdict import Decision, Verdict
from jumar.core.workspace import TreeFile

EDITABLE = ("*.py",)


class Rehearsal:
    """A study in memory that runs and judges nothing; whoever holds it says what came of a proposal."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        *,
        baseline: Sequence[float] = (2.0, 2.0),
        contract: Contract | None = None,
        name: str = "rehearsal",
    ) -> None:
        self.name = name
        self.contract = contract or make_contract()
        self.champion = _sha(f"{name}: the unchanged target")
        self.files = {self.champion: dict(files)}
        self.values = {self.champion: fmean(baseline)}
        runs = [
            _ended(
                Measured(value=value),
                experiment=BASELINE,
                index=seed,
                commit=self.champion,
                seed=seed,
                purpose=Purpose.BASELINE,
                side=Side.REFERENCE,
                pair=seed,
            )
            for seed, value in enumerate(baseline)
        ]
        self.history: list[ExperimentRecord] = []
        self._record(
            self.champion, Proposal(hypothesis="the unchanged target", edits=(), agent="jumar"), runs
        )
        self._judge(Decision.KEPT, "the unchanged target")

    def brief(self, *, chance: int = 0, refusals: tuple[str, ...] = ()) -> Brief:
        """What an agent is told now."""
        return Brief(
            study=self.name,
            number=len(self.history),
            contract=self.contract,
            program="Make the value smaller.\n",
            parent=self.champion,
            files=self.files[self.champion],
            value=self.values[self.champion],
            noise=0.01,
            history=tuple(self.history),
            chance=chance,
            refusals=refusals,
        )

    def enter(self, proposal: Proposal) -> str:
        """The proposal becomes an experiment that is still open. Returns its commit."""
        files = dict(self.files[self.champion])
        for edit in proposal.edits:
            files.pop(edit.path, None)
            if edit.content is not None:
                files[edit.path] = edit.content
        commit = _sha(f"{self.name}: {len(self.history)}")
        self.files[commit] = files
        self._record(commit, proposal, [])
        return commit

    def finish(
        self, screen: Outcome, *, pairs: Sequence[tuple[float, float]] = (), keep: bool = False, seed: int = 0
    ) -> None:
        """End the open experiment that was entered last. `pairs` are (candidate, champion)."""
        record = self.history[-1]
        commit = record.experiment.commit
        of: dict[str, Any] = {"experiment": record.number, "commit": commit}
        runs = [_ended(screen, index=0, seed=seed, purpose=Purpose.SCREEN, **of)]
        for pair, (ours, theirs) in enumerate(pairs):
            both = {**of, "seed": 1000 + pair, "purpose": Purpose.CONFIRM, "pair": pair}
            runs.append(_ended(Measured(value=ours), index=len(runs), **both))
            both |= {"commit": self.champion, "side": Side.REFERENCE}
            runs.append(_ended(Measured(value=theirs), index=len(runs), **both))
        self.history[-1] = msgspec.structs.replace(record, runs=tuple(runs))
        if keep:
            assert isinstance(screen, Measured), "only a number can be kept"
            self.champion = commit
            self.values[commit] = fmean(pair[0] for pair in pairs) if pairs else screen.value
            self._judge(Decision.KEPT, "better")
        elif isinstance(screen, Failed):
            self._judge(Decision.FAILED, screen.why.value)
        else:
            self._judge(Decision.DISCARDED, "not better")

    def refuse(self, agent: str, reason: str, details: Mapping[str, object] | None = None) -> None:
        """An experiment that was never run, as the loop records a breach."""
        refused = Proposal(hypothesis=reason, edits=(), agent=agent, details=details or {})
        self._record(self.champion, refused, [])
        self._judge(Decision.INVALID, reason)

    def _record(self, commit: str, proposal: Proposal, runs: Sequence[RunRecord]) -> None:
        details, before = proposal.details, self.files[self.champion]
        if proposal.edits:
            details = with_knobs(details, before, self.files[commit], self.contract.run.command)
        experiment = Experiment(
            number=len(self.history),
            parent=self.champion,
            commit=commit,
            tree=_sha(repr(sorted(self.files[commit].items()))),
            hypothesis=proposal.hypothesis,
            agent=proposal.agent,
            predicted=proposal.predicted,
            # As it comes back from a ledger: tuples as lists.
            details=msgspec.json.decode(msgspec.json.encode(details)),
        )
        self.history.append(ExperimentRecord(experiment=experiment, proposed_at=0.0, runs=tuple(runs)))

    def _judge(self, decision: Decision, reason: str) -> None:
        verdict = Verdict(decision=decision, reason=reason)
        self.history[-1] = msgspec.structs.replace(self.history[-1], verdict=verdict, judged_at=1.0)


def tree_of(files: Mapping[str, bytes]) -> dict[str, TreeFile]:
    """The files as git would list them: ordinary ones."""
    return {path: TreeFile(mode=REGULAR, blob=_sha(repr(content))) for path, content in files.items()}


def make_contract(metric: Metric | None = None) -> Contract:
    """A plain contract whose editable files are the Python files of the target's folder."""
    run = RunTerms(
        command=("python", "train.py"),
        budget=Budget(amount=10.0, clock=Clock.CPU),
        timeout_s=60.0,
        memory_bytes=1 << 30,
        disk_bytes=1 << 30,
        output_bytes=1 << 20,
        processes=64,
    )
    return Contract(
        target=TargetTerms(name="rehearsal", editable=EDITABLE),
        run=run,
        measure=MeasureTerms(metric=metric or Metric(name="loss")),
        limits=LimitTerms(),
        scales={"default": run},
    )


def _ended(outcome: Outcome, **run: Any) -> RunRecord:
    key = f"{run['experiment']}-{run.pop('index')}"
    return RunRecord(run=Run(key=key, **run), started_at=0.0, ended_at=1.0, outcome=outcome)


def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
