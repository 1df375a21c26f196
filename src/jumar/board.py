"""A study as pages show it: read once, kept up entry by entry, and asked as often as anybody likes."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock, RLock, Thread
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from jumar.beside import Beside, trouble_of
from jumar.core.contract import Contract
from jumar.core.ledger import StudyRecord
from jumar.errors import JumarError, LedgerUnfit, NeverRun
from jumar.home import CONTRACT, pinned, strayed
from jumar.ledgers.chain import Broken
from jumar.ledgers.sql import Head, SqlLedger
from jumar.remembered import recall, remember
from jumar.reports.course import Course
from jumar.reports.glance import Now, overview
from jumar.reports.happenings import doing_in_words
from jumar.reports.integrity import integrity
from jumar.reports.learned import lessons_page
from jumar.reports.lineage import tree
from jumar.reports.pages import (
    Chain,
    Detail,
    Integrity,
    Lessons,
    LogView,
    Overview,
    Query,
    Rows,
    Tree,
    Turn,
)
from jumar.reports.rows import MOST_ROWS, row_of, selected
from jumar.reports.single import detail

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

    from jumar.view import StudyView

__all__ = ["Board", "trouble_of"]

MOST_LESSONS = 200  # of a page
_KEPT_ORDERS = 8
KEEP_EVERY = 50_000  # entries: half a second's reading
LEAST_KEPT = 5_000


class Board:
    """What pages ask of one study. May be used from several threads; each call blocks while it takes.

    Nothing is read before the first `refresh`, which reads everything; each one after that only what is new.
    Raises JumarError: NeverRun while there is no such study, LedgerUnfit and its like for a record that
    cannot be read.
    """

    def __init__(self, view: StudyView) -> None:
        self._view, self._lock = view, RLock()
        self._checking, self._noting = Lock(), Lock()
        self._beside = Beside(view)
        self._course: Course | None = None
        self._record: StudyRecord | None = None
        self._contract: tuple[str, Contract] | None = None
        self._contract_note = ""
        self._orders: dict[tuple[object, ...], array[int]] = {}
        self._chain = Chain(entries=0, head="")
        self._head: Head | None = None
        self._share = 0.0
        self._kept = 0  # how far the course goes that is kept for the next reading

    @property
    def progress(self) -> float | None:
        """How much of the record has been read for the first time, as a share; None when all was."""
        return None if self._record is not None else self._share

    def changed(self) -> bool:
        """Whether the record has moved on since the last `refresh`. Asks for one number, in moments."""
        course = self._course
        return course is None or self._ledger().last_seq(self._view.name) != course.last_seq

    def refresh(self) -> int:
        """Take in what is new; returns the place of the newest entry."""
        with self._lock:
            ledger = self._ledger()
            record = ledger.study(self._view.name, active_s=0.0)
            if record is None:
                raise NeverRun(
                    f"study {self._view.name} was never run", fix="start it with `jumar run`, and look again"
                )
            contract = self._pinned(record)
            if self._course is None:
                self._course = recall(self._view.home.own, self._view.name)
                self._kept = self._course.last_seq if self._course else 0
            if self._course is None or not _goes_on(ledger, self._course):
                self._course, self._record, self._kept = Course(metric=contract.measure.metric), None, 0
            before = self._course.last_seq
            self._read(ledger, self._course, record.last_seq)
            if self._course.last_seq != before:
                self._orders = {}
            self._record = ledger.study(self._view.name, active_s=self._course.worked.seconds)
            self._follow(ledger)
            self._keep(self._course, KEEP_EVERY)
            return self._course.last_seq

    def overview(self) -> Overview:
        """The study at a glance."""
        with self._lock:
            course, record, contract = self._known()
            return overview(course, record, contract, self._now(record))

    def rows(self, query: Query) -> Rows:
        """A page of experiments."""
        with self._lock:
            course, _, _ = self._known()
            asked = (query.states, query.agent, query.words, query.parent, query.sort, query.descending)
            if asked not in self._orders:
                while len(self._orders) >= _KEPT_ORDERS:
                    del self._orders[next(iter(self._orders))]
                self._orders[asked] = selected(course, query)
            found, first = self._orders[asked], max(0, query.first)
            page = found[first : first + min(max(0, query.most), MOST_ROWS)]
            shown = tuple(row_of(course, number) for number in page)
            return Rows(rows=shown, found=len(found), total=len(course.columns))

    def detail(self, number: int) -> Detail:
        """Everything about one experiment."""
        with self._lock:
            course, _, contract = self._known()
            row_of(course, number)  # raises for a number that is not there
            record = self._view.experiment(number)
            return detail(course, record, contract, self._beside.found(course, record))

    def log(self, number: int, key: str = "", *, whole: bool = False) -> LogView | None:
        """What a run of an experiment printed, or has so far; by itself the one that says most."""
        return self._beside.log(self._view.experiment(number), key, whole=whole)

    def transcript(self, number: int, *, whole: bool = False) -> tuple[Turn, ...]:
        """What the agent of an experiment was answered for it, oldest first."""
        with self._lock:
            places = self._known()[0].turns.get(number, ())
        return self._beside.transcript(places, whole=whole)

    def tree(self) -> Tree:
        """The champions, and what was tried on each."""
        with self._lock:
            course, record, _ = self._known()
            return tree(course, record.claim)

    def lessons(self, first: int = 0, most: int = 50) -> Lessons:
        """A page of what experiments taught."""
        with self._lock:
            course, _, _ = self._known()
            page = (max(0, first), min(max(0, most), MOST_LESSONS))
            return lessons_page(course, self._view.experiment, *page)

    def integrity(self) -> Integrity:
        """Why the numbers can be believed."""
        with self._lock:
            course, record, contract = self._known()
            return integrity(course, record.terms, contract, self._chain)

    @property
    def chain(self) -> Chain:
        """What is known of the record's chain by now."""
        return self._chain

    def check_all(self) -> Chain:
        """Check the whole record, its chain and the tables drawn from it: seconds, with a long one more."""
        with self._checking:
            began, entries = time.monotonic(), self._note(is_checking=True).entries
            try:
                broken = self._ledger().verify()
            except JumarError as error:
                self._note(is_checking=False, problem=error.problem)
                raise
            return self._note(
                is_checking=False,
                broken_at=broken.seq if broken else None,
                problem=broken.problem if broken else "",
                whole_checked_at=time.time(),
                whole_entries=entries,
                whole_took_s=time.monotonic() - began,
            )

    def check_beside(self, told: Callable[[], None]) -> None:
        """Have the whole record checked on a thread unless it was or is being; `told` when that is done."""
        with self._noting:
            if self._chain.is_checking or self._chain.whole_checked_at is not None:
                return
            self._chain = replace(self._chain, is_checking=True)
        Thread(target=self._check_beside, args=(told,), name="checks", daemon=True).start()

    def _check_beside(self, told: Callable[[], None]) -> None:
        with suppress(JumarError):  # the chain says what the trouble is
            self.check_all()
        told()

    def _note(self, **known: Any) -> Chain:
        """Know more of the chain; whoever follows it and whoever checks it are different threads."""
        with self._noting:
            self._chain = replace(self._chain, **known)
            return self._chain

    def close(self) -> None:
        """Let go of the record."""
        with self._lock:
            if self._course is not None:
                self._keep(self._course, LEAST_KEPT)
            with suppress(JumarError):  # of a record that could not be opened there is nothing to close
                self._ledger().close()

    def _keep(self, course: Course, least: int) -> None:
        """Have the next reading go on from here, where so many entries were read since the last time."""
        if course.last_seq - self._kept >= least:
            remember(self._view.home.own, self._view.name, course)
            self._kept = course.last_seq

    def _ledger(self) -> SqlLedger:
        ledger = self._view.ledger()
        if ledger is None:
            raise NeverRun("nothing was ever run here", fix="start a study with `jumar run`, and look again")
        return ledger

    def _known(self) -> tuple[Course, StudyRecord, Contract]:
        if self._course is None or self._record is None:
            self.refresh()
        assert self._course is not None and self._record is not None
        return self._course, self._record, self._pinned(self._record)

    def _read(self, ledger: SqlLedger, course: Course, until: int) -> None:
        began = course.last_seq
        try:
            for entry in ledger.entries(self._view.name, after=began):
                course.apply(entry)
                if not entry.seq % 1024:
                    self._share = min(1.0, (entry.seq - began) / max(1, until - began))
        except (KeyError, IndexError) as error:
            self._course = None  # half of an entry is no state to go on from
            raise LedgerUnfit(
                f"entry {course.last_seq} of the ledger builds on what no other entry says ({error})",
                fix="see what is missing: jumar doctor --ledger",
            ) from error

    def _pinned(self, record: StudyRecord) -> Contract:
        """The contract, with the limits that jumar.toml has now."""
        try:
            text = (self._view.folder / CONTRACT).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        if self._contract is None or self._contract[0] != text:
            self._contract = (text, pinned(record.terms, text))
            self._contract_note = strayed(record.terms, text)
        return self._contract[1]

    def _now(self, record: StudyRecord) -> Now:
        holder = self._view.holder()
        doing = doing_in_words(record, f"process {holder.pid} on {holder.host}" if holder else "")
        told = self._beside.told() if holder else None
        return Now(
            at=time.time(),
            doing=doing,
            is_running=holder is not None,
            running=self._beside.running(told) if told else None,
            queued=told.queued if told else None,
            contract_note=self._contract_note,
        )

    def _follow(self, ledger: SqlLedger) -> None:
        """Follow the links of what is new, from the entry that was the newest when this board was made."""
        if self._chain.broken_at is not None:
            return
        if self._head is None:
            self._head = ledger.head()
        found = ledger.follow(self._head)
        if isinstance(found, Broken):
            self._note(broken_at=found.seq, problem=found.problem)
            return
        followed = self._chain.entries + found.seq - self._head.seq
        self._note(entries=followed, head=found.digest)
        self._head = found


def _goes_on(ledger: SqlLedger, course: Course) -> bool:
    """Whether the record still has the entry that was read last, so that reading can go on behind it."""
    last = ledger.entries_at((course.last_seq,)).get(course.last_seq)
    return course.last_seq == 0 or (last is not None and last.digest == course.last_digest)
