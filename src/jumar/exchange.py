"""Where experiments go to other ledgers and come from them, through any git remote: claims, never results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

import msgspec
import pygit2

from jumar.assembly import protected_paths
from jumar.core.contract import Contract
from jumar.core.event import Asked, Event, Heard, Wish
from jumar.core.experiment import BASELINE, ExperimentRecord
from jumar.core.hearsay import FOREIGN, Hearsay
from jumar.core.ledger import StudyRecord
from jumar.core.proposal import Proposal
from jumar.errors import Breach, EnvironmentUnfit, JumarError, TooLarge, Usage
from jumar.home import Home
from jumar.ledgers.served import bring_commits
from jumar.ledgers.sql import open_ledger
from jumar.rules.contract_kinds import TEXT_NAME, Unfit
from jumar.rules.evidence import standing
from jumar.rules.hearsay import (
    adopted_name,
    check_gain,
    may_be_told,
    promising,
    read_record,
    told,
    write_record,
)
from jumar.rules.history import History
from jumar.rules.plain import short
from jumar.rules.scope import check_scope
from jumar.study.admission import Admission
from jumar.study.brief import Briefing
from jumar.workspaces.git import open_workspace
from jumar.workspaces.objects import translated
from jumar.workspaces.received import Received, read_tag, receive, tag_of
from jumar.workspaces.refs import OWN
from jumar.workspaces.remote import Remote, find_remote
from jumar.workspaces.unheard import Unheard

MOST_OF_ONE = 10_000  #: records of one ledger that are fetched
MOST_LEDGERS = 200
MOST_HEARD = 500  #: claims that enter the record, all syncs together; the others are listed only
_NAME = re.compile(r"([0-9a-f]{12})/([1-9][0-9]{0,6})")


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was not taken, ours or theirs, and why."""

    name: str
    why: str


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync did."""

    ledger: str  #: how others know this study's record
    sent: int
    fetched: int
    refused: tuple[Refused, ...] = ()


class Exchange:
    """What one study tells others, and what it was told."""

    def __init__(self, home: Home, record: StudyRecord, contract: Contract) -> None:
        self._home, self._record, self._contract = home, record, contract
        self._history, self._ledger = History(), ""
        self._workspace = open_workspace(home.folder)
        self._repo, self._prefix = self._workspace.repository
        self._protected = protected_paths(contract, frozenset(self._workspace.files(record.terms.base)))
        self._briefing = Briefing(home.study, contract, self._workspace, self._protected)
        self._unheard = Unheard(home.own / "unheard.json")

    def sync(self, name: str, *, start: Path, meeting: str = "", push: bool = True) -> Synced:
        """Fetch what others told of the study, and tell them of ours.

        `name` is a remote or an address; a relative one starts from `start`. `meeting` is what the
        study is called there, where that is not its own name. Raises EnvironmentUnfit where the other
        side cannot be reached, and Usage for a name that no study has.
        """
        _check_name(meeting)
        history, place = self._read(), f"{OWN}{meeting or self._home.study}/by/"
        source, sink = find_remote(self._repo, name, start)
        there = source.refs()
        wanted, refused = self._wanted(there, place)
        refused += _misnamed(there, place)
        # What comes is checked where nothing looks for it: whoever is broken off here has heard nothing.
        self._forget_unchecked()
        refused += self._fetch(source, there, wanted)
        came = [name for name in wanted.values() if self._unchecked(*name) in self._repo.references]
        wrong = list(self._check(came, history))
        self._unheard.save()
        self._take_in(history)
        sent, unsent = self._tell(history, (sink, there, place)) if push else (0, [])
        return Synced(
            ledger=self._ledger,
            sent=sent,
            fetched=len(came) - len(wrong),
            refused=(*map(_from_there, (*refused, *wrong)), *unsent),
        )

    def heard(self) -> tuple[Hearsay, ...]:
        """Everything that others told, what is said to be a gain first, the largest first, in turns."""
        found = dict(self._told_here())
        first = promising(found.values(), self.tried())
        return (*first, *(each for each in found.values() if not each.stands))

    def tried(self) -> Mapping[str, ExperimentRecord | None]:
        """What of it was adopted, by name: the latest experiment that it became; None while it waits."""
        history = self._read()
        found: dict[str, ExperimentRecord | None] = {}
        for waiting in history.elsewhere.waiting.values():
            found[waiting.partition(" ")[0]] = None
        for record in history.records:
            if adopted := adopted_name(record.experiment.details):
                found[adopted] = record
        return found

    def is_ours(self, hearsay: Hearsay) -> bool:
        """Whether somebody adopted an experiment of this study, and tells what came of it there."""
        return bool(hearsay.of) and hearsay.of.partition("/")[0] == self._ledger

    def adopt(self, name: str) -> Hearsay:
        """Have a claim run and judged here, next in turn, as any proposal. Returns what it claims.

        Raises Usage for one that was not heard or was adopted already, Breach for what may not become
        an experiment.
        """
        found = [each for each in self.heard() if each.name.startswith(name) or _short(each) == name]
        exact = [each for each in found if name in (each.name, _short(each))]
        if len(exact or found) != 1:
            many = "more than one record is" if found else "no record is"
            raise Usage(f"{many} called {short(name, 40)}", fix="see `jumar sync --list`")
        (hearsay,) = exact or found
        tried = self.tried()
        if hearsay.name in tried:
            record = tried[hearsay.name]
            was = f"it is experiment {record.number}" if record else "it waits for its turn"
            raise Usage(
                f"{_short(hearsay)} was adopted already: {was}", fix="`jumar retest N` tries it again"
            )
        self._adopt(hearsay)
        return hearsay

    def adopt_best(self, most: int) -> tuple[tuple[Hearsay, ...], tuple[Refused, ...]]:
        """Adopt those with the largest claims until `most` wait: which were, and which could not be."""
        tried, metric = self.tried(), self._contract.measure.metric
        waiting = sum(record is None for record in tried.values())
        adopted, refused = list[Hearsay](), list[Refused]()
        for each in promising(dict(self._told_here()).values(), tried):
            if waiting + len(adopted) >= most:
                break
            if (
                each.name in tried
                or self.is_ours(each)
                or (each.metric, each.direction) != (metric.name, metric.direction)
            ):
                continue
            try:
                self._adopt(each)
                adopted.append(each)
            except Breach as breach:
                refused.append(Refused(name=_short(each), why=breach.problem))
        return tuple(adopted), tuple(refused)

    def _adopt(self, hearsay: Hearsay) -> None:
        history = self._read()
        if BASELINE not in history.experiments or BASELINE in history.open:
            raise Usage(
                "nothing can be adopted yet: the unchanged target has not been measured",
                fix="`jumar run` measures it first",
            )
        champion = history.champion_commit
        received, _ = self._received(self._ref(hearsay.ledger, hearsay.number))
        made = received.onto(self._repo, self._workspace.files(champion))
        if not made:
            raise Breach(
                f"{_short(hearsay)} changes the same places as the champion"
                if made is None
                else f"the champion has the change of {_short(hearsay)}",
                fix=f"make the change by hand, if it is still worth it: git show {hearsay.commit[:10]}",
                code="does-not-apply" if made is None else "duplicate",
            )
        Admission(self._briefing, self._contract, self._protected).check(made, champion, history)
        proposal = Proposal(
            hypothesis=hearsay.hypothesis,
            edits=made,
            agent=FOREIGN,
            predicted=hearsay.gain,
            details={FOREIGN: {"name": hearsay.name, **msgspec.to_builtins(hearsay)}},
            parent=champion,
        )
        with closing(open_ledger(self._home.ledger)) as ledger:
            digest = ledger.artefacts().put(msgspec.json.encode(proposal))
        self._append(Asked(wish=Wish.ADOPT, words=f"{hearsay.name} {digest}"))

    # Coming in

    def _ref(self, ledger: str, number: int | str) -> str:
        return f"{OWN}{self._home.study}/from/{ledger}/{number}"

    def _unchecked(self, ledger: str, number: int | str) -> str:
        return f"{OWN}{self._home.study}/unchecked/{ledger}/{number}"

    def _forget_unchecked(self) -> None:
        place = self._unchecked("", "")[:-1]
        for ref in [ref for ref in self._repo.references if ref.startswith(place)]:
            self._repo.references.delete(ref)

    def _wanted(
        self, there: Mapping[str, str], place: str
    ) -> tuple[dict[str, tuple[str, str]], list[Refused]]:
        """What is there and not here, of everybody else: ref there → ledger, number; and what was refused."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        refused = []
        for ref, sha in there.items():
            match = _NAME.fullmatch(ref.removeprefix(place)) if ref.startswith(place) else None
            if not match or match[1] == self._ledger:
                continue
            if why := self._unheard.why(f"{match[0]} {sha}"):
                refused.append(Refused(name=match[0], why=why))
                continue
            known = self._repo.references.get(self._ref(match[1], match[2]))
            of_one = found.setdefault(match[1], {})
            if (known is None or str(known.target) != sha) and len(of_one) < MOST_OF_ONE:
                of_one[ref] = (match[1], match[2])
        some = chain.from_iterable(each.items() for each in list(found.values())[:MOST_LEDGERS])
        return dict(some), refused

    def _fetch(
        self, remote: Remote, there: Mapping[str, str], wanted: Mapping[str, tuple[str, str]]
    ) -> Iterator[Refused]:
        """Fetch all at once; where that fails, ledger by ledger, by halves: what is broken is somebody's."""
        specs = {self._unchecked(*name): there[ref] for ref, name in wanted.items()}
        if not specs:
            return
        try:
            return remote.fetch(specs)
        except EnvironmentUnfit:
            remote.refs()  # raises, too, where it cannot be reached any more
        by_ledger: dict[str, dict[str, str]] = {}
        for ref, sha in specs.items():
            by_ledger.setdefault(ref.split("/")[-2], {})[ref] = sha
        for ledger, some in by_ledger.items():
            for ref, error in remote.fetch_by_halves(some):
                name = "/".join(ref.split("/")[-2:]) or ledger
                if ref and isinstance(error, TooLarge):
                    self._unheard.add(f"{name} {specs[ref]}", error.problem)
                yield Refused(name=name, why=error.problem)

    def _check(self, came: Sequence[tuple[str, str]], history: History) -> Iterator[Refused]:
        """Put what was fetched and can be listened to where it is looked for, and drop the others by name."""
        baseline = history.experiments.get(BASELINE)
        level = 0.0
        if baseline and baseline.is_kept:
            level = standing(history, baseline.experiment.commit).value
        for name in came:
            ref = self._unchecked(*name)
            sha = self._repo.references[ref].target
            try:
                received, hearsay = self._received(ref)
                edits = received.edits(self._repo)
                if not edits:
                    raise ValueError("it changes nothing")
                check_scope(edits, received.was, self._contract.target.editable, self._protected)
                check_gain(hearsay, self._contract.measure.metric, level)
                self._repo.references.create(self._ref(*name), sha, force=True)
            except (ValueError, Breach, pygit2.GitError, KeyError) as error:
                why = short(error.problem if isinstance(error, JumarError) else str(error), 300)
                self._unheard.add(f"{'/'.join(name)} {sha}", why)
                yield Refused(name="/".join(name), why=why)
            self._repo.references.delete(ref)

    def _received(self, ref: str) -> tuple[Received, Hearsay]:
        """What a ref brought. Raises ValueError or Breach for what is not to be listened to."""
        received = receive(self._repo, str(self._repo.references[ref].target), self._prefix)
        ledger, number = ref.split("/")[-2:]
        hearsay = read_record(received.record, ledger, int(number), received.commit, received.parent)
        return received, hearsay

    def _told_here(self) -> Iterator[tuple[str, Hearsay]]:
        """Every record that was fetched and found to be one; what was written there otherwise is none."""
        place = self._ref("", "")[:-1]
        with translated("cannot read what was fetched"):
            for ref in self._repo.references:
                if ref.startswith(place) and (match := _NAME.fullmatch(ref.removeprefix(place))):
                    with suppress(ValueError):
                        commit, content = read_tag(self._repo, str(self._repo.references[ref].target))
                        parent = str(self._repo[commit].peel(pygit2.Commit).parent_ids[0])
                        yield ref, read_record(content, match[1], int(match[2]), commit, parent)

    def _take_in(self, history: History) -> None:
        """Enter into the record what others claim to be a gain, and what of that they took back."""
        news = []
        for _, each in self._told_here():
            before = history.elsewhere.claims.get(each.name)
            if before != each and (before is not None or each.stands) and not self.is_ours(each):
                news.append(each)
        room = max(0, MOST_HEARD - len(history.elsewhere.claims))
        claims = history.elsewhere.claims
        fresh = promising((each for each in news if each.name not in claims), claims)[:room]
        known = [each for each in news if each.name in claims]
        if fresh or known:
            self._append(*(Heard(hearsay=each) for each in (*known, *fresh)))

    # Going out

    def _tell(self, history: History, to: tuple[Remote, Mapping[str, str], str]) -> tuple[int, list[Refused]]:
        """Push the records that are not there yet, or say something else by now."""
        remote, there, place = to
        objects, before, refused = dict[str, str](), dict[str, str](), list[Refused]()
        baseline = history.experiments.get(BASELINE)
        for record in history.records[1:] if baseline and baseline.is_kept else ():
            commit, parent = record.experiment.commit, record.experiment.parent
            if not may_be_told(record) or self._tree(commit) == self._tree(parent):
                continue
            ref = f"{place}{self._ledger}/{record.number}"
            shown = self._briefing.veil(history).record(record)
            hearsay = told(shown, self._home.study, self._ledger, self._contract)
            sha, tag = tag_of(
                commit, f"{self._ledger}-{record.number}", int(hearsay.at), write_record(hearsay)
            )
            if there.get(ref) == sha:
                continue
            if ref in there and there.get(f"{ref}^{{}}") != commit:
                why = "another commit is there under our name: does a copy of this ledger write there?"
                refused.append(Refused(name=f"ours, {record.number}", why=why))
                continue
            self._repo.odb.write(pygit2.enums.ObjectType.TAG, tag)
            objects[ref] = sha
            before |= {ref: there[ref]} if ref in there else {}
        if not objects:
            return 0, refused
        self._refuse_history_of_others(remote, there)
        failed = remote.push(objects, before)
        refused += [Refused(name=f"ours, {ref.rpartition('/')[2]}", why=why) for ref, why in failed.items()]
        return len(objects) - len(failed), refused

    def _tree(self, commit: str) -> str:
        return str(self._repo[commit].peel(pygit2.Tree).id)

    def _refuse_history_of_others(self, remote: Remote, there: Mapping[str, str]) -> None:
        """Raise Usage where a push would take along commits of the user's own that are not there yet."""
        base = self._record.terms.base
        called = remote.shown if remote.name == remote.url else remote.name
        if not remote.knows(self._repo, base, list(there.values())):
            raise Usage(
                f"{remote.shown} lacks commit {base[:10]}, which the study began with, or has it below "
                "commits that are not here: experiments are told, and nothing of your own history",
                fix=f"git fetch {called}; or publish it yourself: "
                f"git push {called} {base[:10]}:refs/heads/NAME",
            )

    # The record

    def _read(self) -> History:
        with closing(open_ledger(self._home.ledger, read_only=True)) as ledger:
            for entry in ledger.entries(self._home.study, after=self._history.last_seq):
                self._ledger = self._ledger or entry.digest[:12]
                self._history.apply(entry)
            bring_commits(ledger, self._home.study, self._workspace, self._history.records)
        return self._history

    def _append(self, *events: Event) -> None:
        with closing(open_ledger(self._home.ledger)) as ledger:
            ledger.append(self._home.study, *events)


def _misnamed(there: Mapping[str, str], place: str) -> Iterator[Refused]:
    for ref in there:
        if ref.startswith(place) and not ref.endswith("^{}") and not _NAME.fullmatch(ref.removeprefix(place)):
            yield Refused(name=short(ref.removeprefix(place), 80), why="that is no name of a record")


def _check_name(meeting: str) -> None:
    """Raise Usage for a name that no study has."""
    try:
        if meeting:
            TEXT_NAME.read(meeting)
        if pygit2.reference_is_valid_name(f"{OWN}{meeting or 'x'}/by/x"):
            return
    except Unfit:
        pass
    raise Usage(f"no study is called {short(meeting, 60)}", fix=f"--as takes {TEXT_NAME.takes}")


def _from_there(refused: Refused) -> Refused:
    return msgspec.structs.replace(refused, name=f"theirs, {refused.name}")


def _short(hearsay: Hearsay) -> str:
    return f"{hearsay.ledger[:6]}/{hearsay.number}"
