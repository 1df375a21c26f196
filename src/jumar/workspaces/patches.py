"""Compares and joins trees by their contents alone: no attribute, driver or setting has a say."""

from __future__ import annotations

from collections.abc import Mapping

import pygit2
from pygit2.enums import FileMode

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import EXECUTABLE, SUBMODULE, TreeFile
from jumar.workspaces.joining import join
from jumar.workspaces.objects import content_of

Files = Mapping[str, TreeFile]


def unified_diff(repo: pygit2.Repository, old: Files, new: Files) -> str:
    """What changed, as `git diff` writes it; bytes that are not UTF-8 are replaced."""
    return "".join(
        _patch(repo, path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def _patch(repo: pygit2.Repository, path: str, old: TreeFile | None, new: TreeFile | None) -> str:
    shown = path.encode("utf-8", "replace").decode()
    patch = pygit2.Patch.create_from(
        _content(repo, old), _content(repo, new), old_as_path=shown, new_as_path=shown, context_lines=3
    )
    text: str = patch.data.decode("utf-8", "replace")
    if old is None or new is None or old.mode == new.mode:
        return text
    head, _, rest = text.partition("\n")
    return f"{head or shown}\nold mode {old.mode:o}\nnew mode {new.mode:o}\n{rest}"


def _content(repo: pygit2.Repository, file: TreeFile | None) -> bytes | None:
    if file is None:
        return None
    if file.mode == SUBMODULE:
        return f"Subproject commit {file.blob}\n".encode()
    return content_of(repo, file.blob)


def merge_files(repo: pygit2.Repository, base: Files, ours: Files, theirs: Files) -> tuple[Edit, ...] | None:
    """What `base`..`theirs` changed, as edits on top of `ours`; None where they conflict.

    Files that both changed are joined if they are UTF-8 text: as git does, and where that is a conflict,
    line for line and token for token. Others conflict, and so does every change that is not one of
    ordinary files' contents.
    """
    edits: list[Edit] = []
    for path in sorted(base.keys() | theirs.keys()):
        was, here, now = base.get(path), ours.get(path), theirs.get(path)
        if now in (was, here):
            continue
        if not _ordinary(was, here, now) or _folder_in_the_way(path, ours):
            return None
        content = _content(repo, now) if here == was else _joined(repo, was, here, now)
        if (content is None and now is not None) or (now is None and here != was):
            return None
        if here is not None and content == content_of(repo, here.blob):
            continue
        edits.append(Edit(path=path, content=content, mode=here.mode if here else REGULAR))
    return tuple(edits)


def _ordinary(was: TreeFile | None, here: TreeFile | None, now: TreeFile | None) -> bool:
    """True when all that there is are ordinary files, and the change leaves the mode alone."""
    kept = was.mode if was else REGULAR
    plain = all(file is None or file.mode in (REGULAR, EXECUTABLE) for file in (was, here, now))
    return plain and (now is None or now.mode == kept)


def _folder_in_the_way(path: str, ours: Files) -> bool:
    """True when `ours` has a file where `path` needs a folder, or a folder where it needs a file."""
    names = path.split("/")
    above = ("/".join(names[:depth]) for depth in range(1, len(names)))
    return any(folder in ours for folder in above) or any(other.startswith(f"{path}/") for other in ours)


def _joined(
    repo: pygit2.Repository, was: TreeFile | None, here: TreeFile | None, now: TreeFile | None
) -> bytes | None:
    """Both changes of one file in one, or None where they touch the same places."""
    if was is None or here is None or now is None:
        return None
    texts = [content_of(repo, file.blob) for file in (was, here, now)]
    if any(b"\0" in text or not _is_utf8(text) for text in texts):
        return None
    merged = repo.merge_file_from_index(_entry(was), _entry(here), _entry(now))
    return merged.contents.encode() if merged.automergeable else join(*texts)


def _entry(file: TreeFile) -> pygit2.IndexEntry:
    return pygit2.IndexEntry("file", pygit2.Oid(hex=file.blob), FileMode.BLOB)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
