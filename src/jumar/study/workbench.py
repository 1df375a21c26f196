"""Runs the programs of coding agents: makes the tree, watches, and reads what was changed."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from jumar.core.job import Job
from jumar.core.proposal import Edit
from jumar.core.sandbox import Sandbox
from jumar.core.workbench import PAPERS, Attendant, Done, Errand
from jumar.core.workspace import LINK, Workspace
from jumar.rules.scope import MOST_BYTES, MOST_EDITS
from jumar.study.counter import Counter, Settings
from jumar.study.places import Place, Surroundings, read_untrusted

_LOOK_S = 0.1
_MOST_SAID_BYTES = 64 << 20
_ENTRY_BYTES = 16 << 10  # as sandboxes count them
# What tools leave behind beside their work. It becomes no edit, unless agents may change such files.
_LEFT = ("__pycache__",)


class StudyBench:
    """Keeps the promises of `core.workbench.Workbench` with a sandbox and the study's own tree.

    `may_change` says which paths agents may change: those alone are open to writing. Programs run on
    the threads of whoever thinks, and a workspace is for one thread: each errand opens its own.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        open_workspace: Callable[[], Workspace],
        around: Surroundings,
        scratch: Path,
        may_change: Callable[[str], bool],
    ) -> None:
        self._sandbox, self._open_workspace, self._around = sandbox, open_workspace, around
        self._scratch, self._may_change = scratch, may_change

    def run(self, errand: Errand, attendant: Attendant) -> Done:
        """Run it to its end."""
        place = Place(self._scratch)
        place.make()
        # The user that the program runs as is drawn late, so what it may write is open to everyone
        # within this folder, which is open to us alone.
        place.root.chmod(0o700)
        try:
            return self._run(errand, attendant, place)
        finally:
            place.remove()

    def _run(self, errand: Errand, attendant: Attendant, place: Place) -> Done:
        work, home = place.out / "work", place.out / "home"
        self._open_workspace().materialise(errand.commit, work, without=self._around.without)
        before = dict(_digests(work))
        tree_bytes = self._open(work, before)
        _write(work / PAPERS, errand.papers)
        _write(home, errand.settings)
        place.tree.mkdir()
        with Counter(work / PAPERS, attendant.answer) as counter, Settings(home, errand.settings) as settings:
            running = self._sandbox.launch(self._job(errand, place, tree_bytes))
            try:
                while not select.select([running], [], [], _LOOK_S)[0]:
                    running.check()
                    attendant.look()
                    counter.serve()
                    settings.tell(attendant.renewed)
                links = tuple(
                    islice(self._links(work, before), MOST_EDITS + 1)
                )  # a sandbox leaves none behind
                report = running.report()
                settings.tell(attendant.renewed)
            finally:
                running.kill()
                running.report()
        said = read_untrusted(place.root, place.log.name, _MOST_SAID_BYTES)
        return Done(report=report, said=said, edits=(*links, *self._edits(work, before, links)))

    def _job(self, errand: Errand, place: Place, tree_bytes: int) -> Job:
        return Job(
            key=place.root.name,
            command=errand.command,
            tree=place.tree,
            out=place.out,
            log=place.log,
            caps=replace(errand.caps, disk_bytes=errand.caps.disk_bytes + tree_bytes),
            env={"PATH": self._around.env["PATH"], **errand.env},
            readable=self._around.readable,
            masked=self._around.masked,
            network=True,
            work="work",
            home="home",
        )

    def _open(self, work: Path, paths: Mapping[str, str]) -> int:
        """Let the program write where agents may; returns what the tree takes on the disk."""
        taken = 0
        for folder, _, _ in os.walk(work):
            os.chmod(folder, 0o777)
            taken += _ENTRY_BYTES
        for path in paths:
            status = (work / path).stat()
            mode = 0o666 if self._may_change(path) else 0o444
            (work / path).chmod(mode | (0o111 if status.st_mode & stat.S_IXUSR else 0))
            taken += status.st_size + _ENTRY_BYTES
        return taken

    def _edits(self, work: Path, before: Mapping[str, str], links: Sequence[Edit]) -> Iterator[Edit]:
        """What is different now. Modes are not looked at: the sandbox has made them ordinary."""
        after = dict(_digests(work))
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        count = 0
        for path in changed:
            if path.startswith(f"{PAPERS}/") or (path not in before and self._is_left(path)):
                continue
            if any(link.path == path for link in links):
                continue
            count += 1
            if count > MOST_EDITS + 1:
                return  # more than any proposal may have: whoever checks it says so
            content = read_untrusted(work, path, MOST_BYTES + 1) if path in after else None
            # A name that is no Unicode could not even be told; nobody may edit such files.
            yield Edit(path=path.encode("utf-8", "replace").decode(), content=content)

    def _links(self, work: Path, before: Mapping[str, str]) -> Iterator[Edit]:
        """Links where a file stood or may stand. They are told as what they are, so that they are refused."""
        for place, folders, names in os.walk(work):
            for name in (*folders, *names):
                link = Path(place, name)
                path = link.relative_to(work).as_posix()
                if link.is_symlink() and (path in before or self._may_change(path)):
                    yield Edit(path=path, content=os.fsencode(os.readlink(link)), mode=LINK)

    def _is_left(self, path: str) -> bool:
        is_tools = any(name.startswith(".") or name in _LEFT for name in path.split("/"))
        return is_tools and not self._may_change(path)


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Every ordinary file below a folder: its path, and what tells its content."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if stat.S_ISREG(path.lstat().st_mode):
                with path.open("rb") as file:
                    digest = sha256()
                    while part := file.read(1 << 20):
                        digest.update(part)
                yield path.relative_to(folder).as_posix(), digest.hexdigest()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that everyone may change, and their folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o666)
    folder.mkdir(exist_ok=True)
    for place, _, _ in os.walk(folder):
        os.chmod(place, 0o777)
