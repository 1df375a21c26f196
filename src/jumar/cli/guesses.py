"""Owns what `jumar init` reads out of a folder: the well-known three-file layout, or fair guesses."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from jumar.cli.drafts import Draft
from jumar.cli.sources import at_home, constant, home_paths, imports, printed_names, read
from jumar.core.contract import Clock, Direction
from jumar.executors.machine import this_machine

THREE_FILES = ("train.py", "prepare.py", "program.md")
_ENTRIES = ("train.py", "main.py", "bench.py", "benchmark.py", "run.py", "solution.py")
_METRIC_WORDS = ("bpb", "loss", "score", "acc", "error", "perplexity", "seconds", "time", "speed", "metric")
_HIGHER = ("acc", "score", "f1", "auc", "reward", "throughput", "per_s", "speed", "bleu", "sharpe", "ratio")
_UP = re.compile(r"higher is better|highest|maximi[sz]e", re.IGNORECASE)
_DOWN = re.compile(r"lower is better|lowest|minimi[sz]e", re.IGNORECASE)
_KILL = re.compile(r"exceeds\s+\**(\d+)\s+minutes", re.IGNORECASE)


def recognise(folder: Path) -> Draft | None:
    """The settings of a checkout of the three-file layout (karpathy/autoresearch), or None.

    train.py is edited; prepare.py has the data, the evaluation and TIME_BUDGET; program.md has the
    instructions; the results are lines `name: value` after a line `---`.
    """
    if not all((folder / name).is_file() for name in THREE_FILES):
        return None
    train, prepare, program = (read(folder / name) for name in THREE_FILES)
    own_s = constant(prepare, "TIME_BUDGET") or constant(train, "TIME_BUDGET") or 300
    metric = next(iter(printed_names(train, after="---")), None) or "val_bpb"
    kill = _KILL.search(program)
    inputs = {path: at_home(path).exists() for path in home_paths(prepare)}
    env: tuple[str, ...] = ()
    if "kernels" in imports(train) and at_home("~/.cache/huggingface").exists():
        inputs["~/.cache/huggingface"], env = True, ("HF_HUB_OFFLINE=1",)
    # The layout's five minutes are for training alone, and it counts them itself: starting, compiling
    # and evaluating come on top, until what the loop allows before it kills a run.
    whole = f"{kill[1]}m" if kill and 60 * int(kill[1]) > own_s else in_short(2 * own_s)
    notes = [
        "recognised: train.py is edited, prepare.py and its evaluation stay, program.md is used as it is",
        f"taken over: the metric `{metric}`; training keeps to its own {in_short(own_s)} (TIME_BUDGET), "
        f"a run may take {whole} in all",
    ]
    if "uv run" in program:
        notes.append("`uv run` cannot build its environment in a sandbox: activate it, then run jumar")
    return Draft(
        name=folder_name(folder),
        editable=("train.py",),
        command=("python", "train.py"),
        metric=metric,
        direction=direction_of(metric, program),
        budget=in_short(own_s),
        clock=Clock.WALL,
        timeout=whole,
        memory="16GiB",
        processes=4096,
        inputs=tuple(path for path, there in inputs.items() if there),
        env=env,
        likely_inputs=tuple(path for path, there in inputs.items() if not there),
        notes=tuple(notes),
    )


def guess(folder: Path) -> Draft:
    """What may fairly be guessed of any folder; nothing of it is certain."""
    scripts = [name for name in _ENTRIES if (folder / name).is_file()]
    others = sorted(
        path.name for path in folder.glob("*.py") if not path.name.startswith(("test_", "conftest"))
    )
    # Of several, the one that prints a number by name is what is run.
    alone = (
        others if len(others) == 1 else [name for name in others if any(printed_names(read(folder / name)))]
    )
    script = scripts[0] if scripts else alone[0] if len(alone) == 1 else None
    names = list(printed_names(read(folder / script))) if script else []
    likely = [name for word in _METRIC_WORDS for name in names if word in name.lower()]
    metric = next(iter([*likely, *names]), None)
    has_tests = (folder / "tests").is_dir() or any(folder.glob("test_*.py"))
    return Draft(
        name=folder_name(folder),
        editable=(script,) if script else (),
        command=("python", script) if script else (),
        metric=metric,
        direction=direction_of(metric, "") if metric else None,
        clock=Clock.WALL if this_machine().gpus else Clock.CPU,
        likely_checks=(("python", "-m", "pytest", "-q"),) if has_tests else (),
    )


def direction_of(metric: str, program: str) -> Direction:
    """Which way is better, by what program.md says first, else by the metric's name."""
    up, down = _UP.search(program), _DOWN.search(program)
    if up and (not down or up.start() < down.start()):
        return Direction.MAXIMIZE
    if down or not any(word in metric.lower() for word in _HIGHER):
        return Direction.MINIMIZE
    return Direction.MAXIMIZE


def folder_name(folder: Path) -> str:
    """The folder's name as the name of a target."""
    plain = unicodedata.normalize("NFKD", folder.resolve().name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "target"


def in_short(seconds: float) -> str:
    """`300` as `5m`."""
    return f"{seconds / 60:g}m" if seconds >= 60 and seconds % 60 == 0 else f"{seconds:g}s"
