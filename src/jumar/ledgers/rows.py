"""The statements of the ledger, and what comes back from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from jumar.core.event import Entry
from jumar.ledgers.chain import GENESIS, decode
from jumar.ledgers.schema import ENTRY, EXPERIMENT, RUN, STUDY
from jumar.ledgers.tally import Tally, active_s

_MOST = 2**63 - 1  # SQLite binds no larger integer, and nothing is counted so far

# Built once: SQLAlchemy then finds the compiled form by identity.
_HEAD = select(ENTRY.c.seq, ENTRY.c.digest).order_by(ENTRY.c.seq.desc()).limit(1)
_APPEND = insert(ENTRY)
_TALLIES = select(STUDY).order_by(STUDY.c.started)
_TALLY = select(STUDY).where(STUDY.c.name == bindparam("study"))
_LAST = select(STUDY.c.last).where(STUDY.c.name == bindparam("study"))
_OF_COMMIT = (
    select(EXPERIMENT.c.number)
    .where(EXPERIMENT.c.study == bindparam("study"), EXPERIMENT.c.commit_sha == bindparam("commit_sha"))
    .order_by(EXPERIMENT.c.number)
    .limit(1)
)
_BEGIN = insert(STUDY)
_COUNT = update(STUDY).where(STUDY.c.name == bindparam("study"))
_PROPOSE = insert(EXPERIMENT)
_JUDGE = (
    update(EXPERIMENT)
    .where(
        EXPERIMENT.c.study == bindparam("of"),
        EXPERIMENT.c.number == bindparam("at"),
        EXPERIMENT.c.judged.is_(None),
    )
    .values(judged=bindparam("seq"))
    .returning(EXPERIMENT.c.commit_sha)
)
_REBASE = (
    update(EXPERIMENT)
    .where(
        EXPERIMENT.c.study == bindparam("of"),
        EXPERIMENT.c.number == bindparam("at"),
        EXPERIMENT.c.judged.is_(None),
        ~exists().where(RUN.c.study == bindparam("of"), RUN.c.experiment == bindparam("at")),
    )
    .values(commit_sha=bindparam("commit_sha"))
)
_START = insert(RUN)
_END = (
    update(RUN)
    .where(RUN.c.study == bindparam("of"), RUN.c.key == bindparam("at"), RUN.c.ended.is_(None))
    .values(ended=bindparam("seq"))
    .returning(RUN.c.experiment)
)
_ENTRY = select(ENTRY.c.seq, ENTRY.c.at, ENTRY.c.study, ENTRY.c.event, ENTRY.c.digest)
_OF_STUDY = _ENTRY.where(ENTRY.c.study == bindparam("study")).order_by(ENTRY.c.seq)
_AFTER = _OF_STUDY.where(ENTRY.c.seq > bindparam("after")).limit(bindparam("most"))
_LINKS = select(ENTRY).where(ENTRY.c.seq > bindparam("after")).order_by(ENTRY.c.seq).limit(bindparam("most"))
_AT = _ENTRY.where(ENTRY.c.seq.in_(bindparam("places", expanding=True)))


def _is(*kinds: str) -> ColumnElement[bool]:
    """Whether an entry's event is of one of these kinds, as its first bytes say."""
    return or_(*(ENTRY.c.event.like(f'{{"type":"{kind}"%') for kind in kinds))


# Of what is about no experiment nearly all is agents' talk, several entries for each proposal: a look at a
# study of 100,000 decodes none of it.
_OF_NONE = _OF_STUDY.where(
    ENTRY.c.experiment.is_(None),
    not_(_is("answered", "thought", "taken_up", "handed_in", "noted", "heard")),
)
_BY_CONTROLLER = or_(
    ENTRY.c.experiment.is_not(None),
    _is("answered", "thought"),
    and_(_is("taken_up"), ENTRY.c.event.not_like('%"outside":true%')),
)
_HEARD = (
    select(ENTRY.c.at)
    .where(ENTRY.c.study == bindparam("study"), ENTRY.c.seq < bindparam("before"), _BY_CONTROLLER)
    .order_by(ENTRY.c.seq.desc())
    .limit(1)
)
_OF_EXPERIMENT = _OF_STUDY.where(ENTRY.c.experiment == bindparam("number"))
_FROM_EXPERIMENT = _OF_STUDY.where(ENTRY.c.experiment >= bindparam("number"))
_LAST_NUMBERS = (
    select(EXPERIMENT.c.number)
    .where(EXPERIMENT.c.study == bindparam("study"))
    .order_by(EXPERIMENT.c.number.desc())
    .limit(bindparam("most"))
    .subquery()
)
_FIRST_OF_LAST = select(func.min(_LAST_NUMBERS.c.number))


class SqlRows:
    """A study's experiments and runs as SQL rows. Each rule is in the statement or in a key."""

    def __init__(self, connection: Connection, study: str) -> None:
        self._connection, self._study = connection, study

    def propose(self, number: int, commit: str) -> bool:
        return self._insert(_PROPOSE, {"number": number, "commit_sha": commit})

    def rebase(self, number: int, commit: str) -> bool:
        to = {"of": self._study, "at": number, "commit_sha": commit}
        return bool(self._connection.execute(_REBASE, to).rowcount)

    def judge(self, number: int, seq: int) -> str | None:
        commit: str | None = self._connection.scalar(_JUDGE, self._once(number, seq))
        return commit

    def start(self, key: str, experiment: int) -> bool:
        return self._insert(_START, {"key": key, "experiment": experiment})

    def end(self, key: str, seq: int) -> int | None:
        experiment: int | None = self._connection.scalar(_END, self._once(key, seq))
        return experiment

    def _once(self, at: int | str, seq: int) -> dict[str, Any]:
        return {"of": self._study, "at": at, "seq": seq}

    def _insert(self, statement: Any, values: dict[str, Any]) -> bool:
        try:
            self._connection.execute(statement, {"study": self._study, **values})
        except IntegrityError:
            return False
        return True


def head(connection: Connection) -> tuple[int, str]:
    """The newest entry's place and digest."""
    row = connection.execute(_HEAD).first()
    return (row.seq, row.digest) if row else (0, GENESIS)


def columns(entry: Entry, experiment: int | None, content: str) -> dict[str, Any]:
    """An entry as a row; `experiment` is what it is about, `content` its event's JSON."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "study": entry.study,
        "experiment": experiment,
        "event": content,
        "digest": entry.digest,
    }


def append(connection: Connection, written: Sequence[Mapping[str, Any]]) -> None:
    """Write entries, as `columns` gives them."""
    connection.execute(_APPEND, written)


def write_tally(connection: Connection, study: str, tally: Tally) -> None:
    """Write the counts of a study, for the first time or again."""
    values = msgspec.to_builtins(tally)
    if not connection.execute(_COUNT, {"study": study, **values}).rowcount:
        connection.execute(_BEGIN, {"name": study, **values})


def tally_of(connection: Connection, study: str) -> Tally | None:
    """The counts of a study."""
    row = connection.execute(_TALLY, {"study": study}).first()
    return _tally(row) if row else None


def last_of(connection: Connection, study: str) -> int:
    """The newest entry's place in a study; 0 where there is no such study. As cheap as a look can be."""
    return connection.scalar(_LAST, {"study": study}) or 0


def number_of(connection: Connection, study: str, commit: str) -> int | None:
    """The experiment that made a commit, if one did. Looks at all of them."""
    number: int | None = connection.scalar(_OF_COMMIT, {"study": study, "commit_sha": commit})
    return number


def tallies(connection: Connection) -> dict[str, Tally]:
    """The counts of every study, oldest first."""
    return {row.name: _tally(row) for row in connection.execute(_TALLIES)}


def entries_after(connection: Connection, study: str, after: int, most: int) -> list[Entry]:
    """At most so many of the entries behind `after`."""
    found = connection.execute(_AFTER, {"study": study, "after": after, "most": most})
    return [_entry(row) for row in found]


def links_after(connection: Connection, after: int, most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """At most so many rows of all studies behind an entry, as they are stored."""
    return connection.execute(_LINKS, {"after": after, "most": most}).all()


def entries_at(connection: Connection, places: Sequence[int]) -> dict[int, Entry]:
    """The entries in these places."""
    return {row.seq: _entry(row) for row in connection.execute(_AT, {"places": places})}


def entries_of(connection: Connection, study: str, number: int) -> Iterator[Entry]:
    """Everything about one experiment; about none where no number goes that far."""
    if abs(number) > _MOST:
        return iter(())
    return map(_entry, connection.execute(_OF_EXPERIMENT, {"study": study, "number": number}))


def active_s_of(connection: Connection, study: str) -> float:
    """How long controllers have had a study; as cheap for a long one as for a short one."""

    def heard_before(seq: int) -> float:
        return connection.scalar(_HEARD, {"study": study, "before": seq}) or 0.0

    return active_s([_entry(row) for row in connection.execute(_OF_NONE, {"study": study})], heard_before)


def entries_of_last(connection: Connection, study: str, most: int | None) -> Iterator[Entry]:
    """Everything about the `most` newest experiments, or about all."""
    first = -1
    if most is not None:
        first = connection.scalar(_FIRST_OF_LAST, {"study": study, "most": min(most, _MOST)})
    return map(_entry, connection.execute(_FROM_EXPERIMENT, {"study": study, "number": first}))


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    seq, at, study, event, digest = row
    return Entry(seq=seq, at=at, study=study, event=decode(seq, event), digest=digest)


def _tally(row: Row[*tuple[Any, ...]]) -> Tally:
    return msgspec.convert({str(name): value for name, value in row._mapping.items()}, Tally)
