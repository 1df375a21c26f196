"""What must be visible inside a sandbox so that a command starts: the program and its runtime.

Nothing is guessed broadly: a program in ~/bin makes that one file visible, not ~. Whole prefixes
are shown for runtimes that we recognise (a virtual environment with its base, a Python with its
library, a conda environment, pyenv, the packages of npm), because they cannot work without.
"""

from __future__ import annotations

import functools
import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/nix/store")
_INTERPRETER = re.compile(rb"#!\s*(\S+)(?:\s+(\S+))?")
_MOST_LINKS = 16


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A command that can be started: `needs` are paths to show, `search` is PATH inside."""

    command: tuple[str, ...]  #: the first word is now a path
    needs: tuple[Path, ...]
    search: str


class Missing(Exception):
    """The command cannot be started; the message says why, for the run's report."""


def find(command: tuple[str, ...], search: str, tree: Path) -> Program:
    """Resolve `command` as the host would, with `tree` as the working folder.

    A name is looked up in `search` (as PATH), a relative path in `tree`. Raises Missing.
    """
    if not command:
        raise Missing("the command is empty")
    if "/" not in command[0]:
        first, needs, inside = _found(command[0], search)
        return Program(command=(first, *command[1:]), needs=needs, search=inside)
    path, needs, inside = _resolved(command[0], search, tree)
    first = f"./{os.path.relpath(path, tree)}" if _below(path, tree) else str(path)
    return Program(command=(first, *command[1:]), needs=needs, search=inside)


@functools.lru_cache(maxsize=64)
def _found(name: str, search: str) -> tuple[str, tuple[Path, ...], str]:
    # No candidate can reach what PATH leads to, and a study starts the same few programs again and
    # again: 2 ms of looking each time is a tenth of what a sandboxed start costs.
    path, needs, inside = _resolved(name, search, Path("/nonexistent"))
    return str(path), needs, inside


def _resolved(name: str, search: str, tree: Path) -> tuple[Path, tuple[Path, ...], str]:
    """Where the program lies, what it needs to be shown, and PATH inside."""
    folders = [folder for folder in search.split(os.pathsep) if folder.startswith("/")]
    needs: dict[Path, None] = {}
    for folder in folders:
        needs.update(dict.fromkeys(_runtime(Path(folder))))
    path = _look_up(name, folders, tree)
    if _package(real := path.resolve()):
        path = real  # a package of npm looks for its parts beside where it is started from
    needs.update(dict.fromkeys(_needs(path, folders, tree)))
    inside = [folder for folder in folders if _is_visible(folder, needs)]
    return path, tuple(needs), ":".join(inside) or "/usr/bin"


def _look_up(name: str, folders: Iterable[str], tree: Path) -> Path:
    if "/" in name:
        candidates = [tree / name]
        if not name.startswith("/") and not _below(Path(os.path.normpath(tree / name)), tree):
            raise Missing(f"{name} lies outside the tree")
    else:
        candidates = [Path(folder, name) for folder in folders]
    for path in candidates:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    if any(os.path.isfile(path) or _is_closed(path) for path in candidates):
        raise Missing(f"{name} may not be executed")
    where = "" if "/" in name else " in any folder of PATH"
    raise Missing(f"{name} does not exist{where}")


def _needs(path: Path, folders: list[str], tree: Path) -> Iterator[Path]:
    """What `path` needs to be started: itself, what its links lead to, its interpreter."""
    for _ in range(_MOST_LINKS):
        if not _below(path, tree) and not _is_system(str(path)):
            yield from _package(path) or _runtime(path.parent) or (path,)
        if not path.is_symlink():
            break
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
    else:
        raise Missing(f"{path} is a chain of links without an end")
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except PermissionError as error:
        raise Missing(f"{path} may not be read") from error
    if start.startswith(b"\x7fELF"):
        return
    if not (line := _INTERPRETER.match(start)):
        raise Missing(f"{path} is neither a program nor a script with a #! line")
    interpreter, argument = (os.fsdecode(part) if part else "" for part in line.groups())
    yield from _needs(_look_up(interpreter, folders, tree), folders, tree)
    if os.path.basename(interpreter) == "env" and argument and not argument.startswith("-"):
        yield from _needs(_look_up(argument, folders, tree), folders, tree)


def _is_closed(path: Path) -> bool:
    """True for what lies, or leads, where this user may not go."""
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _runtime(folder: Path) -> tuple[Path, ...]:
    """The prefixes to show for a recognised runtime whose programs lie in `folder`, or nothing."""
    prefix = folder.parent
    if _is_system(str(folder)) or folder.name not in ("bin", "shims", "condabin"):
        return ()
    if os.path.isfile(prefix / "pyvenv.cfg"):
        return (prefix, *_base(prefix))
    is_conda = os.path.isdir(prefix / "conda-meta")
    is_pyenv = os.path.isfile(prefix / "libexec" / "pyenv")
    if is_conda or is_pyenv or glob.glob("lib/python3*/os.py", root_dir=prefix):
        return (prefix,)
    return ()


def _package(path: Path) -> tuple[Path, ...]:
    """All that was installed with a program of npm: its parts are packages side by side."""
    folder = next((folder for folder in reversed(path.parents) if folder.name == "node_modules"), None)
    return (folder,) if folder else ()


def _base(venv: Path) -> Iterator[Path]:
    """The Python that a virtual environment stands on."""
    try:
        text = (venv / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except PermissionError as error:
        raise Missing(f"{venv}/pyvenv.cfg may not be read") from error
    settings = dict(line.partition("=")[::2] for line in text.splitlines())
    home = next((value.strip() for key, value in settings.items() if key.strip() == "home"), "")
    homes = {Path(home), (venv / "bin" / "python").resolve().parent} if home else set()
    for folder in sorted(homes):
        if not _is_system(str(folder)):
            yield from _runtime(folder) if not os.path.exists(folder.parent / "pyvenv.cfg") else ()


def _below(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder)


def _is_system(path: str) -> bool:
    return any(path == root or path.startswith(root + "/") for root in SYSTEM)


def _is_visible(folder: str, needs: Iterable[Path]) -> bool:
    path = Path(folder)
    return _is_system(folder) or any(path.is_relative_to(shown) or path == shown.parent for shown in needs)
