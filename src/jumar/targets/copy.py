"""Copies the targets that ship with Jumar into folders of the user's."""

from __future__ import annotations

import shutil
from difflib import get_close_matches
from pathlib import Path

from jumar.errors import TargetUnfit, Usage

SHIPPED = Path(__file__).resolve().parent
CONTRACT = "jumar.toml"
# A file of this name beside ours would rule over our own repository and packages.
RENAMED = {"gitignore": ".gitignore"}


def shipped_targets() -> tuple[str, ...]:
    """The names that `copy_target` takes."""
    return tuple(sorted(contract.parent.name for contract in SHIPPED.glob(f"*/{CONTRACT}")))


def copy_target(name: str, folder: Path) -> None:
    """Write the shipped target `name` into `folder`, which is made when it does not exist.

    Raises Usage for a name that does not ship, TargetUnfit when `folder` is not an empty folder
    or cannot be written; then nothing was written.
    """
    names = shipped_targets()
    if name not in names:
        near = get_close_matches(name, names, n=1)
        raise Usage(
            f"no target called {name!r} ships with Jumar",
            fix=f"did you mean {near[0]}?" if near else f"take one of: {', '.join(names)}",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise TargetUnfit(f"{folder} is not empty", fix="give a folder that does not exist yet")
        for file in sorted((SHIPPED / name).iterdir()):
            if file.is_file():
                shutil.copyfile(file, folder / RENAMED.get(file.name, file.name))
    except OSError as error:
        raise TargetUnfit(
            f"cannot write the target into {folder}: {error.strerror}", fix="give another folder"
        ) from error
