"""Owns the way from a patch, or from a folder of files, to edits."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from jumar.core.proposal import REGULAR, Edit
from jumar.errors import Breach, EnvironmentUnfit
from jumar.rules.scope import MOST_BYTES, matches


def patched(name: str, patch: bytes, files: Mapping[str, bytes], editable: Sequence[str]) -> tuple[Edit, ...]:
    """The edits a patch makes. `git apply` knows renames, modes and missing newlines; we need not.

    Raises Breach for a patch that does not apply, or that is to files that match none of `editable`.
    """
    _refuse_others(patch, files, editable)
    with tempfile.TemporaryDirectory(prefix="jumar-patch-") as place:
        folder = Path(place, "tree")
        folder.mkdir()
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        _apply(name, patch, folder)
        after = {edit.path: edit for edit in read_files(folder, files)}
    changed = [
        edit for edit in after.values() if files.get(edit.path) != edit.content or edit.mode != REGULAR
    ]
    removed = [Edit(path=path, content=None) for path in files if path not in after]
    return tuple(sorted((*changed, *removed), key=lambda edit: edit.path))


def _refuse_others(patch: bytes, files: Mapping[str, bytes], editable: Sequence[str]) -> None:
    """Say of a patch to files that agents are not even shown what it is; it could not be applied."""
    done = _git_apply(patch, Path(tempfile.gettempdir()), "--numstat", "-z")
    for entry in done.stdout.split(b"\0"):
        path = os.fsdecode(entry.rpartition(b"\t")[2])
        if path and path not in files and not matches(path, editable):
            raise Breach(
                f"{path} is not editable",
                fix=f"change only files that match: {', '.join(editable)}",
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


def read_files(folder: Path, known: Container[str] = ()) -> list[Edit]:
    """Every file below a folder as an edit. A link is told by its mode, and never followed.

    Those that are not `known`, checkpoints say, are read only so far as to see that they are too large.
    """
    edits = []
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            content, mode = os.fsencode(os.readlink(path)), 0o120000
        elif stat.S_ISREG(mode):
            with path.open("rb") as file:
                content = file.read(-1 if path.relative_to(folder).as_posix() in known else MOST_BYTES + 1)
            mode = 0o100755 if mode & stat.S_IXUSR else REGULAR
        else:
            continue
        edits.append(Edit(path=path.relative_to(folder).as_posix(), content=content, mode=mode))
    return edits
