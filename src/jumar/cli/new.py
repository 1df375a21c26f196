"""Owns the verbs that start from a target that ships with Jumar: new and demo."""

from __future__ import annotations

import shlex
import subprocess
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import click

from jumar.app import open_study
from jumar.assembly import environment
from jumar.cli import render
from jumar.cli.exits import Exit
from jumar.cli.nexts import entering
from jumar.cli.run import work
from jumar.cli.verb import json_option, verb
from jumar.errors import EnvironmentUnfit, TargetUnfit
from jumar.home import CONTRACT
from jumar.rules.contract_file import read_contract
from jumar.targets.copy import copy_target, shipped_targets

DEMO_HOURS = 7.5 / 60  # with the report, eight minutes
DEMO_BUDGET = "10s"  # half of tinylm's own: twice the experiments, at 1.7 times the noise
PREPARE = "prepare.py"
# Whoever has not told git a name yet, or has it sign or check every commit, gets a first commit as well.
_AS_US = ("-c", "user.name=Jumar", "-c", "user.email=jumar@localhost",
          "-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null")  # fmt: skip
_MISSING = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n) is None])"

_name = click.argument("name", metavar="NAME", default="tinylm")


@verb("jumar new tinylm", "jumar new tinylm my-model && cd my-model && jumar run")
@_name
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
def new(name: str, folder: Path | None) -> None:
    """Copy a target that ships with Jumar into DIR, prepare its data and commit it.

    DIR is NAME in this folder when it is not given; it must not exist yet, or be empty.
    """
    folder = folder or Path(name)
    _start(name, folder)
    render.say(f"{folder} is ready; read its README.md and program.md, then:")
    render.say(*(f"  {line}" for line in (*entering(folder), "jumar run")))


@verb("jumar demo tinylm", "jumar demo tinylm --dir /tmp/tinylm-demo")
@_name
@click.option(
    "-C", "--dir", "folder", type=click.Path(path_type=Path), help="Where (default: NAME-demo here)."
)
@json_option
def demo(name: str, folder: Path | None, as_json: bool) -> Exit:
    """Run a short real study of a target that ships with Jumar: at most 8 minutes.

    A tuner, which needs no account and no GPU, improves the target; every result is measured, and
    what was gained is certified at the end. The same command goes on from there.
    """
    folder = folder or Path(f"{name}-demo")
    tell = render.note if as_json else render.say
    tell("This is a real study and takes at most 8 minutes. Ctrl-C ends it; the same command goes on.")
    if not (folder / CONTRACT).exists():
        _start(name, folder, budget=DEMO_BUDGET)
    live = open_study(folder)
    return work(live, hours=DEMO_HOURS, as_json=as_json)


def _start(name: str, folder: Path, *, budget: str | None = None) -> None:
    """The target in `folder`, with its data and its first commit."""
    _refuse_missing(name)
    copy_target(name, folder)
    if budget:
        _rebudget(folder / CONTRACT, budget)
    if (folder / PREPARE).exists():
        render.note(f"preparing the data of {name} in {folder} ...")
        _do(folder, "python", PREPARE)
    _do(folder, "git", "init", "-q")
    _do(folder, "git", "add", "-A")
    _do(folder, "git", *_AS_US, "commit", "-q", "-m", f"{name} as it ships")


def _refuse_missing(name: str) -> None:
    """Refuse a target whose packages the Python of its runs does not have: those of its own extra."""
    try:
        wanted = requires("jumar") or []
    except PackageNotFoundError:
        return
    marked = [each for each in wanted if f'extra == "{name}"' in each.replace("'", '"')]
    packages = [each.split(";")[0].strip() for each in marked]
    bare = ["".join(c if c.isalnum() or c in "_-." else " " for c in each).split()[0] for each in packages]
    missing = _do(Path(), "python", "-c", _MISSING, *bare).split() if name in shipped_targets() else []
    if missing:
        pinned = " ".join(f'"{package}"' for package in packages)
        raise EnvironmentUnfit(
            f"{name} needs {', '.join(missing)}, which the Python on PATH does not have",
            fix=f"python -m pip install {pinned}",
        )


def _rebudget(contract: Path, budget: str) -> None:
    """Give every run of the contract's first scale another budget."""
    text = contract.read_text(encoding="utf-8")
    usual = f"{read_contract(text).run.budget.amount:g}s"
    contract.write_text(text.replace(f'"{usual}"', f'"{budget}"'), encoding="utf-8")


def _do(folder: Path, *command: str) -> str:
    """What a command of the setting-up prints. Raises what says that it failed, and how."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise EnvironmentUnfit(f"there is no `{command[0]}` on PATH", fix=f"install {command[0]}") from None
    except subprocess.CalledProcessError as error:
        last = "\n".join((error.stderr or error.stdout or "").splitlines()[-5:])
        raise TargetUnfit(
            f"`{shlex.join(command[:4])}` in {folder} failed: {last}",
            fix=f"mend that, remove {folder}, and do the same again",
        ) from None
    return done.stdout
