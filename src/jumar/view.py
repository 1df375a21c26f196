"""A study as it is read: the record, its experiments, what an agent would be told, the report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from jumar.core.contract import Contract
from jumar.core.event import Entry
from jumar.core.experiment import ExperimentRecord
from jumar.core.ledger import Ledger, StudyRecord
from jumar.errors import CommitLost, LedgerEmpty, NeverRun, TargetUnfit, Usage
from jumar.home import AGENT, Options, at_scale, find_home, pinned, shares_for, strayed
from jumar.ledgers.place import is_there
from jumar.rules.contract_file import read_contract
from jumar.rules.scope import matches

if TYPE_CHECKING:
    import pandas as pd

    from jumar.exports.outgoing import Outgoing
    from jumar.home import Home
    from jumar.ledgers.hold import Holder
    from jumar.ledgers.sql import SqlLedger
    from jumar.reports.contents import Sources
    from jumar.rules.rejudge import Rejudged
    from jumar.study.reading import Reader, Reading
    from jumar.workspaces.git import GitWorkspace


class StudyView:
    """A study, to be read. Cheap to open: the ledger is opened when something is asked of it."""

    def __init__(self, folder: Path, contract_text: str, name: str | None, options: Options | None) -> None:
        self.folder = folder
        self._contract_text = contract_text
        self._options = options or Options()
        self._ledger: SqlLedger | None = None
        self._reader: Reader | None = None
        self._is_named = name is not None
        self.name = name or ""
        self.name = self.name or self._pick_name()  # which reads the ledger; no name is needed to find it

    def record(self) -> StudyRecord | None:
        """The study at a glance; None before its first run."""
        ledger = self.ledger()
        return ledger.study(self.name) if ledger else None

    def experiments(self, last: int | None = None) -> tuple[ExperimentRecord, ...]:
        """All experiments, or the `last` so many, oldest first; number 0 is the baseline."""
        ledger = self.ledger()
        return ledger.experiments(self.name, last=last) if ledger else ()

    def experiment(self, number: int) -> ExperimentRecord:
        """One experiment. Raises Usage when there is none of that number."""
        ledger = self.ledger()
        found = ledger.experiment(self.name, number) if ledger else None
        if found is None:
            raise Usage(
                f"study {self.name} has no experiment {number}", fix="see `jumar log` for what it has"
            )
        return found

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Everything that happened after entry `after`, oldest first."""
        ledger = self.ledger()
        return ledger.entries(self.name, after=after) if ledger else iter(())

    @property
    def contract(self) -> Contract:
        """The pinned contract at the study's scale, with the limits that jumar.toml has now.

        Before the first run, the one in the folder.
        """
        record = self.record()
        if record is None:
            return at_scale(read_contract(self._contract_text), self._options.scale)
        return pinned(record.terms, self._contract_text)

    @property
    def contract_changed(self) -> bool:
        """True when jumar.toml, but for its limits, says something else than the study is pinned to."""
        record = self.record()
        return record is not None and bool(strayed(record.terms, self._contract_text))

    @property
    def contract_note(self) -> str:
        """What to know of a jumar.toml that is not the one the study is pinned to; nothing where it is."""
        record = self.record()
        return strayed(record.terms, self._contract_text) if record else ""

    def knobs(self) -> tuple[str, ...] | None:
        """Names of what the tuner may turn in the champion, or in the target; None with another agent."""
        from jumar.agents.knobs import knobs_of

        record, contract = self.record(), self.contract
        shares = record.terms.shares if record else shares_for(self._options.agent, contract)
        if not any(spec.partition(":")[0] == AGENT for spec in shares):
            return None
        workspace = self._workspace()
        commit = record.champion_commit if record else workspace.resolve("HEAD")
        found = workspace.files(commit) if commit else ()
        paths = [path for path in found if matches(path, contract.target.editable)]
        files = {path: workspace.read(commit or "", path) or b"" for path in paths}
        return tuple(knob.name for knob in knobs_of(files, contract.run.command))

    def reading(self) -> Reading:
        """What an agent would be told now, and the archive that it may ask.

        Raises Usage before the unchanged target was measured.
        """
        if self._reader is None:
            self._reader = self._make_reader()
        return self._reader.read(self.entries(after=self._reader.history.last_seq))

    def _make_reader(self) -> Reader:
        from jumar.agents.tuning import KnobsNow
        from jumar.assembly import protected_paths
        from jumar.study.brief import Briefing
        from jumar.study.reading import Reader

        terms, contract, workspace = self._recorded().terms, self.contract, self._workspace()
        protected = protected_paths(contract, frozenset(workspace.files(terms.base)))
        program = workspace.read(terms.base, contract.target.program) or b""
        briefing = Briefing(self.name, contract, workspace, protected)
        places = (workspace, self._opened().artefacts())
        return Reader(briefing, program.decode("utf-8", "replace"), places, KnobsNow())

    def rejudge(
        self, *, false_keeps: float | None = None, confirmations: int | None = None
    ) -> tuple[Rejudged, ...]:
        """Every verdict beside the one that today's judge gives, with these settings instead of its own."""
        from jumar.rules.rejudge import rejudge

        asked = {"false_keeps": false_keeps, "confirmations": confirmations}
        changes = {name: value for name, value in asked.items() if value is not None}
        contract = self.contract
        contract = replace(contract, measure=replace(contract.measure, **changes))
        self._recorded()
        return tuple(rejudge(self.entries(), contract))

    def diff(self, number: int) -> str:
        """What an experiment changed, as a unified diff against its parent. Raises CommitLost."""
        from jumar.workspaces.git import open_workspace

        made, workspace = self.experiment(number).experiment, open_workspace(self.folder)
        try:
            return workspace.diff(made.parent, made.commit)
        except CommitLost:  # of another clone, it may be: a server has the commits of all
            self._bring_line(workspace, number)
            return workspace.diff(made.parent, made.commit)

    def _bring_line(self, workspace: GitWorkspace, number: int | None) -> None:
        """Have in this clone the commits of an experiment and of those that it stands on, and no others."""
        from jumar.ledgers.served import bring_commits

        ledger, line = self._opened(), list[ExperimentRecord]()
        number = number if ledger.server else None  # beside a file there is nothing to be had
        while number is not None and (record := ledger.experiment(self.name, number)):
            line.append(record)
            parent = record.experiment.parent
            number = ledger.number_of(self.name, parent) if parent != record.experiment.commit else None
        bring_commits(ledger, self.name, workspace, line)

    def artefact(self, digest: str) -> bytes:
        """The bytes of a log, curve or score that a run record names."""
        ledger = self.ledger() or self._opened()  # which says that nothing was ever run
        return ledger.artefacts().get(digest)

    def holder(self) -> Holder | None:
        """The process that runs the study now, if one does."""
        from jumar.ledgers.lease import holder_of

        return holder_of(self.ledger(), self.name, self.home.own)

    @property
    def is_run(self) -> bool:
        """Whether a process runs the study now, or one on this machine is about to."""
        from jumar.ledgers.hold import is_starting

        return self.holder() is not None or is_starting(self.home.own)

    def frame(self) -> pd.DataFrame:
        """One row per experiment, as a pandas frame (extra `frames`)."""
        from jumar.reports.frame import frame

        return frame(self.experiments(), self.contract)

    def report(self) -> dict[str, Path]:
        """Write the report, the table and, where it can be drawn, the chart; where each of them lies."""
        from jumar.reports.tsv import results_tsv
        from jumar.reports.written import material_of, uncollected, write_report

        with uncollected():
            record, experiments, contract = self._recorded(), self.experiments(), self.contract
            paths = write_report(self.home.own, material_of(record, experiments, contract, self._sources()))
            paths["table"] = self.home.own / "results.tsv"
            paths["table"].write_text(results_tsv(experiments, contract), encoding="utf-8")
        return paths

    def outgoing(self) -> Outgoing:
        """The study as `jumar.exports` takes it: without the keys and the places of this machine."""
        from jumar.exports.hiding import hider, unknown
        from jumar.exports.outgoing import Outgoing

        record, contract = self._recorded(), self.contract
        places = {Path.home(): "~", self.folder.resolve(): "."}
        return Outgoing(
            record=record,
            experiments=self.experiments(),
            contract=contract,
            diff=self.diff,
            artefact=self.artefact,
            hide=hider({**os.environ, "JUMAR_SECRET": record.terms.secret}, contract.run.env, places),
            unhidden=unknown(os.environ, contract.run.env),
        )

    def _sources(self) -> Sources:
        from jumar.ledgers.sql import open_ledger
        from jumar.reports.contents import Sources

        with closing(open_ledger(self.home.ledger, read_only=True)) as ledger:
            broken = ledger.verify()
        branch = f"jumar/{self.name}"
        return Sources(
            diff=self.diff,
            log=self.artefact,
            branch=branch,
            branch_at=self._commit_of(branch),
            chain=f"broken at entry {broken.seq}: {broken.problem}" if broken else "whole",
            promises=self._recorded().terms.promises,
        )

    def _commit_of(self, branch: str) -> str | None:
        """Where a branch is; None where there is none, empty where the repository cannot be read."""
        try:
            return self._workspace().resolve(f"refs/heads/{branch}")
        except TargetUnfit:
            return ""

    def _recorded(self) -> StudyRecord:
        record = self.record()
        if record is None:
            raise NeverRun(f"study {self.name} was never run", fix="start it with `jumar run`")
        return record

    def _workspace(self) -> GitWorkspace:
        """The clone, with the commits of every host that ran the study."""
        from jumar.ledgers.served import bring_commits
        from jumar.workspaces.git import open_workspace

        workspace = open_workspace(self.folder)
        if ledger := self.ledger():
            bring_commits(ledger, self.name, workspace)
        return workspace

    def _opened(self) -> SqlLedger:
        self._recorded()
        return cast("SqlLedger", self.ledger())

    def ledger(self) -> SqlLedger | None:
        """The record, opened to be read; None while nothing was ever written there."""
        if self._ledger is None and is_there(self.home.ledger):
            from jumar.ledgers.sql import open_ledger

            with suppress(LedgerEmpty):
                self._ledger = open_ledger(self.home.ledger, read_only=True)
        return self._ledger

    @property
    def home(self) -> Home:
        """Where the target and this study live."""
        return find_home(self.folder, self.name, ledger=self._options.ledger)

    def _pick_name(self) -> str:
        """The latest study, unless another one was asked for."""
        ledger = self.ledger()
        taken = ledger.studies() if ledger else ()
        if ledger and (self._options.new or not taken):
            return self._free_name(ledger)
        return taken[-1].name if taken else self._target()

    def _free_name(self, ledger: Ledger) -> str:
        target, taken = self._target(), {record.name for record in ledger.studies()}
        numbered = (f"{target}-{n}" for n in range(2, len(taken) + 3))
        return next(name for name in (target, *numbered) if name not in taken)

    def _target(self) -> str:
        return read_contract(self._contract_text).target.name
