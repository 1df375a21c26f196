"""Where proposals come in from outside: handed out work trees, checked hand-ins, and what became of them."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from jumar.agents.patches import patched, read_files
from jumar.assembly import environment, protected_paths
from jumar.core.contract import Contract
from jumar.core.event import Event, HandedIn, Noted, TakenUp
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.ledger import StudyRecord
from jumar.core.probe import Measure
from jumar.core.proposal import MOST_PREDICTED, REGULAR, TICKET, Change, Edit, Proposal
from jumar.core.workspace import EXECUTABLE, LINK
from jumar.errors import Breach, Usage
from jumar.home import STATE, TRY, Home, Try, read_try
from jumar.ledgers.served import bring_commits
from jumar.ledgers.sql import open_ledger
from jumar.rules.drafts import edits_from
from jumar.rules.history import History
from jumar.rules.plain import short
from jumar.rules.scope import matches
from jumar.study.admission import Admission
from jumar.study.brief import Briefing
from jumar.study.places import Surroundings
from jumar.study.surroundings import look_around
from jumar.tickets import Ticket
from jumar.workspaces.git import GitWorkspace, open_workspace

AGENT = "external"
MOST_WAITING = 100
MOST_WORDS = 600  #: of a hypothesis
MOST_NOTE = 2_000
HOLD_S = (
    3600.0  #: that somebody's work tree counts as something in hand: who made nothing of it by then is gone
)
_LEFT = ("__pycache__",)  # what programs leave beside their work


Edits = Callable[[Mapping[str, bytes], Sequence[str]], tuple[Edit, ...]]
"""From a commit's editable files and the globs of what may change, to edits. Raises Breach."""


def from_changes(changes: tuple[Change, ...]) -> Edits:
    """Edits as a model writes them down: text to find and what replaces it, or whole files."""
    return lambda files, _: edits_from(changes, files)


def from_files(contents: Mapping[str, bytes]) -> Edits:
    """Whole files, as they shall be."""
    whole = tuple(Edit(path=path, content=content) for path, content in contents.items())
    return lambda files, _: tuple(edit for edit in whole if files.get(edit.path) != edit.content)


def from_patch(name: str, patch: bytes) -> Edits:
    """A unified diff, relative to the target's folder."""
    return lambda files, editable: patched(name, patch, files, editable)


class Intake:
    """What whoever researches from outside may do to one study: propose and note; nothing else."""

    def __init__(self, home: Home, record: StudyRecord, contract: Contract) -> None:
        self._home, self._record, self._contract = home, record, contract
        self._history = History(items=False)
        self._workspace: GitWorkspace = open_workspace(home.folder)
        paths = frozenset(self._workspace.files(record.terms.base))
        self._paths, self._protected = paths, protected_paths(contract, paths)
        self._briefing = Briefing(home.study, contract, self._workspace, self._protected)
        self._admission = Admission(self._briefing, contract, self._protected)

    @property
    def history(self) -> History:
        """The study as it stands."""
        return self._read()

    @property
    def is_measured(self) -> bool:
        """Whether the unchanged target has been measured; before that nothing can be proposed."""
        baseline = self._read().experiments.get(BASELINE)
        return bool(baseline and baseline.is_kept)

    def tickets(self, *, last: int | None = None) -> tuple[Ticket, ...]:
        """Everything that was handed in, or the `last` so many, oldest first."""
        history = self._read()
        numbers = sorted(history.handed.keys() | history.became.keys())
        return tuple(map(self._of_ticket, numbers if last is None else numbers[-last:]))

    def find(self, what: str) -> Ticket:
        """What became of a ticket (`t57`) or of an experiment (`4`). Raises Usage for what there is not."""
        history = self._read()
        if what.startswith("t") and what[1:].isdecimal():
            ticket = int(what[1:]) if len(what) < 20 else 0
            if ticket in history.handed or ticket in history.became:
                return self._of_ticket(ticket)
            raise Usage(
                f"there is no ticket {short(what, 40)}",
                fix="`jumar propose` says the ticket when it takes one",
            )
        record = history.experiments.get(int(what)) if what.isdecimal() and len(what) < 10 else None
        if record is None:
            raise Usage(
                f"there is no experiment {short(what, 40)}", fix="name a ticket (t57), or one of `jumar log`"
            )
        for later in reversed(history.experiments.tries(history.experiments.first(record))):
            if later.experiment.details.get("retest_of") == record.number:
                record = later
        return self._ticket(record)

    def _of_ticket(self, ticket: int) -> Ticket:
        if (number := self._history.became.get(ticket)) is not None:
            return self._ticket(self._history.experiments[number])
        return Ticket(ticket=ticket, hypothesis=self._history.handed[ticket].hypothesis)

    def _ticket(self, record: ExperimentRecord) -> Ticket:
        ticket, experiment = record.experiment.details.get(TICKET), record.experiment
        shown = self._briefing.veil(self._history).record(record)
        return Ticket(ticket=ticket, hypothesis=experiment.hypothesis, experiment=shown)

    def hand_in(
        self,
        edits: Edits,
        hypothesis: str,
        predicted: float | None,
        parent: str = "",
        *,
        key: str = "",
        of: Proposal | None = None,
    ) -> int:
        """The ticket of a proposal that waits for its turn from now on.

        `parent` is the commit that the edits are made on, where that is not the champion. What was taken up
        under `key` is put down; what an agent's proposal `of` cost and says of itself goes along. Raises
        Breach for what may not become an experiment, and records nothing of it then.
        """
        history = self._open()
        words = " ".join(hypothesis.split())
        if not words:
            raise Usage("the hypothesis is empty", fix="say in a sentence what is changed, and why it helps")
        if predicted is not None and not abs(predicted) <= MOST_PREDICTED:
            raise Usage(f"a gain of {predicted:g} is predicted", fix="say it as a share: 0.02 is 2 % better")
        if len(history.handed) >= MOST_WAITING:
            raise Usage(f"{MOST_WAITING} proposals wait already", fix="wait for verdicts: `jumar wait`")
        champion = history.champion_commit
        made = self._made(edits, parent or champion, history)
        tree = self._admission.check(made, champion, history).tree
        for ticket, waiting in history.handed.items():
            if waiting.tree == tree:
                raise Breach(
                    f"the code is the same as what waits as t{ticket}: {short(waiting.hypothesis, 100)}",
                    fix="propose something that was not tried",
                    code="duplicate",
                )
        proposal = replace(
            of or Proposal(hypothesis="", edits=(), agent=AGENT),
            hypothesis=short(words, MOST_WORDS),
            edits=made,
            agent=AGENT,
            predicted=predicted,
            parent=champion,
        )
        digest = self._keep(msgspec.json.encode(proposal))
        handed = HandedIn(proposal=digest, tree=tree, hypothesis=proposal.hypothesis)
        return self._append(handed, *((_taken_up(key),) if key else ()))

    def hand_in_folder(self, folder: Path, hypothesis: str, predicted: float | None) -> int:
        """The same for what is different in a work tree that was handed out, or in any copy of the target."""
        edits, parent, of = self._of_folder(folder)
        return self.hand_in(edits, hypothesis, predicted, parent, key=of.key if of else "")

    def measure(self, edits: Edits, parent: str = "") -> Measure:
        """What has edits measured once before they are proposed. Raises Breach where they could not be."""
        history = self._measured()
        made = self._made(edits, parent or history.champion_commit, history)
        self._admission.check(made, history.champion_commit, history, repeats=True)
        return Measure(edits=self._keep(msgspec.json.encode(made)), parent=history.champion_commit)

    def measure_folder(self, folder: Path) -> Measure:
        """The same for what is different in a work tree."""
        edits, parent, _ = self._of_folder(folder)
        return self.measure(edits, parent)

    def _made(self, edits: Edits, parent: str, history: History) -> tuple[Edit, ...]:
        """Edits on top of the champion, from such as are made on `parent`."""
        made = edits(self._briefing.editable_files(parent), self._contract.target.editable)
        if not made:
            raise Breach("no file was changed", fix="change an editable file", code="unreadable")
        return self._on_champion(made, parent, history.champion_commit, history)

    def _of_folder(self, folder: Path) -> tuple[Edits, str, Try | None]:
        """What is different in a folder, on which commit, and what it was handed out as."""
        of = read_try(folder)
        if of is not None and (Path(of.target), of.study) != (self._home.folder, self._home.study):
            raise Usage(
                f"{folder} is a work tree of study {of.study} in {of.target}",
                fix="propose it there (-C, --study), or take another: `jumar try`",
            )
        parent = of.parent if of else self._measured().champion_commit

        def edits(_: Mapping[str, bytes], __: Sequence[str]) -> tuple[Edit, ...]:
            return tuple(self._different(folder, parent, of))

        return edits, parent, of

    def _different(self, folder: Path, parent: str, of: Try | None) -> Iterator[Edit]:
        """What of a folder is not as in a commit. Only a whole work tree says which files are gone."""
        tree, links = self._workspace.files(parent), of.links if of else ()
        found = {edit.path: edit for edit in read_files(folder, tree)}
        for path, edit in found.items():
            known = tree.get(path)
            if path == TRY or path.startswith(f"{STATE}/") or _below(path, links):
                continue
            if known is None and (self._may_change(path) or not _is_left(path)):
                yield edit
            elif known is not None and not edit.mode == known.mode == LINK:
                if edit.content != self._workspace.read(parent, path):
                    yield replace(edit, mode=REGULAR) if edit.mode == EXECUTABLE else edit
        without = (*self._around().without, *links)
        for path, known in tree.items() if of else ():
            ordinary = known.mode in (REGULAR, EXECUTABLE)
            if ordinary and path not in found and not _below(path, without):
                yield Edit(path=path, content=None)

    def hand_out(self, folder: Path | None = None, about: str = "") -> Path:
        """A work tree with the champion's files, outside the repository, to edit and propose from.

        Other agents are told that somebody works on something, and what `about`, until a proposal comes of
        it; for HOLD_S at most.
        """
        champion = self._open().champion_commit
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix=f"jumar-{self._home.study}-")) / "try"
        folder = folder.resolve()
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise Usage(f"{folder} holds something", fix="name a new folder or an empty one, or leave it out")
        if folder.is_relative_to(self._home.folder):
            raise Usage(f"{folder} is inside the target", fix="name a folder outside, or leave it out")
        folder.parent.mkdir(parents=True, exist_ok=True)
        around = self._around()
        with suppress(FileNotFoundError):
            folder.rmdir()  # an empty one: it is made anew
        self._workspace.materialise(champion, folder, without=around.without)
        links = []
        for name, real in around.inputs.items():
            if not (folder / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).symlink_to(real.resolve())
                links.append(name)
        key = f"try {secrets.token_hex(4)}"
        target, study = str(self._home.folder), self._home.study
        of = Try(target=target, study=study, parent=champion, links=tuple(links), key=key)
        (folder / TRY).write_bytes(msgspec.json.encode(of))
        self._append(_taken_up(key, short(" ".join(about.split()), MOST_WORDS), until=time.time() + HOLD_S))
        return folder

    def note(self, words: str, *, question: bool = False, answers: int = 0) -> None:
        """Note something; it stands in every brief from now on, while it is among the latest.

        A question stands among the open ones, until a note answers it by its number.
        """
        puzzles = self._open().community.puzzles
        if answers and answers not in puzzles:
            numbers = ", ".join(map(str, puzzles)) or "none"
            raise Usage(f"there is no open question {answers}", fix=f"open are: {numbers} (`jumar brief`)")
        if not words.strip():
            raise Usage("there are no words to note", fix='say them: jumar note "small batches win"')
        if len(words) > MOST_NOTE:
            raise Usage(f"the note has {len(words):,} characters", fix=f"stay within {MOST_NOTE:,}")
        self._append(Noted(words=words.strip(), question=question, answers=answers))

    def _on_champion(
        self, made: tuple[Edit, ...], parent: str, champion: str, history: History
    ) -> tuple[Edit, ...]:
        """Edits that were made on an older champion, on the one of now."""
        if parent == champion:
            return made
        self._admission.check(made, parent, history, repeats=True)
        ref = f"refs/jumar/{self._home.study}/handed-in/{secrets.token_hex(8)}"
        theirs = self._workspace.commit(parent, made, message="Handed in", ref=ref).sha
        try:
            merged = self._workspace.merge(parent, champion, theirs)
        finally:
            self._workspace.drop(ref)
        if merged is None:
            raise Breach(
                f"experiment {history.champion} was kept meanwhile, and both change the same places",
                fix="take its files and make the change there: `jumar try`, or `jumar brief`",
                code="does-not-apply",
            )
        return merged

    def _may_change(self, path: str) -> bool:
        return matches(path, self._contract.target.editable) and not matches(path, self._protected)

    def _around(self) -> Surroundings:
        return look_around(self._contract, self._home.folder, self._paths, environment())

    def _read(self) -> History:
        with closing(open_ledger(self._home.ledger, read_only=True)) as ledger:
            before = self._history.last_seq
            for entry in ledger.entries(self._home.study, after=before):
                self._history.apply(entry)
            if self._history.last_seq > before:  # by whatever clone
                bring_commits(ledger, self._home.study, self._workspace, self._history.records)
        return self._history

    def _open(self) -> History:
        """The study as it stands, where something can be handed in."""
        terms = self._record.terms
        if AGENT not in (spec.partition(":")[0] for spec in terms.shares):
            raise Usage(
                f"study {self._home.study} (agent: {terms.agent}) takes no proposals from outside",
                fix=f"start one that does: jumar run --new --agent {AGENT}",
            )
        return self._measured()

    def _measured(self) -> History:
        """The study as it stands, once the unchanged target has been measured."""
        if not self.is_measured:
            raise Usage(
                "nothing can be proposed yet: the unchanged target has not been measured",
                fix="`jumar run` measures it first; `jumar wait` waits for that",
            )
        return self._history

    def _append(self, *events: Event) -> int:
        """The place of the first of these in the record."""
        with closing(open_ledger(self._home.ledger)) as ledger:
            return ledger.append(self._home.study, *events)[0].seq

    def _keep(self, content: bytes) -> str:
        with closing(open_ledger(self._home.ledger)) as ledger:
            return ledger.artefacts().put(content)


def _taken_up(key: str, words: str = "", until: float = 0.0) -> TakenUp:
    return TakenUp(key=key, who=AGENT, words=words, until=until, outside=True)


def _below(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)


def _is_left(path: str) -> bool:
    return any(name.startswith(".") or name in _LEFT for name in path.split("/"))
