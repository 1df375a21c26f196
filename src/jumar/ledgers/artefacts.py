"""Logs, curves, proposals and whatever else is too large for the ledger, in a folder beside it."""

from __future__ import annotations

import os
import re
import zlib
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from jumar.errors import LedgerUnfit

ARTEFACTS = "artefacts"  #: name of that folder
_DIGEST = re.compile(r"[0-9a-f]{64}")


class FolderArtefacts:
    """Keeps the promises of `core.ledger.Artefacts` in a folder: one zlib file for each content.

    What was put is there, and whole, after any death of a process. The disk is not waited for: two
    syncs took 8 ms of every `put`, against 0.13 ms. So a power cut may take the artefacts of the last
    seconds; `get` then says so, and putting them again mends it. Raises LedgerUnfit when the folder
    cannot be used.

    `drafts` is where files are until they are whole: on the same disk, and wiped by whoever comes
    after a writer that was killed.
    """

    def __init__(self, folder: Path, *, drafts: Path | None = None) -> None:
        self._folder, self._drafts = folder, drafts or folder

    def put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        path = self._path(digest)
        if path.exists() and self._has(digest):
            return digest
        try:
            for place in (path.parent, self._drafts):
                place.mkdir(parents=True, exist_ok=True)
            _write(path, zlib.compress(content), self._drafts)
        except OSError as error:
            raise LedgerUnfit(
                f"an artefact cannot be written below {self._folder}: {error.strerror}",
                fix=f"free some space or mend the permissions (`df -h {self._folder}`), and do it again",
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        refuse_no_digest(digest)
        try:
            content = zlib.decompress(self._path(digest).read_bytes())
        except (OSError, zlib.error) as error:
            raise self._lost(digest, f"cannot be read: {error}") from error
        if sha256(content).hexdigest() != digest:
            raise self._lost(digest, "no longer says what was written")
        return content

    def _has(self, digest: str) -> bool:
        try:
            self.get(digest)
        except LedgerUnfit:
            return False  # damaged: it is written again
        return True

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:]

    def _lost(self, digest: str, how: str) -> LedgerUnfit:
        return LedgerUnfit(
            f"artefact {digest[:12]} {how}",
            fix=f"restore {self._path(digest)} from a backup; the record itself does not need it",
        )


def refuse_no_digest(digest: str) -> None:
    """Raise LedgerUnfit for what names no artefact."""
    if not _DIGEST.fullmatch(digest):
        raise LedgerUnfit(f"{digest!r} is no digest of an artefact", fix="use one that the record names")


def _write(path: Path, packed: bytes, drafts: Path) -> None:
    """Write a file that is there as a whole or not at all."""
    descriptor, unfinished = mkstemp(dir=drafts, prefix=".unfinished-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(packed)
        os.rename(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
