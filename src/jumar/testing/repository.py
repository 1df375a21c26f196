"""A user's repository as it is met in the field, made by git's own program, and watched for changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

#: Every hook that git could run while objects, refs, indexes or work trees change.
HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "reference-transaction",
    "update",
)

#: What git-lfs commits in place of a file whose SHA-256 is given.
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"

_NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_OPTIONAL_LOCKS": "0"}
_IDENTITY = ("-c", "user.name=User", "-c", "user.email=user@localhost", "-c", "protocol.file.allow=always")


class Repository:
    """A repository with a work tree in `folder`, driven as its user would."""

    def __init__(self, folder: Path, *init: str) -> None:
        self.folder = folder
        if not (folder / ".git").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "-b", "main", *init)

    def git(self, *arguments: str) -> str:
        """What `git` says. Raises CalledProcessError when it fails."""
        command = ["git", "-C", str(self.folder), *_IDENTITY, *arguments]
        env = only_here(self.folder) | _NO_SETTINGS
        done = subprocess.run(command, env=env, capture_output=True, check=True)
        return os.fsdecode(done.stdout).strip()

    def write(self, path: str, content: bytes | str, *, executable: bool = False) -> Path:
        """Write a file of the work tree, bytes as they are, with the folders it needs."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(0o755 if executable else 0o644)
        return place

    def commit(self, message: str = "by the user", **files: bytes | str) -> str:
        """Commit everything there is, with `files` written before. Returns the commit."""
        for path, content in files.items():
            self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def add_hooks(self, mark: Path) -> None:
        """Give it every hook; each would leave a line in `mark`, were it run."""
        folder = self.folder / ".git" / "hooks"
        folder.mkdir(exist_ok=True)
        for name in HOOKS:
            hook = folder / name
            hook.write_text(f"#!/bin/sh\necho {name} >> '{mark}'\n", encoding="utf-8")
            hook.chmod(0o755)

    def state(self) -> dict[str, tuple[int, int, str]]:
        """Mode, time and content of all that is the user's: everything but objects and Jumar's refs."""
        found: dict[str, tuple[int, int, str]] = {}
        for place in sorted(self.folder.rglob("*")):
            path = place.relative_to(self.folder).as_posix()
            if _is_ours(path) or (place.is_dir() and not place.is_symlink()):
                continue
            content = os.fsencode(os.readlink(place)) if place.is_symlink() else place.read_bytes()
            stat = place.lstat()
            found[path] = (stat.st_mode, stat.st_mtime_ns, hashlib.sha256(content).hexdigest())
        return found


def only_here(folder: Path) -> dict[str, str]:
    """An environment in which git finds the repository in `folder`, or none.

    Left to itself it takes the next one further up, or the one that a hook's variables name, and
    what was meant for a folder of ours is committed there.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return env | {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}


def _is_ours(path: str) -> bool:
    ours = ("objects/", "refs/jumar/", "refs/heads/jumar/", "logs/refs/heads/jumar/")
    return path.startswith(tuple(f".git/{name}" for name in ours))
