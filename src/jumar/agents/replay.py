"""Proposes what lies in a folder, in the order of the names: patches, and folders of whole files."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jumar.core.agent import Brief
from jumar.core.proposal import REGULAR, Edit, Proposal
from jumar.errors import Breach, EnvironmentUnfit, Usage
from jumar.rules.scope import matches

PATCHES = (".patch", ".diff")
MOST_WORDS = 60  # of a patch's leading text, taken as its hypothesis


class Replay:
    """Each `*.patch` and `*.diff` is a proposal, and so is each folder of files as they shall be.

    Patches are unified diffs relative to the target's folder, applied to the champion as it then
    stands. A patch that does not apply raises Breach, and the next one has its turn. How far it has
    come is read from the history. Raises Usage for a folder that is not there or holds nothing.
    """

    name = "replay"
    repeats = True

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise Usage(f"{folder} is no folder", fix="name a folder of *.patch files")
        self._ideas = sorted(
            path
            for path in folder.iterdir()
            if path.suffix in PATCHES or (path.is_dir() and path.name[0] != ".")
        )
        if not self._ideas:
            raise Usage(f"{folder} holds no patch", fix="put *.patch or *.diff files there")

    def propose(self, brief: Brief) -> Proposal | None:
        """The next of the folder on top of the champion, or None after the last."""
        done = sum(record.experiment.agent == self.name and record.number > 0 for record in brief.history)
        if done >= len(self._ideas):
            return None
        idea = self._ideas[done]
        if idea.is_dir():
            hypothesis, edits = idea.name, _whole_files(idea, brief.files)
        else:
            patch = idea.read_bytes()
            _refuse_others(patch, brief)
            hypothesis, edits = _leading_words(patch) or idea.stem, _patched(idea.name, patch, brief.files)
        return Proposal(hypothesis=hypothesis, edits=edits, agent=self.name, details={"replayed": idea.name})


def _leading_words(patch: bytes) -> str:
    """What stands before the diff; of a mail as git makes them, its subject."""
    head = re.split(r"(?m)^(?:diff |--- |Index: |---$)", patch.decode(errors="replace"), maxsplit=1)[0]
    if subject := re.search(r"(?m)^Subject: (?:\[[^\]]*\] )?(.+(?:\n .+)*)", head):
        head = subject[1]
    words = [word.lstrip("#") for word in head.split()]
    return " ".join(word for word in words[:MOST_WORDS] if word)


def _whole_files(folder: Path, files: Mapping[str, bytes]) -> tuple[Edit, ...]:
    found = _read(folder)
    return tuple(edit for edit in found if files.get(edit.path) != edit.content or edit.mode != REGULAR)


def _patched(name: str, patch: bytes, files: Mapping[str, bytes]) -> tuple[Edit, ...]:
    """The edits a patch makes. `git apply` knows renames, modes and missing newlines; we need not."""
    with tempfile.TemporaryDirectory(prefix="jumar-replay-") as place:
        folder = Path(place, "tree")
        folder.mkdir()
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        _apply(name, patch, folder)
        after = {edit.path: edit for edit in _read(folder)}
    changed = [
        edit for edit in after.values() if files.get(edit.path) != edit.content or edit.mode != REGULAR
    ]
    removed = [Edit(path=path, content=None) for path in files if path not in after]
    return tuple(sorted((*changed, *removed), key=lambda edit: edit.path))


def _refuse_others(patch: bytes, brief: Brief) -> None:
    """Say of a patch to files that agents are not even shown what it is; it could not be applied."""
    done = _git_apply(patch, Path(tempfile.gettempdir()), "--numstat", "-z")
    for entry in done.stdout.split(b"\0"):
        path = os.fsdecode(entry.rpartition(b"\t")[2])
        if path and path not in brief.files and not matches(path, brief.contract.target.editable):
            raise Breach(
                f"{path} is not editable",
                fix=f"change only files that match: {', '.join(brief.contract.target.editable)}",
                code="outside-scope",
            )


def _git_apply(patch: bytes, folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    # Outside of any repository and without anybody's settings: bytes in, the same bytes out.
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }
    command = ["git", "apply", *options, "-"]
    try:
        return subprocess.run(command, cwd=folder, env=env, input=patch, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise EnvironmentUnfit("git is not installed", fix="install git") from error


def _apply(name: str, patch: bytes, folder: Path) -> None:
    done = _git_apply(patch, folder, "--whitespace=nowarn")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Breach(
            f"{name} does not apply: {said[0].removeprefix('error: ') if said else 'git apply failed'}",
            fix="make the patch anew, relative to the target's folder, from the champion's files",
            code="does-not-apply",
        )


def _read(folder: Path) -> list[Edit]:
    """Every file below a folder as an edit. A link is told by its mode, and never followed."""
    edits = []
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            content, mode = os.fsencode(os.readlink(path)), 0o120000
        elif stat.S_ISREG(mode):
            content, mode = path.read_bytes(), 0o100755 if mode & stat.S_IXUSR else REGULAR
        else:
            continue
        edits.append(Edit(path=path.relative_to(folder).as_posix(), content=content, mode=mode))
    return edits
