"""A study whose machine is only pretended: the real loop and rules, commits in memory, runs without work.

Time is the executor's: it goes on to the end of the next run. So a night of sixty-four workers takes
seconds, and the same chance gives the same night.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.ideas import FOLDER, Landscape, ideas_in
from jumar.core.agent import Agent, Team
from jumar.core.evaluator import FinishedRun
from jumar.core.event import StudyStarted
from jumar.core.executor import Ended, Lost
from jumar.core.job import Ending, ExitReport, Job
from jumar.core.ledger import Ledger
from jumar.core.machine import Circumstances, Machine
from jumar.core.outcome import Measured
from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import Committed, TreeFile
from jumar.ledgers.artefacts import FolderArtefacts
from jumar.rules.contract_file import read_contract
from jumar.study.parts import Observer, Parts
from jumar.study.places import Surroundings
from jumar.testing.memory_ledger import MemoryLedger

RUN_S, SPREAD = 300.0, 0.05  # a run, and how much runs differ
MOST_LOOKS = 40  # at a free slot, before time goes on to the end of the next run
CONTRACT = f"""\
[target]
name = "pretended"
editable = ["{FOLDER}/*"]
[run]
command = ["none"]
budget = "5m"
[measure]
metric = "loss"
direction = "minimize"
baseline = 4
scores = "full"
"""
BASE = sha256(b"the unchanged target").hexdigest()[:40]
MACHINE = Machine(host="none", system="none", python="3", cpu="none", cores=64, memory_bytes=1 << 30)


class Clock:
    """What time it is, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


class Commits(NamedTuple):
    """What a workspace holds."""

    made: dict[str, tuple[str, tuple[Edit, ...]]]  #: commit → parent, edits
    refs: dict[str, str]


class PretendedWorkspace:
    """Keeps the promises of `core.workspace.Workspace` that a loop needs; files are there or not, whole."""

    def __init__(self, commits: Commits | None = None) -> None:
        self.commits = commits or Commits({}, {})
        self._made, self._refs = self.commits
        self.tree = lru_cache(maxsize=4096)(self._tree)
        self.ideas = lru_cache(maxsize=4096)(lambda commit: ideas_in(self.tree(commit)))

    def _tree(self, commit: str) -> dict[str, bytes]:
        if commit == BASE:
            return {}
        parent, edits = self._made[commit]
        tree = dict(self.tree(parent))
        for edit in edits:
            tree.pop(edit.path, None)
            if edit.content is not None:
                tree[edit.path] = edit.content
        return tree

    def pin(self, paths: Sequence[str], *, include_dirty: bool) -> str:
        return BASE

    def files(self, commit: str) -> Mapping[str, TreeFile]:
        return {
            path: TreeFile(mode=REGULAR, blob=content.hex()) for path, content in self.tree(commit).items()
        }

    def read(self, commit: str, path: str) -> bytes | None:
        return self.tree(commit).get(path)

    def commit(self, parent: str, edits: Sequence[Edit], *, message: str, ref: str) -> Committed:
        sha = sha256(f"{parent} {message} {ref}".encode()).hexdigest()[:40]
        self._made[sha] = (parent, tuple(edits))
        self._refs[ref] = sha
        return Committed(sha=sha, tree=sha)

    def materialise(self, commit: str, folder: Path, *, without: Sequence[str] = ()) -> None:
        folder.mkdir()

    def point(self, ref: str, new: str, *, old: str | None) -> None:
        self._refs[ref] = new

    def resolve(self, ref: str) -> str | None:
        return self._refs.get(ref)

    def diff(self, old: str, new: str) -> str:
        return ""

    def merge(self, base: str, ours: str, theirs: str) -> tuple[Edit, ...] | None:
        was, now, here = self.tree(base), self.tree(theirs), self.tree(ours)
        changed = sorted(path for path in was.keys() | now.keys() if was.get(path) != now.get(path))
        return tuple(
            Edit(path=path, content=now.get(path)) for path in changed if here.get(path) != now.get(path)
        )


class PretendedExecutor:
    """Every job takes about RUN_S of a clock that goes from the end of one to the end of the next."""

    under: Circumstances | None = None

    def __init__(self, slots: int, clock: Clock, chance: int) -> None:
        self.slots, self._clock = slots, clock
        self._dice, self._count = random.Random(chance), count()
        self._jobs: list[tuple[float, int, str]] = []
        self._looks = 0  # since a job came, with a slot free

    def submit(self, job: Job) -> None:
        self._looks = 0
        took = RUN_S * self._dice.uniform(1 - SPREAD, 1 + SPREAD)
        heapq.heappush(self._jobs, (self._clock.now + took, next(self._count), job.key))

    def wait(self, timeout_s: float) -> tuple[Ended | Lost, ...]:
        if not self._jobs:
            return ()
        if len(self._jobs) < self.slots and self._looks < MOST_LOOKS:
            self._looks += 1  # somebody may have something for it at the next turn
            self._clock.now += timeout_s
            return ()
        self._clock.now, _, key = heapq.heappop(self._jobs)
        report = ExitReport(
            ending=Ending.EXITED,
            exit_code=0,
            wall_s=RUN_S,
            cpu_s=RUN_S,
            peak_memory_bytes=1 << 20,
            output_bytes=0,
        )
        return (Ended(key=key, report=report),)

    def wake(self) -> None:
        """Nobody sleeps."""

    def cancel(self, key: str) -> None:
        """Nothing runs that could be stopped: it ends in its time."""

    def close(self) -> None:
        self._jobs.clear()


class PretendedEvaluator:
    """Measures what the landscape says of the ideas in a run's commit."""

    trusted = True

    def __init__(self, landscape: Landscape, workspace: PretendedWorkspace) -> None:
        self._landscape, self._workspace = landscape, workspace
        self.runs = 0

    def scoring(self, finished: FinishedRun) -> Job | None:
        return None

    def measure(self, finished: FinishedRun, scored: ExitReport | None) -> Measured:
        self.runs += 1
        ideas = self._workspace.ideas(finished.run.commit)
        return Measured(value=self._landscape.run(ideas, finished.run.seed, finished.run.key))


class Night(NamedTuple):
    """What is pretended."""

    landscape: Landscape
    agent: Agent
    slots: int
    chance: int = 0
    nearby: float = 0.0  #: share of proposals that start from a near miss


@contextmanager
def pretended(
    night: Night, observe: Observer, *, ledger: Ledger | None = None, commits: Commits | None = None
) -> Iterator[Parts]:
    """Everything a study of the landscape needs. Its ledger is in memory unless one is given.

    `commits` are there where it goes on.
    """
    landscape, agent, slots, chance, nearby = night
    clock, workspace = Clock(), PretendedWorkspace(commits)
    secret = sha256(f"{landscape.terms.name}/{chance}".encode()).hexdigest()
    with TemporaryDirectory(
        prefix="jumar-bench-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as place:
        yield Parts(
            name="pretended",
            terms=StudyStarted(
                base=BASE, contract=CONTRACT, scale="default", agent=agent.name, secret=secret, sandbox="none"
            ),
            contract=read_contract(CONTRACT),
            program="",
            protected=(),
            agent=agent,
            team=Team(
                members={agent.name: agent},
                shares={agent.name: 1.0},
                nearby=nearby,
                explorers=frozenset({agent.name}),
            ),
            workspace=workspace,
            executor=PretendedExecutor(slots, clock, chance),
            evaluator=PretendedEvaluator(landscape, workspace),
            ledger=ledger or MemoryLedger(now=clock),
            artefacts=FolderArtefacts(Path(place) / "artefacts"),
            around=Surroundings(env={}, inputs={}, readable=(), masked=(), without=()),
            scratch=Path(place) / "scratch",
            observe=observe,
            now=clock,
            machine=lambda: MACHINE,
        )
