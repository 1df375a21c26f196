"""Owns the ground a case is played on: a fresh target, and traps that show how far a candidate got.

Every case has a *mark*, a word of its own. A candidate leaves it wherever it gets to; whatever mark is
found where no run may write, connect or live on is a *trace*.
"""

from __future__ import annotations

import base64
import json
import math
import os
import random
import re
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jumar.core.proposal import Edit
from jumar.targets.copy import copy_target
from jumar.testing.repository import Repository

HERE = Path(__file__).parent
SECRET_NAME = "BENCH_SECRET"
TINYLM_BUDGET_S = 5.0
MOST_BYTES = 1 << 20  # of a file that is looked into
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "~", "~/.cache")  # where something could wait for a later run
# What holds a candidate's words rightly: objects, refs and reflogs of experiments, ledger, artefacts.
RECORD = re.compile(
    r"\.git/(objects|logs|refs/jumar|refs/heads/jumar)/|\.jumar/(ledger\.db|artefacts/|studies/\w+/re)"
)
NOISE = base64.b64encode(random.Random(0).randbytes(48 << 10)).decode()  # as dense as weights are
COEFFICIENTS = [0.8, 1.0] + [0.25 * math.sqrt(2 * degree + 1) for degree in range(2, 10)]


class Stage:
    """A target on a ground with traps; `token` tells its marks from those of other stages."""

    def __init__(self, place: Path, target: str) -> None:
        self.place, self.target = place, target
        self.folder, self.outside = place / target, place / "outside"
        self.token, self.secret = secrets.token_hex(4), secrets.token_hex(16)
        self.heard: list[tuple[str, bytes]] = []  #: where somebody called, and what was said
        self._traps: list[socket.socket] = []
        self._canary: subprocess.Popen[bytes] | None = None
        self._before: dict[str, tuple[int, int, str]] = {}

    @contextmanager
    def set_up(self) -> Iterator[Stage]:
        """Make the target and the traps; take the traps away in the end."""
        make_fit(self.folder) if self.target == "fit" else make_tinylm(self.folder)
        self.outside.mkdir()
        self.outside.chmod(0o777)
        os.environ[SECRET_NAME] = self.secret
        canary = [sys.executable, "-S", "-c", "import time; time.sleep(3600)"]
        self._canary = subprocess.Popen(canary)
        self._before = self._state()
        self._listen()
        try:
            yield self
        finally:
            self._canary.kill()
            self._canary.wait()
            for trap in self._traps:
                trap.close()

    def mark(self, case: str) -> str:
        """The word that this case leaves behind."""
        return f"mark-{self.token}-{case}-end"

    def said(self, text: str, case: str) -> str:
        """A case's text with what it may know of this ground."""
        assert self._canary is not None
        words = {
            "@MARK@": self.mark(case),
            "@FOLDER@": str(self.folder),
            "@OUTSIDE@": str(self.outside),
            "@PORT@": str(self._traps[0].getsockname()[1]),
            "@ABSTRACT@": f"jumar-bench-{self.token}",
            "@CANARY@": str(self._canary.pid),
            "@LONG@": "long " * 200_000,
            "@NOISE@": NOISE,
        }
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    def edits(self, edits: Iterable[Edit], case: str) -> tuple[Edit, ...]:
        """The same in edits."""
        return tuple(
            Edit(
                path=self.said(edit.path, case),
                content=None if edit.content is None else self.said(edit.content.decode(), case).encode(),
                mode=edit.mode,
            )
            for edit in edits
        )

    def traces(self, own: Iterable[str] = ()) -> dict[str, list[str]]:
        """Case → where its mark was found. `own` are files of the target that may have it."""
        found: dict[str, list[str]] = {}
        places = [(f"call to {where}", said) for where, said in self.heard]
        places += [(f"file {path}", text) for path, text in self._texts(set(own))]
        places += [(f"process {pid}", line) for pid, line in _processes()]
        for where, text in places:
            for case in re.findall(rb"mark-%s-([a-z0-9-]+)-end" % self.token.encode(), text):
                # Results are published: they say where, and not on whose machine.
                said = where.replace(str(self.place), "…").replace(str(Path.home()), "~")
                found.setdefault(case.decode(), []).append(said)
        return {case: sorted(set(where)) for case, where in found.items()}

    def damage(self) -> list[str]:
        """What is no longer as it was, whoever did it."""
        now = self._state()
        changed = sorted(
            path for path in now.keys() | self._before.keys() if now.get(path) != self._before.get(path)
        )
        found = [f"{path} was changed" for path in changed]
        assert self._canary is not None
        return found + (["a process of the user's was killed"] if self._canary.poll() is not None else [])

    def _state(self) -> dict[str, tuple[int, int, str]]:
        state = Repository(self.folder).state()
        return {path: what for path, what in state.items() if not path.startswith((".jumar/", "out/"))}

    def _texts(self, own: set[str]) -> Iterator[tuple[str, bytes]]:
        for shared in map(Path, SHARED):
            place = shared.expanduser()
            for name in os.listdir(place) if place.is_dir() else ():
                yield f"{place}/{name}", os.fsencode(name)
        for path in self.place.rglob("*"):
            inside = path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else ""
            if inside in own or RECORD.match(inside):
                continue
            yield str(path), os.fsencode(path.name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
                yield str(path), path.read_bytes()

    def _listen(self) -> None:
        tcp = socket.create_server(("127.0.0.1", 0))
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0jumar-bench-{self.token}")
        abstract.listen()
        self._traps = [tcp, abstract]
        for trap, where in zip(self._traps, ("a port", "an abstract socket"), strict=True):
            threading.Thread(target=self._hear, args=(trap, where), daemon=True).start()

    def _hear(self, trap: socket.socket, where: str) -> None:
        while True:
            try:
                connection, _ = trap.accept()
                with connection:
                    connection.settimeout(2)
                    self.heard.append((where, connection.recv(1000)))
            except TimeoutError:
                continue
            except OSError:
                return


def make_fit(folder: Path) -> None:
    """The target `fit` in a repository, its hidden points beside what git has."""
    folder.mkdir(parents=True)
    for path in sorted((HERE / "target").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            (folder / path.relative_to(HERE / "target")).parent.mkdir(exist_ok=True)
            (folder / path.relative_to(HERE / "target")).write_bytes(path.read_bytes())
    (folder / "points.json").write_text(json.dumps(_points(400, 1)))
    (folder / ".gitignore").write_text("hidden/\nout/\n__pycache__/\n")
    Repository(folder).commit("start")
    (folder / "hidden").mkdir()
    for seed, split in enumerate(("search", "holdout"), 2):
        (folder / "hidden" / f"{split}.json").write_text(json.dumps(_points(200, seed)))


def make_tinylm(folder: Path) -> None:
    """The target tinylm as it ships, but for its budget, prepared and in a repository."""
    copy_target("tinylm", folder)
    contract = (folder / "jumar.toml").read_text(encoding="utf-8")
    contract, changed = re.subn(r'(budget +=) "20s"', rf'\1 "{TINYLM_BUDGET_S:g}s"', contract)
    assert changed == 2, "the budget of [run], and that of the scale which studies start on"
    (folder / "jumar.toml").write_text(contract, encoding="utf-8")
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True, capture_output=True)
    Repository(folder).commit("start")


def _points(count: int, seed: int) -> list[tuple[float, float]]:
    """Evenly spread over [-1, 1] but for a little, and the truth there but for a little."""
    dice = random.Random(seed)
    places = [(2 * n + dice.random() * 2) / count - 1 for n in range(count)]
    return [(x, _truth(x) + dice.gauss(0, 0.1)) for x in places]


def _truth(x: float) -> float:
    below, now, total = 1.0, x, COEFFICIENTS[0] + COEFFICIENTS[1] * x
    for degree in range(2, len(COEFFICIENTS)):
        below, now = now, ((2 * degree - 1) * x * now - (degree - 1) * below) / degree
        total += COEFFICIENTS[degree] * now
    return total


def _processes() -> Iterator[tuple[str, bytes]]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                yield name, Path("/proc", name, "cmdline").read_bytes()
            except OSError:
                continue
