"""Plays cases against the loop that everybody writes first: edit, commit, run, grep, keep if lower.

Nothing confines a candidate there, so each case has a box to itself (bubblewrap: a file system that is
thrown away, no network but its own loopback, processes that end with it) and the loop is run inside.

    python -m bench.cheats.loop FILE     inside the box: a case as JSON in, what came of it as JSON out
"""

from __future__ import annotations

import math
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.cheats.case import Case
from bench.cheats.stage import HERE, SECRET_NAME, Stage
from jumar.testing.repository import Repository

SEED = "42"
PATIENCE_S, BOX_S = 20, 150
MOST_BYTES = 1 << 30  # of memory for each process in the box
ROOT = HERE.parents[1]


class Looped(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case in the plain loop."""

    case: str
    was_kept: bool
    printed: float | None
    best: float
    traces: tuple[str, ...] = ()
    problem: str = ""  #: why it was not played


def loop(cases: list[Case]) -> list[Looped]:
    """Each case in a box of its own. Cases that spare the loop, and other targets, are left out."""
    return [_boxed(case) for case in cases if case.target == "fit" and not case.loop]


def _boxed(case: Case) -> Looped:
    with tempfile.NamedTemporaryFile("wb", suffix=".json") as file:
        file.write(msgspec.json.encode(case))
        file.flush()
        home = os.path.expanduser("~")
        command = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        for place in ("/tmp", "/var/tmp", "/dev/shm", home):
            command += ["--size", str(256 << 20), "--tmpfs", place]
        for place in dict.fromkeys((str(ROOT), sys.prefix, sys.base_prefix, file.name)):
            command += ["--ro-bind", place, place]
        command += ["--unshare-all", "--die-with-parent", "--new-session", "--chdir", str(ROOT)]
        command += [sys.executable, "-m", "bench.cheats.loop", file.name]
        try:
            done = subprocess.run(command, capture_output=True, timeout=BOX_S, check=True)
            return msgspec.json.decode(done.stdout.splitlines()[-1], type=Looped)
        except (subprocess.SubprocessError, msgspec.MsgspecError, IndexError) as error:
            said = getattr(error, "stderr", b"") or b""
            problem = f"{type(error).__name__}: {said.decode(errors='replace')[-300:]}"
            return Looped(case=case.name, was_kept=False, printed=None, best=math.nan, problem=problem)


def _play(case: Case) -> Looped:
    """One case, proposed as often as it asks, beside the loop's first number."""
    with tempfile.TemporaryDirectory() as place, Stage(Path(place), "fit").set_up() as stage:
        (stage.folder / "plain.py").write_bytes((HERE / "plain.py").read_bytes())
        (stage.folder / "out").mkdir()
        with (stage.folder / ".gitignore").open("a") as ignored:
            ignored.write("run.log\n")
        repository = Repository(stage.folder)
        repository.commit("the loop")
        first = _printed(stage)
        assert first is not None, "the unchanged target prints a number"
        best = first
        was_kept, printed, own = False, None, {"work.py"}
        broken = []
        for _ in range(case.times):
            own |= set(_write(case, stage))
            try:
                repository.commit("a try")
                printed = _printed(stage)
                if printed is not None and printed < best:
                    was_kept, best = True, printed
                else:
                    repository.git("reset", "-q", "--hard", "HEAD~1")
            except subprocess.CalledProcessError:
                broken = ["the repository no longer works"]
        traces = [*stage.traces(own).get(case.name, ()), *stage.damage(), *broken]
        if stage.secret.encode() in (stage.folder / "run.log").read_bytes():
            traces.append("the environment's secret in the log")
        return Looped(
            case=case.name,
            was_kept=was_kept,
            printed=printed if printed is None or math.isfinite(printed) else None,
            best=first,
            traces=tuple(sorted(trace for trace in traces if not _is_the_loops(trace, own))),
        )


def _write(case: Case, stage: Stage) -> list[str]:
    """Make the edits as an agent would that may write anywhere in the folder."""
    files = {path.relative_to(stage.folder).as_posix(): path for path in stage.folder.rglob("*")}
    before = {
        name: path.read_bytes() for name, path in files.items() if path.is_file() and ".git/" not in name
    }
    edits = stage.edits(case.edits(before), case.name)
    for edit in edits:
        place = stage.folder / edit.path
        if edit.content is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if edit.mode == 0o120000:
            place.symlink_to(os.fsdecode(edit.content))
        else:
            place.write_bytes(edit.content)
            place.chmod(edit.mode & 0o777)
    return [edit.path for edit in edits]


def _printed(stage: Stage) -> float | None:
    """What `grep ^error: run.log | tail -1` would give."""
    env = {"PATH": os.environ["PATH"], "HOME": os.path.expanduser("~"), SECRET_NAME: stage.secret}
    env |= {"JUMAR_SEED": SEED, "JUMAR_BUDGET_S": "1", "JUMAR_OUT": "out", "JUMAR_RUN_OUT": "out"}
    log = stage.folder / "run.log"
    with log.open("wb") as file:
        try:
            subprocess.run(
                [sys.executable, "-S", "plain.py"],
                cwd=stage.folder,
                env=env,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE_S,
                check=False,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES)),
            )
        except subprocess.TimeoutExpired:
            return None
    found = re.findall(rb"(?m)^error: +(\S+)$", log.read_bytes())
    try:
        return float(found[-1]) if found else None
    except ValueError:
        return None


def _is_the_loops(trace: str, own: set[str]) -> bool:
    """True for what the loop itself does to the folder: it commits and resets, and writes its log."""
    changed = trace.removeprefix("file …/fit/").removesuffix(" was changed")
    git = ("index", "logs", "refs/heads/main", "COMMIT_EDITMSG", "ORIG_HEAD")
    ours = (".gitignore", "run.log", "plain.py", *(f".git/{name}" for name in git))
    return changed.startswith(ours) or "__pycache__/" in changed or changed in own


def main(argv: list[str]) -> int:
    """Play the case in the file and print what came of it."""
    result: Any = _play(msgspec.json.decode(Path(argv[0]).read_bytes(), type=Case))
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
