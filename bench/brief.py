"""How long a brief is, and how long it takes to build, after 10 to 10,000 experiments.

Synthetic studies of the target tinylm: the square root of the experiments was kept, ideas touch ten
knobs and ever more functions. Milliseconds (of CPU) are the median of several briefs, each after one more
experiment, as a study asks for them; the first of a sitting reads the whole history and is told apart.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from msgspec.structs import replace

from bench.common import Bar, arguments, report
from bench.fast import git
from jumar.agents.knobs import knobs_of
from jumar.agents.tuning import KnobsNow
from jumar.core.event import Entry, Event, Judged, Proposed, RunEnded, RunStarted
from jumar.core.experiment import ExperimentRecord
from jumar.rules.brief_text import brief_text
from jumar.rules.contract_file import read_contract
from jumar.rules.history import History
from jumar.rules.recollection import Recollection
from jumar.rules.tokens import tokens
from jumar.study.brief import Briefing
from jumar.targets.copy import copy_target
from jumar.testing.records import make_study
from jumar.workspaces.git import open_workspace

BRIEFS = 9  # timed at each mark
BUDGET = 24_000


class Told:
    """A study as its entries tell it, one experiment after the other."""

    def __init__(self, records: Sequence[ExperimentRecord], names: Sequence[str], commit: str) -> None:
        self.history = History()
        self._names, self._commit = names, commit
        for record in records:
            self.add(record)

    def add(self, record: ExperimentRecord) -> None:
        """One experiment more, with its runs and its verdict. Everything keeps the one real commit."""
        assert record.verdict is not None
        touched = self._touched(record.number)
        # Commits only have to be told apart here; those of champions must be there to be read.
        own = record.experiment.commit
        commit = self._commit if record.is_kept else own
        self._note(Proposed(experiment=replace(record.experiment, touched=touched, commit=commit)))
        for run in record.runs:
            assert run.outcome is not None
            self._note(RunStarted(run=replace(run.run, commit=commit) if run.run.commit == own else run.run))
            self._note(RunEnded(key=run.run.key, outcome=run.outcome, artefacts=run.artefacts))
        self._note(Judged(experiment=record.number, verdict=record.verdict))

    def _note(self, event: Event) -> None:
        seq = self.history.last_seq + 1
        self.history.apply(Entry(seq=seq, at=float(seq), study="s", event=event, digest=""))

    def _touched(self, number: int) -> tuple[str, ...]:
        if not number:
            return ()
        dice = Random(number)
        if dice.random() < 0.3:
            return (f"train.py:idea_{dice.randrange(1 + number // 5)}",)
        return tuple(dice.sample(self._names, dice.randint(1, min(3, len(self._names)))))


def measure(mark: int, folder: Path) -> dict[str, Any]:
    """The brief after `mark` experiments of a study in `folder`."""
    workspace = open_workspace(folder)
    commit = workspace.resolve("HEAD")
    assert commit is not None
    contract = read_contract((folder / "jumar.toml").read_text())
    _, records, made = make_study(mark + BRIEFS)
    contract = replace(contract, measure=replace(contract.measure, metric=made.measure.metric))
    source = workspace.read(commit, "train.py") or b""
    names = [knob.name for knob in knobs_of({"train.py": source}, ())]
    told = Told(records[: mark + 1], names, commit)
    briefing = Briefing("s", contract, workspace, ())
    recollection, knobs = Recollection(), KnobsNow()
    program = (folder / "program.md").read_text()
    spent, text = [], ""
    for more in records[mark + 1 :]:
        began = time.process_time()
        brief = briefing.write(told.history, program)
        text = brief_text(brief, recollection.read(brief.history), knobs(brief))
        spent.append(1000 * (time.process_time() - began))
        told.add(more)
    return {
        "tokens": tokens(text),
        "bytes": len(text.encode()),
        "first_ms": round(spent[0], 1),
        "ms": round(median(spent[1:]), 1),
        "digest": hashlib.sha256(text.encode()).hexdigest()[:12],
    }


def main() -> int:
    """Measure, print, and hold the bars."""
    parser = arguments("brief", __doc__ or "")
    parser.add_argument("--marks", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jumar-bench-") as place:
        folder = Path(place) / "tinylm"
        copy_target("tinylm", folder)
        git(folder, "init", "-q")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "start")
        figures = {f"{mark:,}": measure(mark, folder) for mark in options.marks}
    flat = [figures[f"{mark:,}"]["tokens"] for mark in options.marks if mark >= 100]
    last = figures[f"{options.marks[-1]:,}"]
    bars = [
        Bar("longest over shortest from 100 on", max(flat) / min(flat), 1.10),
        Bar("most tokens", max(row["tokens"] for row in figures.values()), BUDGET),
        Bar("milliseconds at the last mark", last["ms"], 50),
    ]
    return report("brief", figures, bars, json=options.json, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
