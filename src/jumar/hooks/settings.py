"""Owns the file that says which programs are called when.

It is a person's on a machine, and no part of a contract. Nor does it lie with the code: whoever clones a
repository, or is sent one with its record, does not want its author's commands run.
"""

from __future__ import annotations

import difflib
import enum
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

from jumar.errors import Usage

VARIABLE = "JUMAR_HOOKS"  #: names another file


class Moment(enum.Enum):
    """When a program is called."""

    KEEP = "on_keep"  #: a change was kept, or would be once a person approves it
    PLATEAU = "on_plateau"  #: the study rests, as nothing was kept for as long as the contract allows
    ERROR = "on_error"  #: it stopped for an error
    END = "on_end"  #: it stopped, for whatever reason


Hooks = Mapping[Moment, tuple[tuple[str, ...], ...]]


def hooks_file(environ: Mapping[str, str]) -> Path:
    """Where it is: in the user's own settings, unless the environment says otherwise.

    Raises Usage where the environment names a file that is not there: somebody counts on being told.
    """
    if given := environ.get(VARIABLE):
        if not Path(given).exists() or Path(given).is_dir():
            raise Usage(
                f"{VARIABLE} names {given}, and there is no such file", fix=f"write it, or unset {VARIABLE}"
            )
        return Path(given)
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "jumar" / "hooks.toml"


def read_hooks(path: Path) -> Hooks:
    """What to call at each moment; nothing where there is no file. Raises Usage for one that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read: {error}", fix="mend it, or remove it") from error
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Usage(
            f"{path} is not TOML: {error}", fix='write lines such as: on_keep = "notify-send kept"'
        ) from error
    return {_moment(path, name): _commands(path, name, said) for name, said in found.items()}


def _moment(path: Path, name: str) -> Moment:
    names = [moment.value for moment in Moment]
    if name in names:
        return Moment(name)
    near = difflib.get_close_matches(name, names, n=1)
    fix = f"did you mean {near[0]}?" if near else f"the hooks are: {', '.join(names)}"
    raise Usage(f"{path}: there is no hook `{name}`", fix=fix)


def _commands(path: Path, name: str, said: object) -> tuple[tuple[str, ...], ...]:
    lines = said if isinstance(said, list) else [said]
    try:
        commands = tuple(tuple(shlex.split(line)) for line in lines if isinstance(line, str))
    except ValueError as error:
        raise Usage(f"{path}: {name}: {error}", fix="close the quotes") from error
    if len(commands) != len(lines) or not all(commands):
        raise Usage(
            f"{path}: {name} is no command", fix=f'say {name} = "PROGRAM WORDS", or a list of such lines'
        )
    return commands
