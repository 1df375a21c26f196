"""A copy of the record as it was at one moment, whoever writes it meanwhile."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

from jumar.errors import LedgerUnfit, Usage
from jumar.ledgers.artefacts import ARTEFACTS
from jumar.ledgers.place import Address, Place
from jumar.ledgers.sql import open_ledger
from jumar.ledgers.sqlite import explained


def back_up(ledger: Place, to: Path) -> None:
    """Copy the ledger and its artefacts into the new folder `to`, as `ledger.db` and `artefacts/`.

    The folder is there as a whole or not at all, and only with a chain that was verified. The ledger
    is copied first: what its entries name was kept before they were written, so the copy has it.
    Raises Usage when `to` exists and for a ledger on a server, LedgerUnfit when there is nothing whole to
    copy or no room.
    """
    if isinstance(ledger, Address):
        raise Usage(
            f"the record is in the database {ledger}, whose server copies it whole, artefacts included",
            fix=f"pg_dump --format=custom --file={to} {ledger}",
        )
    if os.path.lexists(to):
        raise Usage(f"{to} exists already", fix="name a folder that does not")
    open_ledger(ledger, read_only=True).close()  # says what is wrong with it, before anything is made
    unfinished: Path | None = None
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(mkdtemp(dir=to.parent, prefix=f".{to.name}-"))
        _copy(ledger, unfinished / "ledger.db")
        artefacts = ledger.with_name(ARTEFACTS)
        shutil.copytree(artefacts, unfinished / ARTEFACTS, ignore=shutil.ignore_patterns(".*"))
        os.sync()
        unfinished.chmod(0o755)
        os.rename(unfinished, to)
    except (OSError, shutil.Error) as error:
        raise LedgerUnfit(
            f"the copy {to} cannot be written: {error}",
            fix="name a place that has room and that you may write",
        ) from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


def _copy(ledger: Path, copy: Path) -> None:
    with (
        explained(copy),
        closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)  # all pages in one step: one moment, and writers need not wait
        target.execute("PRAGMA journal_mode = DELETE")  # one file, which needs none beside it to be read
    with closing(open_ledger(copy, read_only=True)) as copied:
        if broken := copied.verify():
            raise LedgerUnfit(f"{ledger}: {broken}", fix="see all of it with `jumar doctor --ledger`")
