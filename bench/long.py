"""A target with a long study behind it, for whoever measures what reading one costs. Nothing of it ever ran.

    python -m bench.long /tmp/long 10000      # a folder with 10,000 experiments, commits and record

The record is `jumar.testing.records`' synthetic study as a ledger would have it: events in their order,
chained and filed as always. Its commits are in the repository; logs and curves are of a few kinds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import insert

from bench.fast import git
from jumar.core.desk import Question, Usage
from jumar.core.event import Answered, Event, Proposed, TakenUp
from jumar.core.experiment import Experiment, ExperimentRecord
from jumar.core.ledger import Artefacts, StudyRecord
from jumar.core.machine import Circumstances
from jumar.core.outcome import Measured
from jumar.core.run import Purpose, RunRecord, Side
from jumar.core.verdict import Decision, Verdict
from jumar.home import find_home
from jumar.ledgers import chain, rows
from jumar.ledgers.schema import EXPERIMENT, RUN
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.ledgers.tally import Tally
from jumar.ledgers.transitions import Marks, take
from jumar.testing.records import make_study
from jumar.testing.retold import retold

KINDS = 24  # of logs and curves
LR = "LEARNING_RATE = {}\n"
SOURCE = "".join(f"LAYER_{n} = {n}\n" for n in range(40)) + LR + "print('loss: 2.65')\n"
CONTRACT = """\
[target]
name = "tinylm"
editable = ["train.py"]
[run]
command = ["python", "train.py"]
budget = "20s"
[measure]
metric = "val_bpb"
direction = "minimize"
score = ["python", "score.py"]
[limits]
experiments = 200_000
usd = 50_000.0
"""
UNDER = Circumstances(machine="a CPU, 1 core", workers=2)
_COMMIT = re.compile(r'(?<=")[0-9a-f]{40}(?=")')


def make_long(folder: Path, experiments: int) -> Path:
    """A folder with a study of so many experiments, and everything that its record names."""
    record, records, _ = make_study(experiments)
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(SOURCE.format(0.01))
    (folder / "score.py").write_text("print('scored')\n")
    (folder / "jumar.toml").write_text(CONTRACT)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    real = _commits(folder, record, records)
    home = find_home(folder, record.name)
    home.make()
    with closing(open_ledger(home.ledger)) as ledger:
        kinds = _kinds(ledger.artefacts())
        _write(ledger, record.name, _events(record, records, kinds), real)
    return folder


def _commits(folder: Path, record: StudyRecord, records: tuple[ExperimentRecord, ...]) -> dict[str, str]:
    """A real commit for every one of the study, through one stream to git: name in the study → in git."""
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
    )
    marks, lines = {record.terms.base: head.stdout.strip()}, list[str]()
    for one in records[1:]:
        made, content = one.experiment, SOURCE.format(one.number)
        marks[made.commit] = f":{one.number}"
        lines += (
            f"commit refs/jumar/{record.name}/{one.number}", f"mark :{one.number}",
            f"committer jumar <jumar@localhost> {int(one.proposed_at)} +0000", "data 2", "an",
            f"from {marks[made.parent]}", "M 100644 inline train.py", f"data {len(content)}", content,
        )  # fmt: skip
    exported = folder / ".git" / "marks"
    stream = "\n".join([*lines, ""])
    subprocess.run(
        ["git", "fast-import", "--quiet", f"--export-marks={exported}"],
        cwd=folder, input=stream.encode(), check=True,
    )  # fmt: skip
    found = dict(line.split() for line in exported.read_text().splitlines())
    return {name: found.get(mark, mark) for name, mark in marks.items()}


def _kinds(artefacts: Artefacts) -> list[dict[str, str]]:
    """Digests of a log and a curve, of each kind."""
    made = []
    for kind in range(KINDS):
        steps = range(1, 201)
        curve = "".join(
            json.dumps({"progress": n / 200, "loss": 2.6 + (3 + 0.05 * kind) / n, "step": n}) + "\n"
            for n in steps
        )
        log = "".join(f"step {n}: loss {2.6 + (3 + 0.05 * kind) / n:.4f}\n" for n in range(1, 401))
        made.append({"log": artefacts.put(log.encode()), "curve": artefacts.put(curve.encode())})
    return made


def _events(
    record: StudyRecord, records: tuple[ExperimentRecord, ...], kinds: list[dict[str, str]]
) -> Iterator[tuple[float, Event]]:
    """Everything that happened, with its time, in order; agents that are asked for it think before."""
    agents = {"tuner": 0.5, "llm": 0.5}
    terms = replace(record.terms, contract=CONTRACT, agents=agents, agent="tuner, llm")
    claim = record.claim and replace(record.claim, at=record.last_at, machine="bench")
    reason = "stopped by request"
    study = replace(record, terms=terms, claim=claim, reason=reason)
    tests = accumulate(any(run.run.purpose is Purpose.CONFIRM for run in one.runs) for one in records)
    enriched = [_enriched(one, test, kinds) for one, test in zip(records, tests, strict=True)]
    for at, event in retold(study, enriched, UNDER):
        if isinstance(event, Proposed) and event.experiment.agent == "llm":
            one = enriched[event.experiment.number]
            yield from _thought(one)
            event = replace(event, answered_usd=one.experiment.cost.usd)  # noqa: PLW2901
        yield at, event


def _enriched(one: ExperimentRecord, test: int, kinds: list[dict[str, str]]) -> ExperimentRecord:
    """The same with all that a record of today says."""
    return replace(
        one,
        experiment=_said(one),
        runs=tuple(_run(run, kinds[(one.number + run.run.seed) % len(kinds)]) for run in one.runs),
        verdict=_judged(one, test),
    )


def _run(run: RunRecord, kind: Mapping[str, str]) -> RunRecord:
    assert run.report is not None
    return replace(run, report=replace(run.report, under=UNDER), artefacts=kind)


def _thought(one: ExperimentRecord) -> Iterator[tuple[float, Event]]:
    cost, key = one.experiment.cost, f"llm/{one.number}"
    question = Question(number=one.number, parent=one.experiment.parent)
    usage = Usage(
        model="model", tokens_in=cost.tokens - 500, tokens_out=500, usd=cost.usd, seconds=cost.seconds
    )
    yield one.proposed_at - 2, TakenUp(key=key, who="llm", until=one.proposed_at + 600)
    yield (
        one.proposed_at - 1,
        Answered(agent="llm", request=key, reply="0" * 64, usage=usage, question=question),
    )


def _said(one: ExperimentRecord) -> Experiment:
    """The experiment with what its agent says beside."""
    made, number = one.experiment, one.number
    details: dict[str, Any] = {"changed": {"train.py:LEARNING_RATE": [0.01, number / 1e6]}}
    if made.agent == "llm" and number > 2:
        details = {
            "lessons": {str(number - 1): f"what experiment {number - 1} changed is not where time goes"}
        }
    touched = (f"train.py:LAYER_{number % 40}", "train.py:LEARNING_RATE")
    return replace(made, details=details, touched=touched if number else ())


def _judged(one: ExperimentRecord, test: int) -> Verdict:
    """The verdict with evidence as today's judge gives it."""
    verdict = one.verdict
    assert verdict is not None
    if verdict.decision in (Decision.FAILED, Decision.INVALID) or not one.number:
        return verdict
    evidence: dict[str, Any] = {
        "champion": 2.6, "champion_runs": 7, "run_sd": 0.008, "pair_sd": 0.006, "noise_runs": 12,
        "screen": {"value": 2.61, "seed": 7, "expected": 2.6, "gain": -0.01, "needed": 0.002},
    }  # fmt: skip
    if pairs := list(_pairs(one)):
        evidence |= {"test": test, "keep_at": 3.4, "pairs": pairs}
    return replace(verdict, evidence=evidence)


def _pairs(one: ExperimentRecord) -> Iterator[dict[str, Any]]:
    sides: dict[int, dict[Side, float]] = {}
    for run in one.runs:
        if run.run.purpose is Purpose.CONFIRM and isinstance(run.outcome, Measured):
            sides.setdefault(run.run.pair, {})[run.run.side] = run.outcome.value
    kept = one.is_kept
    for pair, values in sides.items():
        candidate, reference = values[Side.CANDIDATE], values[Side.REFERENCE]
        yield {
            "seed": 11 * pair, "candidate": candidate, "reference": reference, "gain": reference - candidate,
            "log_evidence": (1.5 if kept else -0.2) * (pair + 1),
        }  # fmt: skip


def _write(
    ledger: SqlLedger, study: str, events: Iterator[tuple[float, Event]], real: Mapping[str, str]
) -> None:
    """The ledger's own rules and chain, in one transaction instead of one for each event."""
    tally: Tally | None = None
    marks, written, digest, seq = Marks(), list[dict[str, Any]](), chain.GENESIS, 0
    with ledger.database.writer.begin() as connection:
        for at, event in events:
            seq += 1
            content = _COMMIT.sub(
                lambda found: real.get(found[0], found[0]), msgspec.json.encode(event).decode()
            )
            tally, about = take(tally, marks, study, seq, chain.decode(seq, content))
            digest = chain.link(digest, seq, at, study, content)
            written.append(
                {
                    "seq": seq,
                    "at": at,
                    "study": study,
                    "experiment": about,
                    "event": content,
                    "digest": digest,
                }
            )
            if len(written) == 5_000:
                rows.append(connection, written)
                written = []
        rows.append(connection, written)
        made = [{"study": study, "number": n, "commit_sha": commit, "judged": judged}
                for n, (commit, judged) in marks.experiments.items()]  # fmt: skip
        connection.execute(insert(EXPERIMENT), made)
        ran = [{"study": study, "key": key, "experiment": n, "ended": ended}
               for key, (n, ended) in marks.runs.items()]  # fmt: skip
        connection.execute(insert(RUN), ran)
        assert tally is not None
        rows.write_tally(connection, study, tally)


if __name__ == "__main__":
    make_long(Path(sys.argv[1]), int(sys.argv[2]))
