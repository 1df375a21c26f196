"""What a proposal may touch: the semantics of globs, and the checks that turn a breach down.

Pure: a path is text here, and what it would mean to any file system that git knows is considered,
not only what it means to this one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import LINK, SUBMODULE, TreeFile
from jumar.errors import Breach

# A change of code: the largest source files that people keep are about 1 MiB. What is larger is data.
MOST_BYTES = 4 << 20
MOST_EDITS = 500
MOST_DEPTH = 64  #: folders within folders; the tree is written by recursion
MOST_PATH_BYTES = 1024
MOST_NAME_BYTES = 255

_WILDCARDS = frozenset("*?[")
# Code points that HFS+ leaves out when it compares names (git: path.c, next_hfs_char).
_UNSEEN_BY_HFS = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)
# Short names that NTFS gives to `.git`, `.gitmodules` and the like (git: path.c, is_ntfs_dotgit).
_NTFS_SHORT = re.compile(r"(git.{0,3}|gi[0-9a-f]{4})~\d")
# Control characters, invisible formatting, lone surrogates, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def matches(path: str, globs: Iterable[str]) -> bool:
    """True when the last of `globs` that covers `path` does not begin with `!`.

    Globs are anchored at the target's folder. `*`, `?` and `[…]` stay within one name and match
    case as it is; `**` stands for any folders, also none (at the end: for everything below). A glob
    that ends in `/`, or whose last name has no wildcard, also covers everything below that folder.
    """
    names = tuple(path.split("/"))
    inside = False
    for glob in globs:
        body = glob.removeprefix("!")
        if _covers(body, names):
            inside = body == glob
    return inside


def _covers(glob: str, names: tuple[str, ...]) -> bool:
    parts = tuple(part for part in glob.split("/") if part not in ("", "."))
    if not parts or glob.endswith("/"):
        return _fits((*parts, "**"), names)
    below = not _WILDCARDS & set(parts[-1])
    return _fits(parts, names) or (below and _fits((*parts, "**"), names))


def _fits(parts: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if not parts or not names:
        return not parts and not names
    if parts[0] != "**":
        return fnmatchcase(names[0], parts[0]) and _fits(parts[1:], names[1:])
    if len(parts) == 1:
        return True
    return any(_fits(parts[1:], names[start:]) for start in range(len(names)))


def check_scope(
    edits: Sequence[Edit], files: Mapping[str, TreeFile], editable: Sequence[str], protected: Sequence[str]
) -> None:
    """Raise Breach unless every edit stays within the contract.

    `files` is the parent's tree. Every code has a page in docs/breaches. The mode of a file that
    exists is kept whatever an edit says, so an edit may carry that mode or REGULAR.
    """
    _check_size(edits)
    for edit in edits:
        _check_name(edit.path)
        if matches(edit.path, protected):
            raise Breach(
                f"{edit.path} is protected by the contract", fix="leave it as it is", code="protected-file"
            )
        if not matches(edit.path, editable):
            raise Breach(
                f"{edit.path} is not editable",
                fix=f"change only files that match: {', '.join(editable)}",
                code="outside-scope",
            )
        _check_mode(edit, files.get(edit.path))
    _check_places(edits, files)


def _check_size(edits: Sequence[Edit]) -> None:
    size_bytes = sum(len(edit.content or b"") for edit in edits)
    if size_bytes > MOST_BYTES or len(edits) > MOST_EDITS:
        raise Breach(
            f"the proposal changes {len(edits)} files with {size_bytes:,} bytes in all",
            fix=f"stay within {MOST_EDITS} files and {MOST_BYTES:,} bytes",
            code="too-large",
        )


def _check_name(path: str) -> None:
    shown = ascii(path)[:200]
    names = path.split("/")
    for name in names:
        if _is_git_internal(name):
            raise Breach(
                f"{shown} is, or looks to some file system like, a file of git itself",
                fix="leave everything called .git* alone",
                code="git-internals",
            )
    if any(name in ("", ".", "..") for name in names) or "\\" in path:
        raise Breach(
            f"{shown} is not a plain path inside the target",
            fix="name it from the target's folder down, with / and without .. or a leading /",
            code="path-escape",
        )
    if any(not _is_plain(name) for name in names):
        raise Breach(
            f"{shown} has invisible characters, or a name that ends in a dot or a space",
            fix="use a name that reads the same everywhere",
            code="path-escape",
        )
    if len(names) > MOST_DEPTH or len(path.encode()) > MOST_PATH_BYTES:
        raise Breach(f"{shown} is too long or too deep", fix="use a shorter path", code="path-escape")


def _is_git_internal(name: str) -> bool:
    seen = unicodedata.normalize("NFKC", name.translate(_UNSEEN_BY_HFS)).casefold()
    return seen.startswith(".git") or _NTFS_SHORT.match(seen) is not None


def _is_plain(name: str) -> bool:
    if name.isascii() and name.isprintable():
        visible = True
    else:
        visible = all(unicodedata.category(character) not in _UNPRINTABLE for character in name)
    return visible and name[-1] not in ". " and len(name.encode("utf-8", "replace")) <= MOST_NAME_BYTES


def _check_mode(edit: Edit, before: TreeFile | None) -> None:
    modes = {edit.mode if edit.content is not None else REGULAR, before.mode if before else REGULAR}
    if LINK in modes:
        raise Breach(
            f"{edit.path} is a symbolic link", fix="write an ordinary file elsewhere", code="symbolic-link"
        )
    if SUBMODULE in modes:
        raise Breach(f"{edit.path} is a submodule", fix="leave it as it is", code="submodule")
    if before is None and edit.content is None:
        raise Breach(
            f"{edit.path} cannot be removed: there is no such file",
            fix="remove only files that exist",
            code="not-a-file",
        )
    if edit.content is not None and edit.mode not in (REGULAR, before.mode if before else REGULAR):
        raise Breach(
            f"{edit.path} would get the mode {edit.mode:o}",
            fix="change contents only; new files are ordinary ones (100644)",
            code="mode-change",
        )


def _check_places(edits: Sequence[Edit], files: Mapping[str, TreeFile]) -> None:
    """Nothing stands where an edit writes, and no two names are one name to some file system."""
    folders = {folder for path in files for folder in _folders(path)}
    known = folders | files.keys()
    spelled = {_key(name): name for name in known}
    kinds = {path: file.mode for path, file in files.items()}
    touched: set[str] = set()
    for edit in edits:
        if edit.path in touched:
            raise _collision(edit.path, edit.path)
        touched.add(edit.path)
        above = _folders(edit.path)
        for folder in above:
            _check_folder(edit.path, folder, kinds.get(folder))
        if edit.path in folders:
            raise Breach(f"{edit.path} is a folder", fix="edit the files in it", code="not-a-file")
        for name in (*above, edit.path):
            if name not in known and spelled.setdefault(_key(name), name) != name:
                raise _collision(name, spelled[_key(name)])
        folders.update(above)
        kinds.setdefault(edit.path, REGULAR)


def _check_folder(path: str, folder: str, mode: int | None) -> None:
    if mode is None:
        return
    kind, code = {
        LINK: ("a symbolic link", "symbolic-link"),
        SUBMODULE: ("a submodule", "submodule"),
    }.get(mode, ("a file, not a folder", "not-a-file"))
    raise Breach(f"{path} cannot be written: {folder} is {kind}", fix="choose another path", code=code)


def _collision(path: str, other: str) -> Breach:
    problem = (
        f"{path} is named twice" if path == other else f"{path} and {other} are one name to some systems"
    )
    return Breach(problem, fix="give every file one edit and a name of its own", code="name-collision")


def _key(path: str) -> str:
    """What is left of a path where case and the composition of letters are not told apart."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())


def _folders(path: str) -> tuple[str, ...]:
    names = path.split("/")
    return tuple("/".join(names[:depth]) for depth in range(1, len(names)))
