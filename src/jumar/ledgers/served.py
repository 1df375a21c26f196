"""What several hosts share beside the record, in the same database: artefacts, and git's objects.

Nothing here waits for the disk: a server writes its log in order, so an entry that names something is
durable only after that, and no power cut takes what an entry names.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert

from jumar.core.experiment import ExperimentRecord
from jumar.errors import LedgerUnfit
from jumar.ledgers.artefacts import refuse_no_digest
from jumar.ledgers.schema import ARTEFACT, COMMIT

if TYPE_CHECKING:
    from jumar.ledgers.postgres import Server
    from jumar.ledgers.sql import SqlLedger


class ServedArtefacts:
    """Keeps the promises of `core.ledger.Artefacts` as rows, one zlib stream for each content."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        _keep(self._server, ARTEFACT, {"digest": digest, "content": zlib.compress(content)})
        return digest

    def get(self, digest: str) -> bytes:
        refuse_no_digest(digest)
        statement = select(ARTEFACT.c.content).where(ARTEFACT.c.digest == digest)
        with self._server.explained(), self._server.reader.begin() as connection:
            packed = connection.scalar(statement)
        content = None if packed is None else _unpacked(packed)
        if content is None or sha256(content).hexdigest() != digest:
            how = "is gone" if packed is None else "no longer says what was written"
            raise LedgerUnfit(
                f"artefact {digest[:12]} {how}",
                fix=f"restore it from a backup of {self._server}; the record itself does not need it",
            )
        return content


class ServedCommits:
    """Commits of experiments as they were made, for clones that lack them. Git's own names verify them."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def put(self, sha: str, objects: bytes) -> None:
        """Keep what a commit brought along."""
        _keep(self._server, COMMIT, {"sha": sha, "objects": zlib.compress(objects)})

    def get(self, shas: Sequence[str]) -> Mapping[str, bytes]:
        """What was kept of these commits."""
        statement = select(COMMIT).where(COMMIT.c.sha.in_(shas))
        with self._server.explained(), self._server.reader.begin() as connection:
            found = {row.sha: _unpacked(row.objects) for row in connection.execute(statement)}
        return {sha: objects for sha, objects in found.items() if objects is not None}


class Clone(Protocol):
    """A clone of the target's repository."""

    def bring(
        self, base: str, commits: Mapping[str, str], fetch: Callable[[Sequence[str]], Mapping[str, bytes]]
    ) -> None:
        """Have commits, by the ref that keeps each; the history of all begins at `base`."""
        ...


def bring_commits(
    ledger: SqlLedger, study: str, clone: Clone, known: Iterable[ExperimentRecord] | None = None
) -> None:
    """Have in this clone the commits of a study's experiments, whichever clone made them.

    `known` spares reading the experiments, where the caller has them.
    """
    if ledger.server is None or (record := ledger.study(study)) is None:
        return
    made = [one.experiment for one in (ledger.experiments(study) if known is None else known)]
    commits = {f"refs/jumar/{study}/{one.number}": one.commit for one in made if one.commit != one.parent}
    clone.bring(record.terms.base, commits, ServedCommits(ledger.server).get)


def _keep(server: Server, table: Table, row: dict[str, Any]) -> None:
    with server.explained(), server.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        connection.execute(insert(table).on_conflict_do_nothing(), row)


def _unpacked(packed: bytes) -> bytes | None:
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None
