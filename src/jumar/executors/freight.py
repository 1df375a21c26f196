"""Folders as freight: a list of their files, and in crates what of these the other side lacks.

Contents are known by their digest. Of a tree that differs in one file from the one before, that file
travels; data that every run is shown travels once to each machine and stays there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import msgspec

MOST_IDLE = 64  # folders that are packed while a crate is in none of them, before it is let go of
PART_BYTES = 16 << 20  # of a file and of a crate: what either side holds in memory at once

Ref = TypeVar("Ref")


class File(msgspec.Struct, frozen=True, array_like=True):
    """One file: its contents are its parts, by digest, in order."""

    path: str  #: empty where the freight is this file alone
    executable: bool
    parts: tuple[str, ...]


class Freight(msgspec.Struct, frozen=True, kw_only=True):
    """A folder, or a file, as it is described on the way."""

    files: tuple[File, ...]
    folders: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    crates: Mapping[str, int] = {}  #: digest of a part → number of the crate that it travels in

    @property
    def digest(self) -> str:
        """Equal for folders that are equal."""
        files = [(os.fsencode(file.path), file.executable, file.parts) for file in self.files]
        links = [tuple(map(os.fsencode, link)) for link in self.links]
        told = msgspec.msgpack.encode((files, list(map(os.fsencode, self.folders)), links))
        return hashlib.sha256(told).hexdigest()


class Packer(Generic[Ref]):
    """The side that sends. `put` hands a crate over to be fetched; `crates` are what it gave back.

    A crate that nothing new was in for a while is let go of: what a run left may be large.
    """

    def __init__(self, put: Callable[[bytes], Ref]) -> None:
        self.crates: dict[int, Ref] = {}
        self._put = put
        self._next = self._packed = 0
        self._used: dict[int, int] = {}  # crate → how many were packed when it was last part of one
        self._sent: dict[str, int] = {}
        self._open: dict[str, bytes] = {}
        self._standing: dict[Path, Freight] = {}

    def pack(self, source: Path, *, stands: bool = False) -> Freight:
        """What lies at `source`. What `stands` for the whole sitting is looked at once. Raises OSError."""
        if source not in self._standing:
            freight = self._pack(source.resolve(strict=True))
            if not stands:
                return freight
            self._standing[source] = freight
        return self._standing[source]

    def _pack(self, source: Path) -> Freight:
        files, folders, links = [], [], []
        entries = _walk(source) if source.is_dir() else iter([_Found("", source)])
        for path, place in entries:
            if path and place.is_symlink():
                links.append((path, os.readlink(place)))
            elif place.is_dir():
                folders.append(path)
            elif place.is_file():
                is_program = bool(place.stat().st_mode & stat.S_IXUSR)
                files.append(File(path, is_program, tuple(map(self._send, _parts(place)))))
        self._close_crate()
        parts = dict.fromkeys(part for file in files for part in file.parts)
        crates = {part: self._sent[part] for part in parts}
        self._packed += 1
        self._used |= dict.fromkeys(crates.values(), self._packed)
        self._let_go()
        return Freight(files=tuple(files), folders=tuple(folders), links=tuple(links), crates=crates)

    def _send(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._sent:
            self._sent[digest] = self._next
            self._open[digest] = content
            if sum(map(len, self._open.values())) >= PART_BYTES:
                self._close_crate()
        return digest

    def _close_crate(self) -> None:
        if self._open:
            self.crates[self._next] = self._put(zlib.compress(msgspec.msgpack.encode(self._open), 1))
            self._next, self._open = self._next + 1, {}

    def _let_go(self) -> None:
        kept = {number for freight in self._standing.values() for number in freight.crates.values()}
        old = {
            number
            for number, at in self._used.items()
            if at < self._packed - MOST_IDLE and number not in kept
        }
        for number in old:
            del self.crates[number], self._used[number]
        if old:
            self._sent = {part: number for part, number in self._sent.items() if number not in old}


class Depot:
    """The side that receives, in a folder that the receivers of one machine share."""

    def __init__(self, root: Path) -> None:
        self._parts, self._shared = root / "parts", root / "shared"
        for folder in (self._parts, self._shared):
            folder.mkdir(parents=True, exist_ok=True)

    def shared(self, freight: Freight, fetch: Callable[[int], bytes]) -> Path:
        """Where it lies for all to read; made when it is first asked for. Raises OSError."""
        home = self._shared / freight.digest
        if not home.exists():
            draft = Path(tempfile.mkdtemp(dir=self._shared, prefix="."))
            draft.chmod(0o755)
            try:
                self.build(freight, draft / "it", fetch)
                (draft / "it").rename(home)
            except OSError:
                if not home.exists():
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return home

    def build(self, freight: Freight, place: Path, fetch: Callable[[int], bytes]) -> None:
        """Write it to `place`, which does not exist yet. Raises OSError."""
        self._fetch_missing(freight, fetch)
        for folder in ("", *freight.folders) if _is_folder(freight) else ():
            (place / folder).mkdir(exist_ok=True, parents=True)
        for file in freight.files:
            path = place / file.path if file.path else place
            with path.open("wb") as written:
                for part in file.parts:
                    written.write((self._parts / part).read_bytes())
            path.chmod(0o755 if file.executable else 0o644)
        for link, leads_to in freight.links:
            (place / link).symlink_to(leads_to)

    def _fetch_missing(self, freight: Freight, fetch: Callable[[int], bytes]) -> None:
        missing = {number for part, number in freight.crates.items() if not (self._parts / part).exists()}
        for number in sorted(missing):
            contents = msgspec.msgpack.decode(zlib.decompress(fetch(number)), type=dict[str, bytes])
            for part, content in contents.items():
                with tempfile.NamedTemporaryFile(dir=self._parts, delete=False) as draft:
                    draft.write(content)
                os.rename(draft.name, self._parts / part)


class _Found(NamedTuple):
    path: str  #: below the source
    place: Path


class Left(NamedTuple):
    """A file or folder that a run left. What else it may have made there does not travel."""

    path: str
    content: bytes | None  #: None for a folder


def gather(folder: Path) -> list[Left]:
    """What lies in an output folder: plain files and folders, of which nothing changes any more."""
    found = []
    for path, place in _walk(folder):
        mode = place.lstat().st_mode
        if stat.S_ISDIR(mode):
            found.append(Left(path, None))
        elif stat.S_ISREG(mode):
            found.append(Left(path, place.read_bytes()))
    return found


def spread(left: list[Left], folder: Path) -> None:
    """Write into `folder` what was gathered elsewhere. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in left:
        if content is None:
            (folder / path).mkdir(exist_ok=True)
        else:
            (folder / path).write_bytes(content)


def outline(place: Path) -> str:
    """A digest over names and sizes: what lies at two places is hardly the same where these differ."""
    found = [(os.fsencode(path), each.stat().st_size) for path, each in _walk(place) if each.is_file()]
    size = place.stat().st_size if place.is_file() else 0
    return hashlib.sha256(msgspec.msgpack.encode((found, size))).hexdigest()


def _walk(source: Path) -> Iterator[_Found]:
    """Everything below a folder, a folder before what is in it; links are not followed."""
    for top, folders, files in os.walk(source):
        folders.sort()
        for name in sorted((*folders, *files)):
            place = Path(top, name)
            yield _Found(place.relative_to(source).as_posix(), place)


def _parts(place: Path) -> Iterator[bytes]:
    with place.open("rb") as file:
        while content := file.read(PART_BYTES):
            yield content


def _is_folder(freight: Freight) -> bool:
    return not (len(freight.files) == 1 and not freight.files[0].path)
