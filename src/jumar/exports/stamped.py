"""Folders of trackers that keep files: each bears the mark of what it says, once it is whole."""

from __future__ import annotations

import shutil
from pathlib import Path

MARK = "jumar.mark"


def marks_in(folder: Path, pattern: str) -> dict[str, str]:
    """The marks of the folders that are there, by their names."""
    return {path.parent.name: path.read_text(encoding="utf-8") for path in folder.glob(f"{pattern}/{MARK}")}


def stamp(folder: Path, mark: str) -> None:
    """Say that a folder is whole, and what it says."""
    (folder / MARK).write_text(mark, encoding="utf-8")


def clear(folder: Path) -> Path:
    """An empty folder in the place of whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
